"""The page of a slot of a version: its values in a range."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import abort, render_template
from sqlalchemy import Connection, Row

from app.pages import access, ranging
from app.pages.arguments import PAGE_SIZE, argument, id_or_404, project, range_in_address
from app.pages.blueprint import pages
from app.pages.charts import Stack, bars, stack
from app.pages.counted import Counted, counted
from app.pages.versions import colours_of, numbered, versions_of
from app.reading import slot_values, tasks
from app.reading.languages import language_of
from app.reading.ranges import DAY, Range
from app.reading.slot_values import SlotPlace, Summary
from app.telling import rules

LANGUAGE_READ = 1_000
"""Characters of each value from which the language is detected."""

TOP = 5
"""Values drawn separately in a chart."""


@dataclass(frozen=True)
class ShownSlot:
    """A slot of a version of a task, and where the values that count are; versions: those of the task."""

    task: Row[Any]
    versions: Sequence[Row[Any]]
    version: Row[Any]
    counted: Counted
    place: SlotPlace

    @property
    def kind(self) -> Mapping[str, Any]:
        """The kind of the values, as the miner saw them; empty for a template of an older release."""
        kinds = self.version.slot_kinds
        return kinds[self.place.number] if self.place.number < len(kinds) else {}


@pages.get("/tasks/<task_id>/slots/<name>")
def slot(task_id: str, name: str) -> str:
    """A slot of a version: its values, their frequency, length and age."""
    range_shown, text = range_in_address(), argument("q")
    with access.reading() as connection:
        slot_shown = shown_slot(connection, task_id, name)
        figures = _figures(connection, slot_shown.place, range_shown)
        values = slot_values.values(connection, slot_shown.place, range_shown.range, holding=text, limit=PAGE_SIZE + 1)
    return render_template(
        "pages/slot.html",
        task=slot_shown.task,
        version=slot_shown.version,
        counted=slot_shown.counted,
        other_texts=_of_other_texts(slot_shown, name),
        name=name,
        kind=slot_shown.kind,
        language=language_of(value.text[:LANGUAGE_READ] for value in values),
        range_shown=range_shown,
        values=values[:PAGE_SIZE],
        has_more=len(values) > PAGE_SIZE,
        text=text,
        most=slot_values.MOST_CALLS_COUNTED,
        colours=colours_of(slot_shown.versions),
        **figures,
    )


def shown_slot(connection: Connection, task_id: str, name: str) -> ShownSlot:
    """The slot that an address names; 404 where the task, the version or the slot does not exist."""
    task = tasks.get(connection, project(), id_or_404(task_id)) or abort(HTTPStatus.NOT_FOUND)
    versions = versions_of(connection, task)
    version = _version_of(task, versions, name)
    selection = counted(version, versions)
    return ShownSlot(task, versions, version, selection, SlotPlace(selection.calls, version.slots.index(name)))


def _figures(connection: Connection, place: SlotPlace, range_shown: ranging.ShownRange) -> dict[str, Any]:
    """Figures and charts of the values in the range, by the names that the page's template has for them."""
    range_ = range_shown.range
    summary = slot_values.summary(connection, place, range_)
    before = slot_values.summary(connection, place, Range(None, range_shown.begin)) if range_.since else None
    return {
        "summary": summary,
        "fresh": slot_values.fresh(connection, place),
        "lengths": bars([(_up_to(length), calls) for length, calls in summary.lengths]),
        "over_time": _over_time(slot_values.by_day(connection, place, range_, TOP), range_shown),
        "turned": _turned(before, summary),
    }


def _up_to(length: int) -> str:
    return "empty" if length == 0 else f"up to {length:,} characters"


def _of_other_texts(slot_shown: ShownSlot, name: str) -> list[Row[Any]]:
    """Of each other template with a slot of this name the newest version, newest first."""
    newest: dict[UUID, Row[Any]] = {}
    for version in slot_shown.versions:
        if name in version.slots and version.template_id != slot_shown.version.template_id:
            newest.setdefault(version.template_id, version)
    return list(newest.values())


def _version_of(task: Row[Any], versions: Sequence[Row[Any]], name: str) -> Row[Any]:
    """The version in the link, else the one in use or the newest one with this slot."""
    having = [version for version in versions if name in version.slots]
    number = argument("version")
    candidates = [version for version in having if not number or str(version.version) == number]
    if not candidates:
        abort(HTTPStatus.NOT_FOUND)
    return numbered(candidates, str(task.version)) or candidates[0]


def _over_time(days: Iterable[tuple[str | None, datetime, int]], range_shown: ranging.ShownRange) -> Stack | None:
    """The most frequent values and all others, by day."""
    width = max(range_shown.width, DAY)
    count = max(1, -(-(range_shown.end - range_shown.begin) // width))
    layers: dict[str, list[float]] = {}
    for value, day, calls in days:
        number = (day - range_shown.begin) // width
        words = "all others" if value is None else (value[:60].strip() or "empty")
        if -1 <= number < count:
            layers.setdefault(words, [0.0] * count)[max(number, 0)] += calls
    return stack(layers)


def _turned(before: Summary | None, now: Summary) -> str:
    """Whether a slot that varied became constant in this range, beyond chance as in the feed, or the other way round; "" for neither."""
    if before is None or min(before.calls, now.calls) < slot_values.ENOUGH_CALLS:
        return ""
    if before.distinct > 1 and now.distinct == 1:
        return "constant" if rules.is_constant_beyond_chance(before.alike, before.calls, now.calls) else ""
    return "varies" if before.distinct == 1 and now.distinct > 1 else ""
