"""Numbers, times and amounts in words for people, on pages and in a terminal. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor, log10

_SECONDS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def number(value: float | None) -> str:
    """12345 -> "12,345"; None -> a dash."""
    return "–" if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """12345 -> "12.3k", for columns where the magnitude matters."""
    if value is None:
        return "–"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 10 * size or (value >= size and unit != "k"):
            return f"{value / size:.3g}{unit}"
    return f"{value:,.0f}"


def percent(share: float | None) -> str:
    """0.123 -> "12 %"; a small share is not shown as 0, nor nearly all as 100."""
    if share is None:
        return "–"
    if 0.99 < share < 1:
        return "> 99 %"
    return "< 1 %" if 0 < share < 0.01 else f"{share:.0%}".replace("%", " %")


def sum_texts(total: float, part: float) -> tuple[str, str, str]:
    """An amount, what remains of it without a part, and the part: 0.0734 and 0.0561 -> "$0.0734", "$0.0173", "$0.0561"; they add up."""
    digits = 2 if total >= 1 or total <= 0 else 2 - floor(log10(total))
    rounded_total, rounded_part = round(total, digits), round(part, digits)
    return tuple(f"${amount:,.{digits}f}" for amount in (rounded_total, rounded_total - rounded_part, rounded_part))  # type: ignore[return-value]


def dollars(value: float | None) -> str:
    """12.3456 -> "$12.35", 0.00123 -> "$0.0012"; a small amount is not shown as 0."""
    if value is None:
        return "–"
    if value == 0:
        return "$0"
    if abs(value) >= 1000:
        return f"${value:,.0f}" if abs(value) < 1e6 else f"${short(value)}"
    if abs(value) >= 0.01:
        return f"${value:,.2f}"
    return f"${value:.2g}" if abs(value) >= 0.0001 else "< $0.0001"


NO_PRICE = "no price"
"""Stands for a cost where nobody knows the price of any model; "$0" would look like a cost."""


def cost_text(amount: float, estimated: bool) -> str:
    """A cost in dollars; "~" marks an estimate."""
    if estimated and not amount:
        return NO_PRICE
    return f"{'~' if estimated else ''}{dollars(amount)}"


def day(time: datetime) -> str:
    """A day in UTC, as charts name it: "1 Mar"; with the hour where it is not midnight."""
    time = time.astimezone(UTC)
    return f"{time.day} {time:%b}" + (f" {time:%H:%M}" if time.hour or time.minute else "")


def day_alone(time: datetime) -> str:
    """A day in UTC without the hour: "1 Mar"."""
    return f"{time.astimezone(UTC).day} {time.astimezone(UTC):%b}"


def seconds(milliseconds: float | None) -> str:
    """Milliseconds as `duration` writes them."""
    return duration(None if milliseconds is None else milliseconds / 1000)


def signed(value: float | None) -> str:
    """A relative change: 0.123 -> "+12 %"."""
    if value is None:
        return "–"
    return "± 0 %" if abs(value) < 0.005 else f"{value:+,.0%}".replace("%", " %").replace("-", "−")


def duration(seconds: float | None) -> str:
    """0.42 -> "420 ms", 3.2 -> "3.2 s", 200 -> "3 min"; a dash for a call that ends before it begins."""
    if seconds is None or seconds < 0:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def moment(time: datetime | None) -> str:
    """A time to the second, in UTC, since the server does not know the reader's zone."""
    # isoformat, since strftime takes five times as long.
    return "–" if time is None else f"{time.astimezone(UTC).isoformat(' ')[:19]} UTC"


_SECONDS_TOLD_AS_DAYS = 730 * 86_400
"""Two years: nobody counts 20,787 days back to a date."""


def ago(time: datetime | None, now: datetime | None = None) -> str:
    """The time since then, to the largest unit, or a date years ago; "in 3 minutes" for a clock that is ahead of ours."""
    if time is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - time).total_seconds()
    if seconds >= _SECONDS_TOLD_AS_DAYS:
        return f"{time.astimezone(UTC):%Y-%m-%d}"
    for unit, size in _SECONDS:
        if abs(seconds) >= size:
            count = int(abs(seconds) // size)
            words = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"


def parsed(time: str | None) -> datetime | None:
    """A time from a text of a snapshot."""
    return datetime.fromisoformat(time) if time else None


def enumerated(names: Sequence[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def plural(count: int, word: str) -> str:
    """3, "call" -> "3 calls"."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def cut(text: str, most: int) -> str:
    """The text, with … behind its first characters where it has more than `most`."""
    return text if len(text) <= most else f"{text[:most]}…"
