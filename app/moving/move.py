"""Use case: move a project to another database while it takes calls.

1 watch: from now on every added, changed or deleted call is noted.
2 copy: the rows of that moment, page by page, each compared in the target.
3 catch up: the noted calls, until few are left, or no fewer from round to round: the project is written as fast as it is copied.
4 switch: nothing of the project can be written here any more (503); the rest is copied; both sides are compared; the project is opened
  there, and here it has moved.

What was done stands in both databases (`project_move`), so a move that was killed goes on when it is asked for again, and `undo` leads
back. A kill in step 4 leaves the project closed on both sides until then: nothing is stored twice, nothing is lost.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf

from sqlalchemy import Connection, Engine

from app.errors import CallerError, DependencyError
from app.moving import parts
from app.moving.arrival import Arrival
from app.moving.files import Copied, add_up
from app.moving.sides import Sides
from app.store import moves, project_tables
from app.store.arrivals import Arriving
from app.store.engine import transaction
from app.store.moves import MoveState
from app.store.project_tables import ProjectTable, table_named
from app.store.projects import Project

ReportStep = Callable[[str, int], None]
"""Called with the step that begins, and the calls copied since."""

FEW_NOTES = 500
"""Noted calls that the switch copies, in some 0.1 s."""

LONGEST_HOLD_SECONDS = 60.0
"""Longest round of catching up that the switch repeats, in which callers wait: clients repeat a refused call for minutes."""

ROUND_CALLS = 100_000
"""Calls copied from one snapshot: a longer one keeps PostgreSQL from cleaning up."""

CHANGED_AT_ONCE = 500
"""Noted calls copied in one transaction, in some 0.1 s."""


_BY_PEOPLE = [
    table
    for table in project_tables.all_tables()
    if table.name not in moves.UNWATCHED | {project_tables.PROJECT, "webhook"}
]
"""Tables whose every change matters: calls, results of grouping, decisions, keys. Webhooks are deleted here, and the target notes their
failures.
"""


class Move:
    """A move, from the database that the project leaves."""

    def __init__(self, source: Engine, target: Engine, project: Project, *, peer: str, tell: ReportStep) -> None:
        self._source = source
        self._target = target
        self._project = project
        self._peer = peer
        self._tell = tell
        self._arrival = Arrival(target, project.id, project.name, "another database")

    # Forward

    def run(self) -> Copied:
        """Move the project, or continue a move that was killed."""
        state = self._state()
        if state == "arriving":
            raise CallerError(
                f"The project {self._project.name} has not arrived here yet. Let that move or import end first."
            )
        if state not in ("switching", "moved"):
            self._refuse_strangers()
            self._tell("watch", 0)
            moves.watch(self._source, self._project.id, self._peer)
            self._copy()
            self._catch_up()
        if state != "moved":
            self._switch()
        self._tell("moved", 0)
        with parts.snapshot(self._source) as source:
            return Copied(self._project, parts.totals(source, self._project.id, project_tables.all_tables()))

    def _state(self) -> MoveState | None:
        with transaction(self._source) as connection:
            return moves.state_of(connection, self._project.id)

    def _refuse_strangers(self) -> None:
        """Refuse a project in the target that is not our unfinished copy."""
        if not self._arrival.begin():
            raise CallerError(
                f"The project {self._project.name} has arrived in that database before. Delete it there first "
                f"(`promptlode delete --project {self._project.name} --everything --with-project`)."
            )

    def _copy(self) -> None:
        """Copy in rounds, each from one snapshot; the last arrived page is the starting point of the next."""
        self._tell("copy", 0)
        calls = table_named(parts.CALLS)
        with parts.snapshot(self._source) as source:
            newest = project_tables.last_key(source, calls, self._project.id)
        while newest and self._copy_round(calls, newest):
            pass

    def _copy_round(self, calls: ProjectTable, newest: Sequence[str]) -> bool:
        """Copy one snapshot; whether there are more calls to copy. Calls behind the newest are noted, so the copy does not follow them."""
        after = self._arrival.copied().get("after", [])
        copied = 0
        with parts.snapshot(self._source) as source:
            self._bring_small(source)
            for page in project_tables.pages(source, calls, self._project.id, calls.columns, after, until=newest):
                self._arrival.receive(calls, calls.columns, page.data, {"after": page.last_key})
                copied += page.rows
                self._tell("copied", page.rows)
                if copied >= ROUND_CALLS:
                    return True
        return False

    def _bring_small(self, source: Connection) -> None:
        """Copy the tables to which calls refer."""

        def bring(target: Connection, arriving: Arriving) -> None:
            self._sides(source, target, arriving).level(parts.small_tables(), parts.columns_first)

        self._arrival.in_one(bring, stays_closed=True)

    def _sides(self, source: Connection, target: Connection, arriving: Arriving) -> Sides:
        return Sides(source, target, arriving, self._project.id)

    def _catch_up(self) -> None:
        """Copy noted calls until the switch has few to copy, or as many as the last round, while nothing is written.

        Raises DependencyError when these would take too long.
        """
        self._tell("catch up", 0)
        copied_before = inf
        while True:
            began = time.monotonic()
            with parts.snapshot(self._source) as source:
                self._bring_small(source)
                copied = self._bring_noted(source)
            seconds = time.monotonic() - began
            if copied < FEW_NOTES:
                return
            if copied >= copied_before:
                self._refuse_long_wait(seconds)
                return
            copied_before = copied

    @staticmethod
    def _refuse_long_wait(seconds: float) -> None:
        if seconds > LONGEST_HOLD_SECONDS:
            raise DependencyError(
                f"The project changes faster than it is copied, and its callers would wait for {seconds:.0f} s until the rest is copied. "
                "Run the same command again at a quieter time; what was copied stays."
            )

    def _bring_noted(self, source: Connection) -> int:
        """Copy the calls noted by now; answers how many."""
        total = 0
        while numbers := self._bring_some(source, total):
            total += numbers
        return total

    def _bring_some(self, source: Connection, skip: int) -> int:
        """Copy the oldest noted calls after `skip` notes, and forget their notes; answers the number of the notes."""
        ids, numbers = moves.noted(source, self._project.id, CHANGED_AT_ONCE, skip)
        if numbers:

            def bring(target: Connection, arriving: Arriving) -> None:
                self._sides(source, target, arriving).repeat(ids)

            self._arrival.in_one(bring, stays_closed=True)
            with transaction(self._source) as connection:
                moves.forget_noted(connection, self._project.id, numbers)
            self._tell("caught up", len(ids))
        return len(numbers)

    # The switch

    def _switch(self) -> None:
        """Close the project here, copy what is left, open it there. Where that fails, the project is open here again."""
        self._tell("switch", 0)
        with transaction(self._source) as connection:
            moves.note(connection, self._project.id, "switching", self._peer)
        try:
            with transaction(self._source) as connection:
                moves.await_writers(connection, self._project.id)
            if self._arrival.state() != "arrived":
                self._tell("last", 0)
                self._bring_last()
        except BaseException:
            self._thaw()
            raise
        self._tell("opened", 0)
        self._close()
        add_up(self._target)

    def _bring_last(self) -> None:
        """Copy what the rounds left, compare both sides, and open the project in the target; all of it or nothing."""
        with parts.snapshot(self._source) as source:

            def bring(target: Connection, arriving: Arriving) -> None:
                sides = self._sides(source, target, arriving)
                sides.level(parts.small_tables(), parts.columns_first)
                self._bring_rest(source, sides)
                sides.level_calls()
                sides.level(parts.closing_tables(), parts.all_columns)
                sides.compare()

            self._arrival.in_one(bring, stays_closed=False)

    def _bring_rest(self, source: Connection, sides: Sides) -> None:
        """Apply all changes that are noted."""
        skip = 0
        while True:
            ids, numbers = moves.noted(source, self._project.id, CHANGED_AT_ONCE, skip)
            if not numbers:
                return
            sides.repeat(ids)
            skip += len(numbers)

    def _close(self) -> None:
        """Mark the project as moved here: no run, retention or reconciler reads its remains."""
        with transaction(self._source) as connection:
            moves.as_mover(connection, self._project.id)
            moves.keep_work_away(connection, self._project.id)
            moves.silence(connection, self._project.id)
            moves.note(connection, self._project.id, "moved", self._peer)
            moves.forget_all_noted(connection, self._project.id)

    def _thaw(self) -> None:
        """Allow writes again, if the project was certainly not opened in the target."""
        with suppress(Exception):
            if self._arrival.state() != "arrived":
                with transaction(self._source) as connection:
                    moves.note(connection, self._project.id, "copying", self._peer)

    # Undo, and finish

    def undo(self) -> None:
        """Undo the move: delete the copy and reopen the project here. Raises CallerError once the copy took calls."""
        state = self._state()
        if state not in moves.LEAVING and self._arrival.state() != "arriving":
            raise CallerError(f"The project {self._project.name} does not move.")
        if self._arrival.state() in ("arrived", "switching"):
            self._refuse_changed()
        self._reopen(state)
        if self._arrival.state() is not None:
            moves.remove_copy(self._target, self._project.id)
            moves.watch_no_more(self._target)
        with transaction(self._source) as connection:
            moves.forget(connection, self._project.id)
        moves.watch_no_more(self._source)

    def _refuse_changed(self) -> None:
        """Close the copy, and refuse if it took calls: transactions that wrote to it have ended, and no new one starts."""
        moves.watch(self._target, self._project.id, "back")
        with transaction(self._target) as connection:
            moves.note(connection, self._project.id, "switching", "back")
        with transaction(self._target) as connection:
            moves.await_writers(connection, self._project.id)
        with parts.snapshot(self._source) as source, parts.snapshot(self._target) as target:
            is_unchanged = parts.totals(source, self._project.id, _BY_PEOPLE) == parts.totals(
                target, self._project.id, _BY_PEOPLE
            )
        if not is_unchanged:
            with transaction(self._target) as connection:
                moves.note(connection, self._project.id, "arrived", "another database")
            moves.watch_no_more(self._target)
            raise CallerError(
                "The project has changed where it moved to. Move it back instead: `promptlode projects move` there, "
                "once its old copy is gone here (`promptlode projects move NAME --finish`)."
            )

    def _reopen(self, state: MoveState | None) -> None:
        """Open a project that has moved here again, with the keys and the groups of its copy."""
        if state != "moved":
            return
        with parts.snapshot(self._target) as target, transaction(self._source) as connection:
            moves.as_mover(connection, self._project.id)
            arriving = Arriving(connection, self._project.id)
            self._sides(target, connection, arriving).level(parts.closing_tables(), parts.all_columns)


def finish(source: Engine, moved_project: Project) -> None:
    """Delete the remains of a project that has moved. Its keys are unknown here from then on."""
    with transaction(source) as connection:
        state = moves.state_of(connection, moved_project.id)
    if state != "moved":
        raise CallerError(f"The project {moved_project.name} has not moved away from here.")
    moves.remove_copy(source, moved_project.id)
    moves.watch_no_more(source)
