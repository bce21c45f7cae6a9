"""The cost of rate limits and redaction per call, beside reading and checking the call. `python -m benchmarks.guards`.

Runs in one process, without servers. Each figure is the best of several rounds in turns, so that a busy neighbour does not count.
"""

import time
from collections.abc import Callable

import orjson
import redis

from app.http.rates import Rate, Rates
from app.intake.privacy import Policy, PrivacySettings
from app.intake.trace import Incoming, read_trace
from benchmarks.ingest import traffic
from benchmarks.ingest.tables import table

SIZES = {"2 KB": 2_000, "20 KB": 20_000}
CALLS, ROUNDS = 200, 7


def main() -> None:
    rows = [row for name, size in SIZES.items() for row in _measured(name, size)]
    print(table(("body", "work", "us a call", "x reading"), rows))


def _measured(name: str, size: int) -> list[list[str]]:
    known_templates = traffic.templates(100)
    bodies = traffic.singles(traffic.calls("/guards", known_templates, CALLS, size))
    incoming = [read_trace(orjson.loads(body)) for body in bodies]
    hinted = [read_trace(orjson.loads(body.replace(b"parcel", b"secret"))) for body in bodies]
    rates = Rates(redis.Redis(), lambda: 0.0)
    limits = [Rate(part, 10**9) for part in ("address", "ingest", "traces")]
    policy, own_policy = (
        Policy(PrivacySettings(), "x"),
        Policy(PrivacySettings(email=True, patterns={"customer": r"\bKD-\d{6}\b"}), "x"),
    )
    work: dict[str, Callable[[], None]] = {
        "read and check it": lambda: _act_on_each(lambda body: read_trace(orjson.loads(body)), bodies),
        "three rates": lambda: _act_on_each(lambda _: [rates.spend(rate, "someone") for rate in limits], bodies),
        "look for secrets": lambda: _act_on_each(policy.cleaned, incoming),
        "the same, where a word sounds like one": lambda: _act_on_each(policy.cleaned, hinted),
        "the same, with e-mail and a pattern": lambda: _act_on_each(own_policy.cleaned, incoming),
    }
    times = _best(work)
    base = times["read and check it"]
    return [[name, title, f"{seconds * 1e6:.0f}", f"{seconds / base:.2f}"] for title, seconds in times.items()]


def _act_on_each(act: Callable[[bytes | Incoming], object], items: list) -> None:  # type: ignore[type-arg]
    for item in items:
        act(item)


def _best(work: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Seconds per call in the quickest round of each kind of work."""
    rounds = [{title: _seconds(act) for title, act in work.items()} for _ in range(ROUNDS)]
    return {title: min(seconds_by_title[title] for seconds_by_title in rounds) / CALLS for title in work}


def _seconds(act: Callable[[], None]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
