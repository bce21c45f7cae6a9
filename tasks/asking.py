"""REQUEST from an event loop that accepts traces: calls of the same group share a request.

Only after the COMMIT, as everywhere: a later request covers all calls stored before it.

Nearly every request is coalesced, and then the loop has asked Redis itself. One thread does what takes longer: it connects, measures the queue,
publishes messages, and tries a Redis that may be down.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from app.config import Settings
from app.intake.recorded import Recorded
from app.store.projects import Project
from tasks.accept import Accepted, accepted_of
from tasks.ask import publisher_of
from tasks.connections import producer_redis
from tasks.loop_redis import LoopRedis
from tasks.publish import Asked


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
        self._loop_requests = LoopRequests(settings)
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
        """End the thread and the connection."""
        self._thread.shutdown()
        self._loop_requests.close()

    async def _ask(self) -> None:
        """Request groups until no caller waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                wishes, self._waiting = list(self._waiting.values()), {}
                if for_the_thread := [group for group in wishes if not await self._ask_in_loop(group)]:
                    await loop.run_in_executor(self._thread, self._request, for_the_thread, loop)
        finally:
            self._asks = None

    async def _ask_in_loop(self, wishes: list[_PendingRequest]) -> bool:
        """Make the request of a group without the thread; False where the thread must make it."""
        try:
            word = await self._loop_requests.request(wishes[-1].project, wishes[-1].row, self._thread)
        except Exception as error:  # noqa: BLE001  whoever waits must not wait for ever
            _fail(wishes, error)
            return True
        if word is not None:
            _answer(wishes, [Accepted(wish.row, word) for wish in wishes])
        return word is not None

    def _request(self, groups: Sequence[list[_PendingRequest]], loop: asyncio.AbstractEventLoop) -> None:
        """Make one request for each group, in the thread."""
        for wishes in groups:
            try:
                rows = accepted_of(self._settings, wishes[0].project, [wish.row for wish in wishes])
            except Exception as error:  # noqa: BLE001  whoever waits must not wait for ever
                loop.call_soon_threadsafe(_fail, wishes, error)
            else:
                loop.call_soon_threadsafe(_answer, wishes, rows)
        self._loop_requests.open()


class LoopRequests:
    """Requests of traces that the event loop makes itself; ready once a thread has opened them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis: LoopRedis | None = None
        self._measures = False

    def open(self) -> None:
        """Connect, unless connected; in a thread, after a request that connected this process to everything else."""
        if self._redis is None:
            self._redis = LoopRedis(producer_redis(self._settings))
        self._redis.open()

    def close(self) -> None:
        """Close the connection."""
        if self._redis is not None:
            self._redis.close()

    async def request(self, project: Project, row: Recorded, thread: Executor) -> Asked | None:
        """The word for the group of a stored call; None where nothing was requested. `thread` does what the loop must not wait for."""
        if self._redis is None:
            return None
        loop, publisher = asyncio.get_running_loop(), publisher_of(self._settings)
        word_or_rest = await publisher.request_in_loop(
            self._redis,
            row.group.id,
            project.name,
            row.group.path,
            trace_id=row.id,
            project_id=project.id,
            has_template=row.group.has_templates,
        )
        if callable(word_or_rest):
            return await loop.run_in_executor(thread, word_or_rest)
        if publisher.must_measure() and not self._measures:
            self._measures = True
            loop.run_in_executor(thread, publisher.measure).add_done_callback(self._measured)
        return word_or_rest

    def _measured(self, _: object) -> None:
        self._measures = False


def _answer(wishes: Sequence[_PendingRequest], rows: Sequence[Accepted]) -> None:
    for wish, row in zip(wishes, rows, strict=True):
        if not wish.answer.done():  # its caller was cancelled
            wish.answer.set_result(row)


def _fail(wishes: Sequence[_PendingRequest], error: Exception) -> None:
    for wish in wishes:
        if not wish.answer.done():
            wish.answer.set_exception(error)
