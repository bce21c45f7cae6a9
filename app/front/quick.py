"""The quick way: what carries a few calls is answered in the event loop, without a thread and without Flask.

Flask is the reference.  Here is only what goes well: a key that is known, a body that is right, groups as they are remembered.  Whatever
else comes, Flask gets the request as if nobody had looked at it, so every refusal has one home.  What Flask would have counted is
counted here, once.
"""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from flask import Flask

from app.api import traces
from app.config import Settings
from app.front.answers import UNCHANGED, Answer, Asked, NotQuick, media_type_of
from app.front.quick_spans import QuickSpans
from app.front.quick_traces import QuickTraces
from app.front.storing import Storing
from app.http.metrics import REQUEST_SECONDS
from app.http.services import EXTENSION, Services
from app.otlp import routes as otlp

QUICK_BYTES = 64 * 1024
"""Of a body: everybody else waits while the loop reads it, half a millisecond for 20 KB of one call."""

CALLS = 64
"""In work at once; a statement carries as many."""


class Way(Protocol):
    """How the requests of one route are answered."""

    media_types: tuple[str, ...]

    async def answer(self, asked: Asked) -> Answer | NotQuick: ...
    def close(self) -> None: ...


class Quick:
    """Answers requests of one event loop."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        services: Services = app.extensions[EXTENSION]
        seconds = app.extensions[REQUEST_SECONDS]
        self._seconds = cache(lambda path, status: seconds.labels("POST", path, status))
        self._storing = Storing(services, settings)
        spans = QuickSpans(app, settings, self._storing)
        self._ways: dict[str, Way] = {
            traces.PATH: QuickTraces(services, settings, self._storing),
            otlp.PATH: spans,
            otlp.LANGFUSE_PATH: spans,
        }

    def close(self) -> None:
        """End its threads and its connections."""
        for way in self._ways.values():
            way.close()
        self._storing.close()

    def takes(self, scope: Any, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a request is a POST of what may be a few calls, as it is."""
        way = self._ways.get(scope.path)
        return (
            way is not None
            and scope.method == "POST"
            and 0 < len(body) <= QUICK_BYTES
            and media_type_of(headers) in way.media_types
            and headers.get("content-encoding", "") in UNCHANGED
        )

    async def answer(self, asked: Asked) -> Answer | NotQuick:
        """The answer, or that it is not for here; of what it `takes`."""
        started = time.perf_counter()
        answer = await self._ways[asked.path].answer(asked)
        if not isinstance(answer, NotQuick):
            self._seconds(asked.path, answer[0]).observe(time.perf_counter() - started)
        return answer
