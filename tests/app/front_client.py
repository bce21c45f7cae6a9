"""The front in this process, called as granian calls it: for tests that compare, count and break things."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Flask

from app.config import Settings
from app.front.serving import Front

URL = "/api/v1/traces"


@dataclass
class Scope:
    """A request without its body, in RSGI's form."""

    method: str
    path: str
    headers: dict[str, str]
    query_string: str = ""
    http_version: str = "1.1"
    client: str = "127.0.0.1:50000"
    server: str = "127.0.0.1:8000"
    scheme: str = "http"
    authority: str | None = None


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.data)


class Protocol:
    """The body of a request, and its answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.answer: Answer

    async def __call__(self) -> bytes:
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body

    def response_bytes(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        self.answer = Answer(status, {name.lower(): value for name, value in headers}, body)


class FrontClient:
    """Sends to a front that runs in an event loop of its own."""

    def __init__(self, front: Front, loop: asyncio.AbstractEventLoop) -> None:
        self.front = front
        self.loop = loop

    def start(self, key: str, body: Any, path: str = URL, **headers: str) -> "Future[Answer]":
        """A POST under way. body: bytes, or a value that is sent as JSON."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        default_headers = {
            "host": "localhost",
            "content-type": "application/json",
            "content-length": str(len(data)),
            "authorization": f"Bearer {key}",
        }
        return asyncio.run_coroutine_threadsafe(
            self._answer(Scope("POST", path, default_headers | headers), data), self.loop
        )

    def post(self, key: str, body: Any, path: str = URL, **headers: str) -> Answer:
        return self.start(key, body, path, **headers).result(180)

    def post_together(
        self, calls: Sequence[tuple[str, Any]], path: str = URL, kind: str = "application/json"
    ) -> list[Answer]:
        """Several POSTs that reach the loop at the same moment. Each has a key and a body."""

        async def all_of_them() -> list[Answer]:
            starts = [self.start(key, body, path, **{"content-type": kind}) for key, body in calls]
            return await asyncio.gather(*map(asyncio.wrap_future, starts))

        return asyncio.run_coroutine_threadsafe(all_of_them(), self.loop).result(180)

    async def _answer(self, scope: Scope, body: bytes) -> Answer:
        protocol = Protocol(body)
        await self.front.__rsgi__(scope, protocol)
        return protocol.answer


@contextmanager
def in_front(app: Flask, settings: Settings) -> Iterator[FrontClient]:
    """A front before an application."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    front = Front(app, settings)
    try:
        yield FrontClient(front, loop)
    finally:
        asyncio.run_coroutine_threadsafe(front.close(), loop).result(180)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
