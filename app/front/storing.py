"""Storage shared by the quick ways: calls are planned, counted against the rates, stored with other calls in one statement, and requested."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.config import Settings
from app.front.answers import NotQuick, QuickRequest
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
class CallToStore:
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

    async def store(self, request: QuickRequest, calls: Sequence[CallToStore]) -> list[Recorded] | NotQuick:
        """The calls of a request after their COMMIT.  Raises DatabaseDownError, after which it is unknown whether the calls are stored."""
        plan, project_id = self._services.ingest.plan, request.holder.project_id
        planned = [plan(project_id, call.incoming) for call in calls]
        plans = [plan for plan in planned if plan is not None]
        if len(plans) < len(calls) or not self._services.limiter.take_call(request.address, request.holder, len(calls)):
            return NotQuick()
        rows = [_row(request, call, plan) for call, plan in zip(calls, plans, strict=True)]
        if rows and not await self._commit.store(rows):
            return NotQuick(is_counted=True)
        return [plan.recorded for plan in plans]

    async def accepted(self, request: QuickRequest, recorded: Sequence[Recorded]) -> list[Accepted]:
        """The word for the grouping of stored calls."""
        project = Project(request.holder.project_id, request.holder.project_name)
        return await asyncio.gather(*(self._asking.accepted(project, row) for row in recorded))


def _row(request: QuickRequest, call: CallToStore, planned: Planned) -> CurrentRow:
    return CurrentRow(planned.row, planned.templates_version, request.holder.key_id, call.alone_in)
