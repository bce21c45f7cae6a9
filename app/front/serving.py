"""Serves our WSGI application to granian's RSGI: it finds the caller, reads the body, waits for a turn, and answers from a thread.

RSGI: https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from flask import Flask

from app.checks import is_whole
from app.config import Settings
from app.errors import PromptlodeError
from app.front.answers import Answer, NotQuick, QuickRequest, media_type_of
from app.front.quick import CALLS, Quick
from app.front.reading import (
    BYTES_AT_ONCE,
    BYTES_AT_ONCE_OF_A_PROJECT,
    IN_CHUNKS,
    CutBodyError,
    LargeBodyError,
    SlowBodyError,
    TooMuchUnderWayError,
    UnfinishedBodies,
)
from app.front.refreshing import CacheRefresher
from app.front.turns import TooManyWaitingError, Turns
from app.front.wsgi import ADDRESSES, call, environ_of, host_and_port
from app.http.auth import SAFE_METHODS, key_in
from app.http.body import UNREAD_CODING, is_read_coding, too_large
from app.http.limiting import BARRED, COUNTED
from app.http.problem import problem_body
from app.http.rates import subject_of
from app.http.services import EXTENSION, Services
from app.store.keys import KeyHolder

FORM_BYTES = 64 * 1024
"""Bytes of a form of the pages, which holds a key and a token."""

_subject_of = lru_cache(ADDRESSES)(subject_of)

_FORM = "application/x-www-form-urlencoded"


class HostError(Exception):
    """The request names no host, or several."""


class MethodError(Exception):
    """The request has a method that HTTP does not define."""


class CodingError(Exception):
    """The body has a transfer coding that is not supported."""


@dataclass(frozen=True)
class _EarlyRefusal:
    status: int
    detail: str
    retry_after: int | None = None

    def answer(self) -> Answer:
        """A problem with the same body as the application's; the rest of the request body is not read."""
        headers = [("content-type", "application/problem+json"), ("connection", "close")]
        if self.retry_after is not None:
            headers.append(("retry-after", str(self.retry_after)))
        return self.status, headers, orjson.dumps(problem_body(self.status, self.detail))


@dataclass(frozen=True, slots=True)
class _Caller:
    """The caller of a request. key: as it was sent, "" without one.

    trusted: the holder of the key, looked up lately. remembered: the holder by an older look-up, where the database did not answer since.
    is_barred: the address has tried too many wrong keys. is_stranger: nobody holds the key, so the body does not count, unless it is a form.
    """

    key: str
    address: str
    trusted: KeyHolder | None = None
    remembered: KeyHolder | None = None
    is_barred: bool = False
    is_stranger: bool = False

    @property
    def holder(self) -> KeyHolder | None:
        return self.trusted or self.remembered

    @property
    def party(self) -> str:
        """Whose turn the request takes: its project's, or its address's."""
        return self.holder.party if self.holder else f"address {self.address}"


