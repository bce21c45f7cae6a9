"""Times on a command line: ISO 8601, or a length of time before now (`7d`), or a day by its name."""

import re
from datetime import UTC, datetime, timedelta

import rich_click as click

MOMENT_WORDS = "ISO 8601, or 24h, 7d, today, yesterday"
"""In the help of options that take a time."""

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
DAYS_BACK = {"today": 0, "yesterday": 1}

_LENGTH = re.compile(r"(\d{1,6})([mhdw])")
_DATE = re.compile(r"\d{4}-")


class MomentType(click.ParamType):
    """A time in UTC: `2026-03-01`, `2026-03-01T12:00:00Z`, `7d` (so long ago), `today`, `yesterday` (the beginning of that day)."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        moment = value if isinstance(value, datetime) else _moment(value.strip(), datetime.now(UTC))
        if moment is None:
            self.fail(
                f"{value!r} is no time; write 2026-03-01, 2026-03-01T12:00:00Z, 24h, 7d, today or yesterday.",
                param,
                ctx,
            )
        return moment


MOMENT = MomentType()


def _moment(text: str, now: datetime) -> datetime | None:
    """The time that a text names; None for a text that names none."""
    try:
        if length := _LENGTH.fullmatch(text.lower()):
            return now - int(length[1]) * UNITS[length[2]]
        if text.lower() in DAYS_BACK:
            return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS_BACK[text.lower()])
        return _in_utc(datetime.fromisoformat(text)) if _DATE.match(text) else None
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
