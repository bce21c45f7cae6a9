"""Storage shared by the quick ways: calls are planned, counted against the rates, stored with other calls in one statement, and requested."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.config import Settings
from app.front.answers import Asked, NotQuick
from app.http.services import Services
from app.intake.record import Planned, Recorded
from app.intake.shared_commit import SharedCommit
from app.intake.trace import Incoming
from app.store import together
from app.store.loop_connection import LoopConnection
from app.store.projects import Project
from app.store.together import CurrentRow
from tasks.accept import Accepted
from tasks.asking import Asking


@dataclass(frozen=True)
class Call:
    """A call to be stored; alone_in: as in `CurrentRow`."""

    incoming: Incoming
    alone_in: str | None = None


class Storing:
    """Stores the calls of one event loop."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._commit = SharedCommit(self._connect)
        self._asking = Asking(settings)

    def close(self) -> None:
        """End the thread and the connections."""
        self._asking.close()
        self._commit.close()

    async def _connect(self) -> LoopConnection | None:
        return await LoopConnection.open(self._settings, together.statements())

    async def stored(self, asked: Asked, calls: Sequence[Call]) -> list[Recorded] | NotQuick:
        """The calls of a request after their COMMIT.  Raises DatabaseDownError, after which it is unknown whether the calls are stored."""
        plan, project_id = self._services.ingest.plan, asked.holder.project_id
        planned = [plan(project_id, call.incoming) for call in calls]
        whole = [each for each in planned if each is not None]
        if len(whole) < len(calls) or not self._services.limiter.take_call(asked.address, asked.holder, len(calls)):
            return NotQuick()
        rows = [_row(asked, call, each) for call, each in zip(calls, whole, strict=True)]
        if rows and not await self._commit.stored(rows):
            return NotQuick(is_counted=True)
        return [each.recorded for each in whole]

    async def accepted(self, asked: Asked, recorded: Sequence[Recorded]) -> list[Accepted]:
        """The word for the grouping of stored calls."""
        project = Project(asked.holder.project_id, asked.holder.project_name)
        return await asyncio.gather(*(self._asking.accepted(project, row) for row in recorded))


def _row(asked: Asked, call: Call, planned: Planned) -> CurrentRow:
    return CurrentRow(planned.row, planned.templates_version, asked.holder.key_id, call.alone_in)
