"""The quick way: a POST of one trace is answered in the event loop, without a thread and without Flask.

Flask is the reference.  Here is only what goes well: a key that is known, a body that is right, a group as it is remembered.  Whatever
else comes, Flask gets the request as if nobody had looked at it, so every refusal has one home.  What Flask would have counted is
counted here, once.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from flask import Flask

from app.api import traces
from app.config import Settings
from app.errors import DatabaseDownError
from app.front.answers import Answer, answer_of
from app.http.answer import JSON, json_bytes
from app.http.counting import has_more_values
from app.http.metrics import REQUEST_SECONDS
from app.http.problem import of_outage
from app.http.services import EXTENSION, Services
from app.intake.posted import read_posted
from app.intake.record import Planned
from app.intake.shared_commit import SharedCommit
from app.intake.trace import Incoming, InvalidTraceError
from app.store import together
from app.store.keys import KeyHolder
from app.store.loop_connection import LoopConnection
from app.store.projects import Project
from app.store.together import CurrentRow
from tasks.asking import Asking

QUICK_BYTES = 64 * 1024
"""Of a body: everybody else waits while the loop reads it, half a millisecond for 20 KB."""

CALLS = 64
"""In work at once; a statement carries as many."""

_UNCHANGED = ("", "identity")


@dataclass(frozen=True)
class Asked:
    """A request that may be answered here."""

    holder: KeyHolder
    address: str
    body: bytes


@dataclass(frozen=True)
class NotQuick:
    """Flask is to answer; is_counted: its part of the rates is taken."""

    is_counted: bool = False


class Quick:
    """Answers calls of one event loop."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._services: Services = app.extensions[EXTENSION]
        seconds = app.extensions[REQUEST_SECONDS]
        self._seconds = cache(lambda status: seconds.labels("POST", traces.PATH, status))
        self._settings = settings
        self._commit = SharedCommit(self._connect)
        self._asking = Asking(settings)

    def close(self) -> None:
        """End its thread and its connections."""
        self._asking.close()
        self._commit.close()

    async def _connect(self) -> LoopConnection | None:
        return await LoopConnection.open(self._settings, together.statements())

    async def answer(self, asked: Asked) -> Answer | NotQuick:
        """The answer, or that it is not for here."""
        started = time.perf_counter()
        incoming = self._read(asked.body)
        planned = None if incoming is None else self._services.ingest.plan(asked.holder.project_id, incoming)
        if planned is None or not self._services.limiter.take_call(asked.address, asked.holder):
            return NotQuick()
        try:
            row = CurrentRow(planned.row, planned.templates_version, asked.holder.key_id)
            if not await self._commit.stored(row):
                return NotQuick(is_counted=True)
            answer = await self._accepted(asked.holder, planned)
        except DatabaseDownError as error:
            answer = answer_of(of_outage(error))
        self._seconds(answer[0]).observe(time.perf_counter() - started)
        return answer

    def _read(self, body: bytes) -> Incoming | None:
        if has_more_values(body, self._settings.max_json_values):
            return None
        try:
            parsed = orjson.loads(body)
            if not isinstance(parsed, dict) or "traces" in parsed:
                return None
            return read_posted(parsed, self._services.limits, is_json=True)
        except (orjson.JSONDecodeError, InvalidTraceError):
            return None

    async def _accepted(self, holder: KeyHolder, planned: Planned) -> Answer:
        """After the COMMIT."""
        project = Project(holder.project_id, holder.project_name)
        body = json_bytes(traces.row_of(await self._asking.accepted(project, planned.recorded)))
        return 201, [("content-type", JSON), ("content-length", str(len(body)))], body


def is_quick(scope: Any, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a request is a POST of what may be one trace, in JSON as it is."""
    return (
        scope.path == traces.PATH
        and scope.method == "POST"
        and 0 < len(body) <= QUICK_BYTES
        and headers.get("content-type", "").partition(";")[0].strip().lower() == JSON
        and headers.get("content-encoding", "") in _UNCHANGED
    )
