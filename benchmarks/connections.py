"""The cost of slow connections for other clients: times of requests alone, and beside thousands of connections that send half a request.

    python -m benchmarks.connections [NUMBER ...]      default: 1000 10000, or fewer where the system allows fewer open files

One granian, as the Procfile starts it. Each slow connection has sent the beginning of a header and waits.
"""

import resource
import socket
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import orjson

from benchmarks.ingest.load import Target
from benchmarks.ingest.world import world

REQUESTS = 300
BEGINNING = b"POST /api/v1/traces HTTP/1.1\r\nHost: x\r\nX-Slow: "
APP = "app.front:create"
SPARE_FILES = 500


def main(numbers: list[int]) -> None:
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with world() as measured_world:
        target = measured_world.serve(APP)
        _times(target)  # warm
        times_alone, empty = _times(target), measured_world.memory()[APP]
        print("| connections | median of a POST | p99 | median x | MB more |\n| --- | --- | --- | --- | --- |")
        _print(0, times_alone, times_alone, 0.0)
        for number in (min(number, limit - SPARE_FILES) for number in numbers):
            with _held_connections(number, target.port):
                _print(number, _times(target), times_alone, measured_world.memory()[APP] - empty)


@contextmanager
def _held_connections(number: int, port: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)).sendall(BEGINNING)
        yield


def _times(target: Target) -> list[float]:
    """The seconds of each request. The requests are sent one after the other, each on a new connection."""
    body = orjson.dumps({"model": "m", "path": "/p", "input": "Hi"})
    headers = {"Authorization": f"Bearer {target.key}", "Content-Type": "application/json"}
    seconds = []
    for _ in range(REQUESTS):
        request = urllib.request.Request(f"http://127.0.0.1:{target.port}/api/v1/traces", body, headers)
        started_at = time.perf_counter()
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 201
        seconds.append(time.perf_counter() - started_at)
    return seconds


def _print(number: int, times: list[float], times_alone: list[float], bytes_more: float) -> None:
    median, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
    ratio = median / statistics.median(times_alone)
    print(f"| {number:,} | {median * 1000:.1f} ms | {p99 * 1000:.1f} ms | {ratio:.2f} | {bytes_more:.0f} |", flush=True)


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]] or [1000, 10_000])
