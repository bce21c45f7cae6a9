"""Storage shared by the quick ways: calls are planned, counted against the rates, stored with other calls in one statement, and requested."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.config import Settings
from app.front.answers import NotQuick, QuickRequest
from app.http.services import Services
from app.intake.recorded import Recorded, StoredForm
from app.intake.shared_commit import SharedCommit
from app.intake.trace import Incoming
from app.store import together
from app.store.loop_connection import LoopConnection
from app.store.projects import Project
from app.store.recent_answers import AnswerNote
from app.store.together import CurrentRow
from tasks.accept import Accepted
from tasks.asking import Asking


@dataclass(frozen=True)
class CallToStore:
    """A call to be stored; alone_in, answer: as in `CurrentRow`."""

    incoming: Incoming
    alone_in: str | None = None
    answer: AnswerNote | None = None


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
        """The calls of a request after their COMMIT. Raises DatabaseDownError, after which it is unknown whether the calls are stored."""
        ingest, project_id = self._services.ingest, request.holder.project_id
        forms_or_none = [ingest.form_in_memory(project_id, call.incoming) for call in calls]
        forms = [form for form in forms_or_none if form is not None]
        if len(forms) < len(calls) or not self._services.limiter.take_call(request.address, request.holder, len(calls)):
            return NotQuick()
        rows = [_row(request, call, form) for call, form in zip(calls, forms, strict=True)]
        if rows and not await self._commit.store(rows):
            return NotQuick(is_counted=True)
        return [form.recorded for form in forms]

    async def accepted(self, request: QuickRequest, recorded: Sequence[Recorded]) -> list[Accepted]:
        """The word for the grouping of stored calls."""
        project = Project(request.holder.project_id, request.holder.project_name)
        wishes = [self._asking.accepted(project, row) for row in recorded]
        return [await wishes[0]] if len(wishes) == 1 else await asyncio.gather(*wishes)


def _row(request: QuickRequest, call: CallToStore, form: StoredForm) -> CurrentRow:
    return CurrentRow(form.row, form.templates_version, request.holder.key_id, call.alone_in, call.answer)
