"""The target side of a move. Until the project is opened its groups are quarantined and it has no keys, so no reader meets half of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from app.errors import CallerError
from app.store import moves, project_tables, projects
from app.store.arrivals import Arriving
from app.store.engine import transaction
from app.store.project_tables import ProjectTable
from app.store.projects import Project


class Arrival:
    """A project that arrives in a database."""

    def __init__(self, engine: Engine, project_id: UUID, name: str, peer: str) -> None:
        self._engine = engine
        self._project_id = project_id
        self._name = name
        self._peer = peer

    def state(self) -> moves.MoveState | None:
        """The state of the move in this database."""
        with transaction(self._engine) as connection:
            return moves.state_of(connection, self._project_id)

    def begin(self) -> bool:
        """Make the project, or continue a partial copy; False when all of it has arrived before.

        Raises CallerError when the project, or another one of its name, exists for another reason.
        """
        with transaction(self._engine) as connection:
            stored_project = projects.by_id(connection, self._project_id)
            if stored_project is None:  # deleted since: nothing has arrived
                moves.forget(connection, self._project_id)
            state = moves.state_of(connection, self._project_id)
            if state == "arrived":
                return False
            if state != "arriving":
                self._refuse_others(connection, stored_project)
                moves.note(connection, self._project_id, "arriving", self._peer)
            return True

    def _refuse_others(self, connection: Connection, stored_project: Project | None) -> None:
        if stored_project is not None:
            also = (
                ""
                if stored_project.name == self._name
                else ": it is the one that is to arrive, and another name makes no other project"
            )
            raise CallerError(
                f"The project {stored_project.name} ({stored_project.id}) is in that database already{also}. Delete it there first "
                f"(`promptlode delete --project {stored_project.name} --everything --with-project`, or `promptlode projects move {stored_project.name} --finish` "
                "where it has moved away from), or choose another database."
            )
        if moves.name_taken(connection, self._project_id, self._name):
            raise CallerError(
                f"That database has another project {self._name}. Import under another name: --name NAME; to move it, rename one of the two."
            )

    def copied(self) -> dict[str, Any]:
        """The progress of the copy when it was last noted."""
        with transaction(self._engine) as connection:
            return moves.copied(connection, self._project_id)

    def receive(self, table: ProjectTable, columns: Sequence[str], data: bytes, so_far: Mapping[str, Any]) -> None:
        """Store a page and the progress of the copy; both or neither."""
        with transaction(self._engine) as connection:
            arriving = Arriving(connection, self._project_id)
            arriving.put(table, columns, data)
            if table.name in {project_tables.PROJECT, "grouping_key"}:
                arriving.stay_closed()
            moves.note_copied(connection, self._project_id, dict(so_far))

    def in_one(self, act: Callable[[Connection, Arriving], None], *, stays_closed: bool) -> None:
        """Several steps in one transaction; at its end the project is closed or open."""
        with transaction(self._engine) as connection:
            arriving = Arriving(connection, self._project_id)
            act(connection, arriving)
            if stays_closed:
                arriving.stay_closed()
            else:
                moves.note(connection, self._project_id, "arrived", self._peer)
