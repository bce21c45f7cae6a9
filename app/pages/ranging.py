"""The range of time of a page: `range=24h`, `7d` or `30d`, or two dates, all in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.moments import so_long_ago
from app.reading.ranges import DAY, HOUR, Range, full

LENGTHS = {"24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
WIDTHS = {"24h": HOUR, "7d": 4 * HOUR, "30d": DAY}
"""The width of a stretch in charts, so that there are 24 to 42 of them."""

PARAMETERS = ("range", "since", "until")
DEFAULT = "7d"
MOST_STRETCHES = 60
"""Stretches of a chart: more are too narrow to be seen."""

SHOWN_INSTEAD = "These are the last seven days."
WRONG_DATE = "A date is written like 2026-03-01."
WRONG_ORDER = "The first day must not be after the last."


@dataclass(frozen=True)
class ShownRange:
    """The range of a page: `range` for queries, `stretches` of `width` from `begin` on for charts, `args` for links.

    problem: which part of the address is ignored, and why; "" for none.
    """

    name: str
    begin: datetime
    end: datetime
    width: timedelta
    range: Range
    args: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def days(self) -> float:
        return (self.end - self.begin) / DAY

    def days_since(self, first_call: datetime | None) -> float:
        """Days of the range from the first call of a task on, but at least one: a young task's cost a day is not that of a week."""
        begin = max(self.begin, first_call) if first_call else self.begin
        return min(self.days, max(1.0, (self.end - begin) / DAY))

    @property
    def stretches(self) -> int:
        return -(-(self.end - self.begin) // self.width)

    @property
    def in_days(self) -> bool:
        """Whether its stretches are whole days of UTC."""
        return self.width >= DAY

    @property
    def last_moment(self) -> datetime:
        """A moment in its last stretch: the end belongs to the next one."""
        return self.end - timedelta(seconds=1)

    @property
    def first_day(self) -> str:
        return f"{self.begin:%Y-%m-%d}"

    @property
    def last_day(self) -> str:
        return f"{self.last_moment:%Y-%m-%d}"


def range_of(args: Mapping[str, str], now: datetime | None = None) -> ShownRange:
    """The range in the address; the default range, with the reason, where that is invalid."""
    now = now or datetime.now(UTC)
    name, since, until = (args.get(parameter, "") for parameter in PARAMETERS)
    if since or until:
        try:
            return _whole_days(since, until, now, "range is ignored beside since and until." if name else "")
        except ValueError as error:
            return _newest(DEFAULT, now, f"{error} {SHOWN_INSTEAD}")
    problem = "" if name in {"", *LENGTHS} else f"A range is one of {', '.join(LENGTHS)}. {SHOWN_INSTEAD}"
    return _newest(name, now, problem)


def _newest(name: str, now: datetime, problem: str = "") -> ShownRange:
    """The last hours or days until now, from a full stretch on."""
    name = name if name in LENGTHS else DEFAULT
    width = WIDTHS[name]
    end = full(now, width) + width
    begin = end - LENGTHS[name]
    return ShownRange(name, begin, end, width, Range(begin), {"range": name} if name != DEFAULT else {}, problem)


def _whole_days(since: str, until: str, now: datetime, problem: str) -> ShownRange:
    """Whole days. Raises ValueError with a sentence for people."""
    begin = _day(since, now) if since else _day(until, now) - 6 * DAY
    last = _day(until, now) if until else full(now, DAY)
    if begin > last:
        raise ValueError(WRONG_ORDER)
    end = last + DAY
    days = (end - begin) // DAY
    width = HOUR if days == 1 else -(-days // MOST_STRETCHES) * DAY
    days_shown = {"since": f"{begin:%Y-%m-%d}", "until": f"{last:%Y-%m-%d}"}
    return ShownRange("own", begin, end, width, Range(begin, end), days_shown, problem)


def _day(text: str, now: datetime) -> datetime:
    """The day of a date, or of a time so long ago as the API takes it: `7d`."""
    try:
        moment = so_long_ago(text, now) or _date(text[:10])
    except (OverflowError, ValueError):
        raise ValueError(WRONG_DATE) from None
    if not 1970 <= moment.year < 9000:
        raise ValueError("The year must be from 1970 to 8999.")
    return full(moment, DAY)


def _date(text: str) -> datetime:
    """Raises ValueError; `strptime` takes digits of every script."""
    if not text.isascii():
        raise ValueError(text)
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
