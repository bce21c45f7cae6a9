"""Times on a command line."""

from datetime import UTC, datetime

import rich_click as click

from app.moments import moment_of

MOMENT_WORDS = "ISO 8601, or 24h, 7d, today, yesterday"
"""In the help of options that take a time."""


class MomentType(click.ParamType):
    """A time in UTC: `2026-03-01`, `2026-03-01T12:00:00Z`, `7d` (so long ago), `today`, `yesterday` (the beginning of that day)."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        moment = value if isinstance(value, datetime) else moment_of(value.strip(), datetime.now(UTC))
        if moment is None:
            self.fail(
                f"{value!r} is no time; write 2026-03-01, 2026-03-01T12:00:00Z, 24h, 7d, today or yesterday.",
                param,
                ctx,
            )
        return moment


MOMENT = MomentType()
