"""REQUEST from an event loop that accepts traces: one thread asks, and calls of the same group share a request.

Only after the COMMIT, as everywhere: a later request covers all calls stored before it.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from app.config import Settings
from app.intake.record import Recorded
from app.store.projects import Project
from tasks.accept import Accepted, accepted_of


@dataclass(slots=True)
class _PendingRequest:
    """A group to be requested: its newest call, and the callers that wait for the answer."""

    project: Project
    row: Recorded
    answer: "asyncio.Future[Accepted]"


class Asking:
    """Requests groups for one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, "ask")
        self._waiting: dict[UUID, list[_PendingRequest]] = {}
        self._asks: asyncio.Task[None] | None = None

    async def accepted(self, project: Project, row: Recorded) -> Accepted:
        """The word for the grouping of a stored call. Never raises and never waits long, as `tasks.publish`."""
        if row.state != "owed":
            return accepted_of(self._settings, project, [row])[0]
        loop = asyncio.get_running_loop()
        wish = _PendingRequest(project, row, loop.create_future())
        self._waiting.setdefault(row.group.id, []).append(wish)
        if self._asks is None:
            self._asks = loop.create_task(self._ask())
        return await wish.answer

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    async def _ask(self) -> None:
        """Request groups until no caller waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                wishes, self._waiting = list(self._waiting.values()), {}
                await loop.run_in_executor(self._thread, self._request, wishes, loop)
        finally:
            self._asks = None

    def _request(self, groups: Sequence[list[_PendingRequest]], loop: asyncio.AbstractEventLoop) -> None:
        """Make one request for each group, in the thread."""
        for wishes in groups:
            try:
                rows = accepted_of(self._settings, wishes[0].project, [wish.row for wish in wishes])
            except Exception as error:  # noqa: BLE001  whoever waits must not wait for ever
                loop.call_soon_threadsafe(_fail, wishes, error)
            else:
                loop.call_soon_threadsafe(_answer, wishes, rows)


def _answer(wishes: Sequence[_PendingRequest], rows: Sequence[Accepted]) -> None:
    for wish, row in zip(wishes, rows, strict=True):
        if not wish.answer.done():  # its caller was cancelled
            wish.answer.set_result(row)


def _fail(wishes: Sequence[_PendingRequest], error: Exception) -> None:
    for wish in wishes:
        if not wish.answer.done():
            wish.answer.set_exception(error)
