"""An event loop waits for sockets: a watched one wakes each wait, and no event of a socket is left behind."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from app.servers.sockets import WatchedSocket

BOUND = 180
"""Seconds that a wait may take: against hanging."""

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param


async def _ready(watched: WatchedSocket) -> None:
    async with asyncio.timeout(BOUND):
        await watched.ready()


def _calls_of(method: str, monkeypatch: pytest.MonkeyPatch) -> list[WatchedSocket]:
    """The sockets of which a method is called from now on, in order."""
    sockets: list[WatchedSocket] = []
    called = getattr(WatchedSocket, method)

    def note(watched: WatchedSocket) -> None:
        sockets.append(watched)
        called(watched)

    monkeypatch.setattr(WatchedSocket, method, note)
    return sockets


def test_a_watched_socket_wakes_whoever_waits_and_is_watched_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten = _calls_of("forget", monkeypatch)

    async def wait() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            watched = WatchedSocket(ours.fileno())
            for number in range(5):
                asyncio.get_running_loop().call_soon(theirs.send, bytes([number]))
                await _ready(watched)
                assert ours.recv(9) == bytes([number])
                assert len(forgotten) == 1  # before the first wait
            watched.forget()

    run(wait())


def test_the_end_of_a_connection_that_nobody_waits_for_is_told_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    sockets_told = _calls_of("_readable", monkeypatch)

    async def wait() -> None:
        ours, theirs = socket.socketpair()
        our_second, their_second = socket.socketpair()
        with ours, theirs, our_second, their_second:
            watched, second = WatchedSocket(ours.fileno()), WatchedSocket(our_second.fileno())
            theirs.send(b"1")
            await _ready(watched)
            ours.recv(1)
            sockets_told.clear()
            theirs.close()
            for _ in range(20):  # rounds of the event loop, in each of which the end could be told again
                their_second.send(b"1")
                await _ready(second)
                our_second.recv(1)
            assert sockets_told.count(watched) == 1
            await _ready(watched)
            assert ours.recv(1) == b""
            watched.forget()
            second.forget()

    run(wait())


def test_a_forgotten_socket_leaves_its_number_to_the_next(run: Run) -> None:
    async def wait() -> None:
        for _ in range(3):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                watched = WatchedSocket(ours.fileno())
                theirs.send(b"1")
                await _ready(watched)
                watched.forget()

    run(wait())


def test_a_socket_that_one_event_loop_watched_is_watched_by_the_next(run: Run) -> None:
    ours, theirs = socket.socketpair()
    watched = WatchedSocket(ours.fileno())

    async def wait() -> None:
        theirs.send(b"1")
        await _ready(watched)
        ours.recv(1)

    with ours, theirs:
        run(wait())
        run(wait())
        watched.forget()
