"""Times as people write them: ISO 8601, or a length of time before now (`7d`), or a day by its name. Pure."""

import re
from datetime import UTC, datetime, timedelta

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
DAYS_BACK = {"today": 0, "yesterday": 1}

_LENGTH = re.compile(r"([0-9]{1,6})([mhdw])")
_DATE = re.compile(r"[0-9]{4}-")


def moment_of(text: str, now: datetime) -> datetime | None:
    """The time in UTC that a text names; None for a text that names none."""
    try:
        if text.lower() in DAYS_BACK:
            return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS_BACK[text.lower()])
        return so_long_ago(text, now) or (_in_utc(datetime.fromisoformat(text)) if _DATE.match(text) else None)
    except (ValueError, OverflowError):
        return None


def so_long_ago(text: str, now: datetime) -> datetime | None:
    """The time of a length, as `7d` or `24h`; None for another text. Raises OverflowError before the year 1."""
    length = _LENGTH.fullmatch(text.lower())
    return now - int(length[1]) * UNITS[length[2]] if length else None


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
