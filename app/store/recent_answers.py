"""The answers that models gave in the last minutes, by the ids of their providers, each with the call that was stored for it.

Two signals of one call may share nothing but that id: a span and a log event that does not know its span, or two instrumentations whose
spans have no common parent. The row of an answer is written with its call, in one transaction, and its key is unique: of two requests at
the same moment, to any processes, the second one waits for the first one's COMMIT and then finds its row.

The rows are digests and last for minutes. The table is not logged: after a crash of PostgreSQL it is empty, which costs what a late signal
costs, a call that is stored twice.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from app.errors import UnseenCallError

ANSWERS_KEPT = timedelta(minutes=10)
"""Signals of one call are sent within seconds of each other, and exporters retry for minutes. An older note counts as none; the reconciler
removes older ones every ten minutes.
"""

_IS_OLD = f"recent_answer.told_at < clock_timestamp() - interval '{ANSWERS_KEPT.total_seconds():.0f} seconds'"

REPLACE_OLD = f"""
    ON CONFLICT (answer, texts) DO UPDATE SET span = EXCLUDED.span, scope = EXCLUDED.scope, told_at = EXCLUDED.told_at
     WHERE {_IS_OLD}
"""
"""The end of an INSERT of notes: an old note gives its place to a new one, a recent note stays."""


class AnswerNote(NamedTuple):
    """A signal that described an answer, as numbers of 64 bits.

    answer: the provider's id in its project. texts: all texts sent to the model. span: the signal's own span. scope: its instrumentation.
    """

    answer: int
    texts: int
    span: int
    scope: int

    @property
    def key(self) -> tuple[int, int]:
        """A provider without ids of its own gives many answers the same id: their texts part them."""
        return self.answer, self.texts


_OF_ANSWERS = text(f"""
    SELECT answer, texts, span, scope FROM recent_answer
     WHERE answer = ANY (cast(string_to_array(:answers, ' ') AS bigint[])) AND NOT {_IS_OLD}
""")  # noqa: S608  ours
"""The numbers are one text: the driver would quote a thousand numbers one by one."""

_TAKE = text(f"""
    INSERT INTO recent_answer (answer, texts, span, scope)
    SELECT * FROM unnest(cast(string_to_array(:answer, ' ') AS bigint[]), cast(string_to_array(:texts, ' ') AS bigint[]),
     cast(string_to_array(:span, ' ') AS bigint[]), cast(string_to_array(:scope, ' ') AS bigint[]))
    {REPLACE_OLD}
""")  # noqa: S608  ours

_FORGET_OLD = text("DELETE FROM recent_answer WHERE told_at < clock_timestamp() - cast(:kept AS interval)")
"""Reads the whole table, which holds minutes: an index of times would cost every call more than this costs once in ten minutes."""


def of_answers(connection: Connection, answers: Iterable[int]) -> list[AnswerNote]:
    """The notes of these answers, each answer as in `AnswerNote`."""
    numbers = _numbers(set(answers))
    return [AnswerNote(*row) for row in connection.execute(_OF_ANSWERS, {"answers": numbers})] if numbers else []


def take(connection: Connection, notes: Collection[AnswerNote]) -> None:
    """Write the notes of calls that this transaction stores; their keys are distinct.

    Raises UnseenCallError where one of the keys is taken, after which nothing may be stored.
    """
    if notes:
        columns = zip(*sorted(notes), strict=True)  # in one order, so that two transactions never deadlock
        values = dict(zip(AnswerNote._fields, map(_numbers, columns), strict=True))
        if connection.execute(_TAKE, values).rowcount < len(notes):
            raise UnseenCallError


def forget_old(connection: Connection) -> None:
    """Remove the notes of answers that were told before ANSWERS_KEPT."""
    connection.execute(_FORGET_OLD, {"kept": ANSWERS_KEPT})


def _numbers(values: Iterable[int]) -> str:
    return " ".join(map(str, values))
