"""Calls of a version, or of all versions with its text, with the values of their slots and the model's answer: a data set for evaluations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select

from app.reading.template_calls import TemplateCalls
from app.reading.usage import Range
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
    """The last of these calls to be stored; answered: only calls with an output and without an error."""
    query = (
        select(
            trace.c.id,
            trace.c.seen_at,
            trace.c.model,
            template.c.slots,
            trace.c.variables,
            trace.c.output,
            trace.c.usage,
            trace.c.error,
        )
        .join_from(trace, template, template.c.id == trace.c.template_id)
        .where(trace.c.project_id == calls.project_id, *_conditions(calls))
        .order_by(trace.c.id.desc())
        .limit(min(limit, MOST_CALLS_OF_A_DATASET))
    )
    if within is not None and within.since is not None:
        query = query.where(trace.c.seen_at >= within.since)
    if within is not None and within.until is not None:
        query = query.where(trace.c.seen_at < within.until)
    if answered:
        query = query.where(trace.c.output.is_not(None), trace.c.error.is_(None))
    characters_left = MOST_CHARACTERS
    for row in connection.execute(query, execution_options={"yield_per": 100}):
        variables = variables_of(row.slots, row.variables) or {}
        characters_left -= sum(map(len, variables.values())) + len(str(row.output))
        if characters_left < 0:
            return
        yield Example(row.id, row.seen_at, row.model, variables, row.output, row.usage, row.error)


def _conditions(calls: TemplateCalls) -> Iterator[ColumnElement[bool]]:
    if calls.version_id is not None:
        yield trace.c.implementation_id == calls.version_id
        return
    yield trace.c.template_id == calls.template_id
    if calls.model is not None:
        yield trace.c.model == calls.model


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
