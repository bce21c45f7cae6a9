"""The quick way: a request of a few calls is answered in the event loop, without a thread and without Flask.

Flask is the reference. The quick way answers only requests that succeed: a known key, a valid body, groups that are in memory. Flask gets
every other request unchanged, so the quick way writes no refusal. The quick way counts such a request, once, in the counters of Flask.
"""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from flask import Flask

from app.api import traces
from app.config import Settings
from app.front.answers import UNCHANGED, Answer, NotQuick, QuickRequest, media_type_of
from app.front.quick_spans import QuickSpans
from app.front.quick_traces import QuickTraces
from app.front.storing import Storing
from app.http.metrics import REQUEST_SECONDS
from app.http.services import EXTENSION, Services
from app.otlp import routes as otlp

QUICK_BYTES = 64 * 1024
"""Bytes of a body: the other requests wait while the loop reads it, 0.5 ms for one call of 20 KB."""

CALLS = 64
"""Calls stored at the same time; one statement carries as many."""


class QuickRoute(Protocol):
    """The way in which the requests of one route are answered."""

    media_types: tuple[str, ...]

    async def answer(self, request: QuickRequest) -> Answer | NotQuick: ...
    def close(self) -> None: ...


class Quick:
    """Answers the requests of one event loop."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        services: Services = app.extensions[EXTENSION]
        seconds = app.extensions[REQUEST_SECONDS]
        self._seconds = cache(lambda path, status: seconds.labels("POST", path, status))
        self._storing = Storing(services, settings)
        spans = QuickSpans(app, settings, self._storing)
        self._ways: dict[str, QuickRoute] = {
            traces.PATH: QuickTraces(services, settings, self._storing),
            otlp.PATH: spans,
            otlp.LANGFUSE_PATH: spans,
        }

    def close(self) -> None:
        """End the threads and the connections."""
        for route in self._ways.values():
            route.close()
        self._storing.close()

    def takes(self, scope: Any, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a request is an uncompressed POST of at most QUICK_BYTES to a route that has a quick way."""
        route = self._ways.get(scope.path)
        return (
            route is not None
            and scope.method == "POST"
            and 0 < len(body) <= QUICK_BYTES
            and media_type_of(headers) in route.media_types
            and headers.get("content-encoding", "") in UNCHANGED
        )

    async def answer(self, request: QuickRequest) -> Answer | NotQuick:
        """The answer to a request that `takes` accepts, or NotQuick."""
        started = time.perf_counter()
        answer = await self._ways[request.path].answer(request)
        if not isinstance(answer, NotQuick):
            self._seconds(request.path, answer[0]).observe(time.perf_counter() - started)
        return answer
