"""A thousand silent or half-open connections: the next honest request is answered, and memory is bounded."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from app.local.processes import find
from tests.app.front.test_front import BODY, PATIENT, URL, ask, key, port  # noqa: F401 - fixtures

CONNECTIONS = 1000
BEGINNINGS = [
    b"",
    b"GET / HTTP/1.1\r\n",
    b"POST /api/v1/traces HTTP/1.1\r\nHost: x\r\nX-A: ",
    b"\x16\x03\x01\x02",
    b"PRI * HTTP/2.0\r\n",
]


@contextmanager
def held(number: int, server_port: int) -> Iterator[None]:
    """Open connections, each with another beginning of a request."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < number + 200:
        pytest.skip("the system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        for place in range(number):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server_port), 60))
            connection.sendall(BEGINNINGS[place % len(BEGINNINGS)])
        yield


def memory(server_port: int) -> int:
    """Bytes of the processes that serve this port."""
    [server] = [
        process
        for process in psutil.Process().children()
        if find(process.pid, "granian") and find(process.pid, f"{server_port}")
    ]
    return sum(process.memory_info().rss for process in (server, *server.children(recursive=True)))


def test_a_thousand_connections_hold_up_nobody(port: int, key: dict[str, str]) -> None:  # noqa: F811
    before = memory(port)
    assert before > 2**20
    with held(CONNECTIONS, port):
        begun = time.monotonic()
        assert ask(port, "POST", URL, BODY, key)[0] == 201
        assert time.monotonic() - begun < PATIENT / 2
        assert memory(port) - before < CONNECTIONS * 100_000
    assert ask(port, "POST", URL, BODY, key)[0] == 201
