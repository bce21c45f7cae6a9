"""The cost of rate limits and redaction per call, beside reading and checking the call. `python -m benchmarks.guards`.

Runs in one process, without servers. Each figure is the best of several rounds in turns, so that a busy neighbour does not count.
"""

import time
from collections.abc import Callable

import orjson
import redis

from app.http.rates import Rate, Rates
from app.intake.privacy import Policy, Wishes
from app.intake.trace import Incoming, read_trace
from benchmarks.ingest import traffic
from benchmarks.ingest.tables import table

SIZES = {"2 KB": 2_000, "20 KB": 20_000}
CALLS, ROUNDS = 200, 7


def main() -> None:
    rows = [row for name, size in SIZES.items() for row in _measured(name, size)]
    print(table(("body", "work", "us a call", "x reading"), rows))


def _measured(name: str, size: int) -> list[list[str]]:
    known = traffic.templates(100)
    bodies = traffic.singles(traffic.calls("/guards", known, CALLS, size))
    incoming = [read_trace(orjson.loads(body)) for body in bodies]
    hinted = [read_trace(orjson.loads(body.replace(b"parcel", b"secret"))) for body in bodies]
    rates = Rates(redis.Redis(), lambda: 0.0)
    limits = [Rate(each, 10**9) for each in ("address", "ingest", "traces")]
    policy, own = Policy(Wishes(), "x"), Policy(Wishes(email=True, patterns={"customer": r"\bKD-\d{6}\b"}), "x")
    work: dict[str, Callable[[], None]] = {
        "read and check it": lambda: _each(lambda body: read_trace(orjson.loads(body)), bodies),
        "three rates": lambda: _each(lambda _: [rates.spend(rate, "someone") for rate in limits], bodies),
        "look for secrets": lambda: _each(policy.cleaned, incoming),
        "the same, where a word sounds like one": lambda: _each(policy.cleaned, hinted),
        "the same, with e-mail and a pattern": lambda: _each(own.cleaned, incoming),
    }
    times = _best(work)
    base = times["read and check it"]
    return [[name, title, f"{seconds * 1e6:.0f}", f"{seconds / base:.2f}"] for title, seconds in times.items()]


def _each(do: Callable[[bytes | Incoming], object], items: list) -> None:  # type: ignore[type-arg]
    for item in items:
        do(item)


def _best(work: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Seconds per call in the quickest round of each kind of work."""
    rounds = [{title: _seconds(do) for title, do in work.items()} for _ in range(ROUNDS)]
    return {title: min(each[title] for each in rounds) / CALLS for title in work}


def _seconds(do: Callable[[], None]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
