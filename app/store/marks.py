"""Marks of templates: hashes of stretches of fixed text, by which similar templates are found.

A template keeps the smallest hashes of its stretches (a bottom-k sketch): the share of marks that two templates have in common is close to
their share of common stretches, however long they are. The hash includes the project, so the index of marks never leads to another
project's templates.
"""

from collections.abc import Sequence
from hashlib import blake2b
from heapq import nsmallest
from itertools import chain, islice
from uuid import UUID

from sqlalchemy import Connection, select, update

from app.store.tables import grouping_key, template
from app.store.templates import from_parts
from templating import Template
from templating.scripts import tokens

STRETCH_TOKENS = 3
"""Tokens in a stretch: pairs occur in most prompts, longer stretches lose more to each edit."""

MARKS = 32
"""Marks of a template. Where a third of all stretches is common, 10 of 32 marks are on average; no mark is, once in 400,000 times."""

READ_TOKENS = 20_000
"""Tokens of a template that are read, some 100 KB: hashing them takes 20 ms while a run saves."""

FILLED_AT_ONCE = 200
"""Templates that `fill` takes in one transaction."""


def marks_of(project_id: UUID, template_found: Template) -> list[int]:
    """The marks of a template, at most `MARKS`; none where it has no fixed text."""
    words = list(islice(chain.from_iterable(map(tokens, template_found.literals)), READ_TOKENS))
    stretches = {" ".join(words[start : start + STRETCH_TOKENS]) for start in range(_starts(words))}
    return nsmallest(MARKS, (_hash(project_id, stretch) for stretch in stretches))


def _starts(words: Sequence[str]) -> int:
    """The number of stretches that begin; a shorter text is one stretch."""
    return max(min(1, len(words)), len(words) - STRETCH_TOKENS + 1)


def _hash(project_id: UUID, stretch: str) -> int:
    digest = blake2b(stretch.encode("utf-8", "surrogatepass"), digest_size=8, key=project_id.bytes).digest()
    return int.from_bytes(digest, "big", signed=True)


def fill(connection: Connection) -> int:
    """Give marks to templates that have none yet, at most `FILLED_AT_ONCE`; how many."""
    unmarked = (
        select(template.c.id, template.c.parts, template.c.slots, grouping_key.c.project_id)
        .join(grouping_key, grouping_key.c.id == template.c.group_id)
        .where(template.c.marks.is_(None))
        .order_by(template.c.id)
        .limit(FILLED_AT_ONCE)
        .with_for_update(of=template, key_share=True, skip_locked=True)
    )
    rows = connection.execute(unmarked).all()
    for row in rows:
        marks = marks_of(row.project_id, from_parts(row.parts, row.slots))
        connection.execute(update(template).where(template.c.id == row.id).values(marks=marks))
    return len(rows)
