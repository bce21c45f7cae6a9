"""The query parameters `since` and `until` of lists and usage."""

import re
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.moments import so_long_ago
from app.reading.ranges import Range

_DATE = re.compile(r"[0-9]{4}-[0-9]")


def _in_utc(moment: datetime) -> datetime:
    """The moment in UTC, before the year 9999, at whose end Python's calendar stops: no week could be added to such a date."""
    try:
        in_utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("date", "Must be a date of the calendar in UTC, like 2026-11-30.") from None
    if in_utc.year == MAXYEAR:
        raise PydanticCustomError("date", "Must be before the year 9999.")
    return in_utc


def _of_words(text: Any) -> Any:
    """The time of `7d`; other texts as they are. Refuses numbers, which pydantic would read as Unix seconds or milliseconds."""
    try:
        moment = so_long_ago(str(text), datetime.now(UTC))
    except OverflowError:
        moment = None
    if moment is None and not _DATE.match(str(text)):
        raise PydanticCustomError(
            "date", "Must be a date, like 2026-03-01 or 2026-03-01T12:00:00Z, or a length of time like 24h or 7d."
        )
    return moment or text


Bound = Annotated[datetime, BeforeValidator(_of_words), AfterValidator(_in_utc)]


def check_order(since: datetime | None, until: datetime | None) -> None:
    """Raises PydanticCustomError for a range that holds no moment."""
    if since is not None and until is not None and since >= until:
        raise PydanticCustomError("range", "since must be before until.")


class RangeQuery(BaseModel):
    """The time range of the calls."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    since: Bound | None = Field(
        None, description="Calls made at this moment or later: ISO 8601, without a zone: UTC; or so long ago: 24h, 7d."
    )
    until: Bound | None = Field(None, description="Calls made before this moment.")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        check_order(self.since, self.until)
        return self

    @property
    def stated(self) -> Range | None:
        """The range of the request; None when it gives none."""
        return None if self.since is None and self.until is None else Range(self.since, self.until)

    def range(self, default: timedelta = timedelta(hours=24)) -> Range:
        """The range of the request; without one, the last 24 hours (or `default`) from a full hour on."""
        return self.stated or newest_range(default)


def newest_range(length: timedelta) -> Range:
    """The last `length` of time from a full hour on, with an open end, so that no query has to read the calls of this hour."""
    begin = datetime.now(UTC) - length
    return Range(begin.replace(minute=0, second=0, microsecond=0))
