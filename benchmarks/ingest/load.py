"""The load generator: a process of its own that sends ready bodies over kept connections and notes every answer.

The generator speaks just enough HTTP to read an answer: on a small machine its CPU time is taken from the server.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

CONNECTIONS = 4
"""Requests under way at once: two per core of the machine of the published table."""

_TIMEOUT = 60


@dataclass(frozen=True)
class Target:
    """A web process that takes traces: its port, key, path, content type and further headers."""

    port: int
    key: str = ""
    path: str = "/api/v1/traces"
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Sample:
    """The answers of some requests: statuses and times."""

    wall: float = 0.0
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    cpu: float = 0.0
    """Seconds of CPU time of all processes but the generator; 0 where not measured."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.seconds) / self.wall

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the requests was answered."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    def __add__(self, other: "Sample") -> "Sample":
        statuses = self.statuses + other.statuses
        return Sample(self.wall + other.wall, self.seconds + other.seconds, statuses, self.cpu + other.cpu)


class Generator:
    """Sends requests from its own process."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def send(self, target: Target, bodies: list[bytes], connections: int = CONNECTIONS) -> Sample:
        """Send every body once and wait for all answers. Raises RuntimeError where one is not 2xx."""
        sample = self._pool.submit(_send, target, bodies, connections).result()
        if any(status // 100 != 2 for status in sample.statuses):
            raise RuntimeError(f"port {target.port} answered {dict(sample.statuses)}")
        return sample

    def start(self, target: Target, bodies: list[bytes], connections: int = CONNECTIONS) -> Callable[[], Sample]:
        """Send in the background. The returned function waits for the end."""
        return self._pool.submit(_send, target, bodies, connections).result


@contextmanager
def generator() -> Iterator[Generator]:
    """A generator; its process ends with the block."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield Generator(pool)


def _send(target: Target, bodies: list[bytes], connections: int) -> Sample:
    """Sends the bodies: each connection takes the next body as soon as it has its answer."""
    sample, waiting = Sample(), iter([_request(target, body) for body in bodies])
    threads = [threading.Thread(target=_work, args=(target, waiting, sample)) for _ in range(connections)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sample.wall = time.perf_counter() - start
    if len(sample.seconds) < len(bodies):
        raise RuntimeError(f"port {target.port} closed a connection")
    return sample


def _request(target: Target, body: bytes) -> bytes:
    header_lines = "".join(f"{name}: {value}\r\n" for name, value in target.headers)
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {target.key}\r\n"
        f"Content-Type: {target.content_type}\r\nContent-Length: {len(body)}\r\n{header_lines}\r\n"
    )
    return head.encode() + body


def _work(target: Target, waiting: Iterator[bytes], sample: Sample) -> None:
    connection = socket.create_connection(("127.0.0.1", target.port), _TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as answers:
        for request in waiting:  # next() of a list iterator is atomic: no two threads get one request
            start = time.perf_counter()
            connection.sendall(request)
            status = _answer(answers)
            sample.seconds.append(time.perf_counter() - start)
            sample.statuses[status] += 1


def _answer(answers: Any) -> int:
    """The status of the next answer, read to its end."""
    status, length = int(answers.readline().split()[1]), 0
    while (line := answers.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    answers.read(length)
    return status
