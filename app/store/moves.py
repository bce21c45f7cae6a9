"""The state of a project that moves, in both databases, and the changes to its calls meanwhile.

Only while projects move do triggers watch their tables: each added, changed or deleted call is noted, and from the switch on nothing of the
project can be written (`moving_stage`, in the migration `moving`).
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, exists, func, insert, select, text, update
from sqlalchemy.exc import OperationalError

from app.errors import DatabaseDownError
from app.store.engine import transaction
from app.store.project_tables import all_tables
from app.store.sqlstates import is_busy
from app.store.tables import grouping_key, project, project_move, project_move_call, webhook

MoveState = Literal["copying", "switching", "moved", "arriving", "arrived"]

STATES_OF_MOVES: tuple[MoveState, ...] = get_args(MoveState)

LEAVING: tuple[MoveState, ...] = ("copying", "switching", "moved")

UNWATCHED = frozenset(
    {
        "grouping_key",
        "grouping_counter",
        "grouping_run",
        "expired_calls",
        "audit_entry",
        "change",
        "unmatched_hour",
        "webhook_delivery",
    }
)
"""Tables that background processes write for several projects at once, which must not wait for one moving project; they are read again at
the switch.
"""

WATCH_LOCK_MS = 200
"""Milliseconds to wait for the lock that a trigger takes: ingest of all projects waits behind it."""

NOW = func.clock_timestamp()

_REMOVED_CALLS = 5_000
"""Calls that one transaction removes."""

_WATCH_TRIES = 400
"""Tries to take the lock of a trigger, together some four minutes: on a busy machine most tries meet a transaction that lasts longer than one."""

_FIRST_WATCH_PAUSE_SECONDS = 0.1
"""Seconds after the first try, in which ingest goes on: most moves need one or two tries."""

_LONGEST_WATCH_PAUSE_SECONDS = 0.5
"""Seconds after later tries: ingest then waits two sevenths of the time at most, where pauses of 0.1 s made it wait two thirds."""

_WATCH_PAUSE_GROWTH = 1.05
"""Growth of the pause from try to try: it is the longest after 33 tries, some 15 seconds."""


def state_of(connection: Connection, project_id: UUID) -> MoveState | None:
    """The state of a project that moves or has moved."""
    return connection.scalar(select(project_move.c.state).where(project_move.c.project_id == project_id))


def projects_by_state(connection: Connection) -> dict[MoveState, int]:
    """The number of projects in each state, including states without any."""
    rows = connection.execute(select(project_move.c.state, func.count()).group_by(project_move.c.state))
    return dict.fromkeys(STATES_OF_MOVES, 0) | {row[0]: row[1] for row in rows}


def copied(connection: Connection, project_id: UUID) -> dict[str, Any]:
    """The progress of the copy when it was last noted."""
    return connection.scalar(select(project_move.c.copied).where(project_move.c.project_id == project_id)) or {}


def leaving(connection: Connection) -> dict[UUID, tuple[str, str]]:
    """Projects that leave or have left: state and target."""
    query = select(project_move).where(project_move.c.state.in_(LEAVING))
    return {row.project_id: (row.state, row.peer) for row in connection.execute(query)}


def note(connection: Connection, project_id: UUID, state: MoveState, peer: str) -> None:
    """Write the state of the move; the progress of the copy stays."""
    values = {"project_id": project_id, "state": state, "peer": peer}
    if not connection.execute(update(project_move).where(_of(project_id)).values(state=state, peer=peer)).rowcount:
        connection.execute(insert(project_move).values(values))


def note_copied(connection: Connection, project_id: UUID, so_far: dict[str, Any]) -> None:
    """Write the progress of the copy, in the transaction that made it."""
    connection.execute(update(project_move).where(_of(project_id)).values(copied=so_far))


def forget(connection: Connection, project_id: UUID) -> None:
    """Delete the record of a move."""
    forget_all_noted(connection, project_id)
    connection.execute(delete(project_move).where(_of(project_id)))


def _of(project_id: UUID) -> Any:
    return project_move.c.project_id == project_id


def as_mover(connection: Connection, project_id: UUID) -> None:
    """Mark this transaction's changes to the project as part of the move."""
    connection.execute(text("SELECT set_config('promptlode.mover', :project, true)"), {"project": str(project_id)})


# Watching


def watch(engine: Engine, project_id: UUID, peer: str) -> None:
    """Note every added, changed or deleted call from now on; transactions that wrote before have committed.

    Raises DatabaseDownError when a transaction holds the tables for long.
    """
    for pause in watch_pauses():
        try:
            return _watch(engine, project_id, peer)
        except OperationalError as error:
            if not is_busy(error):
                raise
        time.sleep(pause)
    raise DatabaseDownError("The tables are in use.", "A long transaction or a dump holds the tables: try again later.")


