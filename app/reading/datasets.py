"""Calls of a version, or of all versions with its text, with the values of their slots and the model's answer: a data set for evaluations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, select

from app.reading.ranges import Range
from app.reading.template_calls import VERSIONS, TemplateCalls, newest_calls, sampled_calls
from app.store.tables import template, trace
from app.store.traces import variables_of

MOST_CALLS_OF_A_DATASET = 10_000
"""Calls of one data set: it is made in memory, and a value may have a megabyte."""

MOST_CHARACTERS = 100_000_000
"""Characters of values and answers in one data set; the newest calls are kept."""


@dataclass(frozen=True)
class Example:
    """One call."""

    id: UUID
    started_at: datetime
    model: str
    variables: Mapping[str, str]
    output: Any
    usage: Any
    error: Any


def examples(
    connection: Connection,
    calls: TemplateCalls,
    within: Range | None,
    *,
    limit: int,
    answered: bool = False,
) -> Iterator[Example]:
    """The newest of these calls; answered: only calls with an output and without an error."""
    query = _query(calls, within or Range(), min(limit, MOST_CALLS_OF_A_DATASET), answered=answered)
    characters_left = MOST_CHARACTERS
    for row in connection.execute(query, calls.parameters, execution_options={"yield_per": 100}):
        variables = variables_of(row.slots, row.variables) or {}
        characters_left -= sum(map(len, variables.values())) + len(str(row.output))
        if characters_left < 0:
            return
        yield Example(row.id, row.seen_at, row.model, variables, row.output, row.usage, row.error)


def _query(calls: TemplateCalls, within: Range, limit: int, *, answered: bool) -> Select[Any]:
    """All versions without a range: the last calls stored, by the index of the template. Else the newest calls of each version, by its index.

    A data set leaves out no version, however many there are.
    """
    names = ("id", "project_id", "template_id", "seen_at", "model", "variables", "output", "usage", "error")
    columns = [trace.c[name] for name in names]
    by_store = calls.of_all_versions and within == Range()
    conditions = list(_conditions(within, answered=answered))
    newest = (
        sampled_calls(columns, limit, *conditions, of_all_versions=True)
        if by_store
        else newest_calls(columns, limit, *conditions, versions=VERSIONS)
    )
    return (
        select(newest, template.c.slots)
        .join_from(newest, template, template.c.id == newest.c.template_id)
        .where(newest.c.project_id == calls.project_id)
        .order_by(*([] if by_store else [newest.c.seen_at.desc()]), newest.c.id.desc())
    )


def _conditions(within: Range, *, answered: bool) -> Iterator[ColumnElement[bool]]:
    """Nothing that another index has: PostgreSQL would read all its calls and sort them."""
    if within.since is not None:
        yield trace.c.seen_at >= within.since
    if within.until is not None:
        yield trace.c.seen_at < within.until
    if answered:
        yield trace.c.output.is_not(None)
        yield trace.c.error.is_(None)


def text_of(output: Any) -> str | None:
    """The text of an answer: of its last message, or the answer itself; None where it has no text."""
    if isinstance(output, str):
        return output
    if isinstance(output, Mapping):
        return text_of(output.get("content", output.get("text")))
    if isinstance(output, list):
        texts = [text for item in output if (text := text_of(item)) is not None]
        return "\n\n".join(texts) if texts else None
    return None