class Front:
    """The web process, as granian calls it."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app.wsgi_app
        self._services: Services = app.extensions[EXTENSION]
        self._largest = settings.max_body_bytes
        self._proxies = settings.trusted_proxies
        self._refusals = {
            SlowBodyError: _EarlyRefusal(408, f"The body did not arrive within {settings.body_timeout:g} s."),
            LargeBodyError: _EarlyRefusal(413, too_large(self._largest)),
            CutBodyError: _EarlyRefusal(
                400, "The body ended before it was whole, or has trailers; send all of it, without trailers."
            ),
            HostError: _EarlyRefusal(400, "Send one Host header."),
            MethodError: _EarlyRefusal(400, "Methods are written in capitals, as POST."),
            CodingError: _EarlyRefusal(501, UNREAD_CODING),
            TooMuchUnderWayError: _EarlyRefusal(429, "Too many bodies of this caller are under way.", 1),
            TooManyWaitingError: _EarlyRefusal(429, "Too many requests of this caller wait.", 1),
        }
        self._reading = UnfinishedBodies(self._largest, settings.body_timeout)
        self._turns = Turns(settings.web_threads)
        self._threads = ThreadPoolExecutor(settings.web_threads, "web")
        self._quick = Quick(app, settings)
        self._quick_turns = Turns(CALLS)
        self._ahead = CacheRefresher(self._services)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        source = _Once(protocol)
        try:
            status, headers, body = await self._answer(scope, source)
        except tuple(self._refusals) as error:
            status, headers, body = self._refusals[type(error)].answer()
        protocol.response_bytes(status, headers, body)
        if not source.is_begun and scope.method not in SAFE_METHODS:
            await self._discard(scope, protocol)

    async def _discard(self, scope: Any, protocol: Any) -> None:
        """Read on behind an answer that did not wait for the body: a client that sends all of it first would find a broken connection."""
        headers = _headers(scope)
        if _may_have_body(scope.method, headers) and "expect" not in headers:
            await self._reading.discard(f"address {_subject_of(self._address(scope, headers))}", protocol)

    async def close(self) -> None:
        """End the threads and connections, for tests that start several fronts in one process."""
        self._quick.close()
        self._ahead.close()
        self._threads.shutdown()

    async def _answer(self, scope: Any, source: "_Once") -> Answer:
        _check(scope)
        headers = _headers(scope)
        if not is_read_coding(headers.get("transfer-encoding", "")):
            raise CodingError
        caller = await self._caller(scope, headers)
        body = await self._body(scope, headers, caller, source)
        answer = await self._answer_quickly(scope, headers, body, caller)
        if not isinstance(answer, NotQuick):
            return answer
        marks = ((COUNTED, answer.is_counted), (BARRED, caller.is_barred))
        async with self._turns.turn(caller.party):
            environ = environ_of(scope, headers, body) | {name: True for name, is_set in marks if is_set}
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, self._app, environ)

    async def _caller(self, scope: Any, headers: Mapping[str, str]) -> "_Caller":
        """The caller by its key; an unknown key is looked up before its body is read."""
        key, address = key_in(headers.get("authorization", "")), _subject_of(self._address(scope, headers))
        if not key:
            return _Caller(key, address, is_stranger=True)
        authenticator = self._services.authenticator
        trusted = authenticator.trusted(key)
        if trusted is not None:
            return _Caller(key, address, trusted)
        may_have_body = _may_have_body(scope.method, headers)
        is_barred = may_have_body and self._is_barred(key, address)
        is_stranger = is_barred or (may_have_body and await self._is_wrong(key, address))
        trusted = authenticator.trusted(key)  # looked up by now
        remembered = None if trusted else authenticator.remembered(key)
        return _Caller(key, address, trusted, remembered, is_barred=is_barred, is_stranger=is_stranger)

    async def _body(self, scope: Any, headers: Mapping[str, str], caller: "_Caller", source: "_Once") -> bytes:
        """The body of the request, as far as it counts. Raises LargeBodyError, and the errors of `UnfinishedBodies.body`."""
        limit = _limit_of_a_stranger(headers) if caller.is_stranger else self._largest
        if not (limit and _may_have_body(scope.method, headers)):
            return b""
        length = _length(headers)
        if length > limit:
            raise LargeBodyError
        at_once = BYTES_AT_ONCE_OF_A_PROJECT if caller.holder else BYTES_AT_ONCE
        return await self._reading.body(caller.party, limit, length, source, at_once=at_once)

    async def _answer_quickly(
        self, scope: Any, headers: Mapping[str, str], body: bytes, caller: "_Caller"
    ) -> Answer | NotQuick:
        """The answer without Flask; NotQuick where the application has to give it."""
        trusted = caller.trusted
        if trusted is None or not trusted.may("ingest") or not self._quick.takes(scope, headers, body):
            return NotQuick()
        self._ahead.see(caller.key, trusted.project_id)
        async with self._quick_turns.turn(caller.party):
            request = QuickRequest(trusted, caller.address, scope.path, media_type_of(headers), body)
            return await self._quick.answer(request)

    def _is_barred(self, key: str, address: str) -> bool:
        """Whether the address has tried too many wrong keys, and this key has not worked here before: it is refused without a look-up."""
        return not (self._services.authenticator.remembered(key) or self._services.limiter.may_try_a_key(address))

    async def _is_wrong(self, key: str, address: str) -> bool:
        """Whether nobody holds this key: then nobody waits for the body of its request. False, too, while the database is down."""
        if self._services.authenticator.remembered(key):
            return False
        try:
            async with self._turns.turn(f"address {address}"):
                look_up = self._services.authenticator.holder
                return await asyncio.get_running_loop().run_in_executor(self._threads, look_up, key) is None
        except PromptlodeError:
            return False

    def _address(self, scope: Any, headers: Mapping[str, str]) -> str:
        forwarded = [address.strip() for address in headers.get("x-forwarded-for", "").split(",") if address.strip()]
        return forwarded[-self._proxies] if 0 < self._proxies <= len(forwarded) else host_and_port(scope.client)[0]


def _check(scope: Any) -> None:
    """Check host and method. Raises HostError (RFC 9112, 3.2: an HTTP/1.1 request has one Host) or MethodError (RFC 9110, 9.1: case
    matters).
    """
    if scope.http_version == "1.1" and sum(name == "host" for name, _ in scope.headers.items()) != 1:
        raise HostError
    if scope.method != scope.method.upper():
        raise MethodError


def _headers(scope: Any) -> dict[str, str]:
    """The headers by lower-case name; repeated headers are joined with a comma (RFC 9110, 5.3), cookies with a semicolon (RFC 9113)."""
    headers: dict[str, str] = {}
    for name, value in scope.headers.items():
        joined = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{joined}{value}" if name in headers else value
    return headers


class _Once:
    """A body, which granian gives once, and whether its reading has begun."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self.is_begun = False

    def __call__(self) -> Awaitable[bytes]:
        self.is_begun = True
        body: Awaitable[bytes] = self._protocol()
        return body

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_begun = True
        return aiter(self._protocol)


def _may_have_body(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a body that counts may follow the headers; in HTTP/2 it needs no Content-Length."""
    return method not in SAFE_METHODS and headers.get("content-length") != "0"


def _limit_of_a_stranger(headers: Mapping[str, str]) -> int:
    """Bytes of a body without a valid key: such a request is refused whatever its body is, except for the form that logs in."""
    return FORM_BYTES if headers.get("content-type", "").startswith(_FORM) else 0


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        return IN_CHUNKS
    header = headers.get("content-length", "")
    return int(header) if is_whole(header) else 0