def watch_pauses() -> Iterator[float]:
    """Seconds after each try to take the lock of a trigger."""
    for number in range(_WATCH_TRIES):
        yield min(_FIRST_WATCH_PAUSE_SECONDS * _WATCH_PAUSE_GROWTH**number, _LONGEST_WATCH_PAUSE_SECONDS)


def _watch(engine: Engine, project_id: UUID, peer: str) -> None:
    with transaction(engine) as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{WATCH_LOCK_MS}ms'"))
        watched = [table for table in all_tables() if table.name not in UNWATCHED]
        names = ", ".join(table.name for table in reversed(watched))
        connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
        for table in watched:
            function = (
                "watch_moving_call()"
                if table.name == "trace"
                else f"watch_moving_row('SELECT {table.project_sql.format(row='$1')}')"
            )
            connection.exec_driver_sql(
                f"CREATE OR REPLACE TRIGGER watch_moving AFTER INSERT OR UPDATE OR DELETE ON {table.name} "
                f"FOR EACH ROW EXECUTE FUNCTION {function}"
            )
        note(connection, project_id, "copying", peer)


def watch_no_more(engine: Engine) -> None:
    """Drop the triggers, unless another project still moves. A table in use keeps its trigger, which then does nothing."""
    with transaction(engine) as connection:
        if connection.scalar(select(exists().where(project_move.c.state.in_(LEAVING)))):
            return
    for table in all_tables():
        try:
            with transaction(engine) as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = '{WATCH_LOCK_MS}ms'"))
                connection.execute(text(f"DROP TRIGGER IF EXISTS watch_moving ON {table.name}"))
        except OperationalError as error:
            if not is_busy(error):
                raise


def await_writers(connection: Connection, project_id: UUID) -> None:
    """Wait for every transaction that wrote to the project before its state changed."""
    key = func.hashtextextended(str(project_id), 0)
    connection.execute(select(func.pg_advisory_xact_lock(key)))


# Changes to calls meanwhile


def noted(connection: Connection, project_id: UUID, limit: int, skip: int) -> tuple[list[UUID], list[int]]:
    """Calls that were added, changed or deleted, the oldest change first, after `skip` of them; and the numbers of their notes."""
    query = (
        select(project_move_call.c.seq, project_move_call.c.call_id)
        .where(project_move_call.c.project_id == project_id)
        .order_by(project_move_call.c.seq)
        .limit(limit)
        .offset(skip)
    )
    rows = connection.execute(query).all()
    return sorted({row.call_id for row in rows}), [row.seq for row in rows]


def forget_noted(connection: Connection, project_id: UUID, numbers: Sequence[int]) -> None:
    """Delete the notes of calls that have arrived."""
    own_notes = (project_move_call.c.project_id == project_id) & project_move_call.c.seq.in_(numbers)
    connection.execute(delete(project_move_call).where(own_notes))


def forget_all_noted(connection: Connection, project_id: UUID) -> None:
    """Delete all notes: everything has arrived."""
    connection.execute(delete(project_move_call).where(project_move_call.c.project_id == project_id))


# In the target database


def name_taken(connection: Connection, project_id: UUID, name: str) -> bool:
    """Whether another project has the name."""
    same_name = (project.c.name == name) & (project.c.id != project_id)
    return connection.scalar(select(exists().where(same_name))) or False


def keep_work_away(connection: Connection, project_id: UUID) -> None:
    """Keep runs and retention away from the project: until it has arrived, or for ever where it has moved away."""
    at_work = (grouping_key.c.project_id == project_id) & grouping_key.c.quarantined_at.is_(None)
    connection.execute(update(grouping_key).where(at_work).values(quarantined_at=NOW))
    connection.execute(update(project).where(project.c.id == project_id).values(retention_days=0))


def silence(connection: Connection, project_id: UUID) -> None:
    """Delete the webhooks of the project here: its new database sends them."""
    connection.execute(delete(webhook).where(webhook.c.project_id == project_id))


def remove_copy(engine: Engine, project_id: UUID) -> None:
    """Delete a copy of a project with its keys, in batches of calls; its audit log stays."""
    while _remove_calls(engine, project_id):
        pass
    with transaction(engine) as connection:
        as_mover(connection, project_id)
        connection.execute(delete(project).where(project.c.id == project_id))
        forget(connection, project_id)


def _remove_calls(engine: Engine, project_id: UUID) -> int:
    with transaction(engine) as connection, closing(connection.connection.cursor()) as cursor:
        as_mover(connection, project_id)
        cursor.execute(
            "DELETE FROM trace WHERE id IN (SELECT id FROM trace WHERE project_id = %s ORDER BY id LIMIT %s)",
            (str(project_id), _REMOVED_CALLS),
        )
        return cursor.rowcount
