"""The plain scheme, for comparison: one message for each trace, and skip when a newer trace id is known.

Most people write this scheme first. It loses traces with one worker and without any failure, because ids are not in the order of
commits. A useful checker must find this.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.coalescing.checker import Move


class Plain(NamedTuple):
    traces: tuple  # N new, O open, C committed, P to publish, D done
    covered: frozenset
    latest: int
    locked: bool
    queue: tuple
    workers: tuple  # ("idle",), ("got", message), ("mining", message, window)


class Naive:
    def __init__(self, traces: int, workers: int) -> None:
        self._traces, self._workers = traces, workers

    def start(self) -> Plain:
        return Plain(("N",) * self._traces, frozenset(), -1, False, (), (("idle",),) * self._workers)

    def bad(self, s: Plain) -> str | None:
        return None

    def lost(self, s: Plain) -> str | None:
        missing = frozenset(number for number, phase in enumerate(s.traces) if phase in "CPD") - s.covered
        return f"at rest, and no run has read {sorted(missing)}" if missing else None

    def steps(self, s: Plain) -> Iterator[Move]:
        for number, phase in enumerate(s.traces):
            yield from self._trace(s, number, phase)
        for number, worker in enumerate(s.workers):
            yield from self._worker(s, number, worker)

    def _trace(self, s: Plain, number: int, phase: str) -> Iterator[Move]:
        def become(phase: str) -> Plain:
            return s._replace(traces=(*s.traces[:number], phase, *s.traces[number + 1 :]))

        if phase == "N" and (number == 0 or s.traces[number - 1] != "N"):
            yield "world", ("open transaction", number), become("O")
        elif phase == "O":
            yield "system", ("commit", number), become("C")
        elif phase == "C":
            yield "system", ("latest", number), become("P")._replace(latest=max(s.latest, number))
        elif phase == "P":
            yield "system", ("publish", number), become("D")._replace(queue=(*s.queue, number))

    def _worker(self, s: Plain, number: int, worker: tuple) -> Iterator[Move]:
        def become(worker: tuple) -> Plain:
            return s._replace(workers=(*s.workers[:number], worker, *s.workers[number + 1 :]))

        if worker[0] == "idle" and s.queue:
            yield "system", ("receive", number), become(("got", s.queue[0]))._replace(queue=s.queue[1:])
        elif worker[0] == "got" and (s.latest > worker[1] or s.locked):
            yield "system", ("skip", number), become(("idle",))
        elif worker[0] == "got":
            readable = frozenset(place for place, phase in enumerate(s.traces) if phase in "CPD")
            yield "system", ("lock and read", number), become(("mining", worker[1], readable))._replace(locked=True)
        elif worker[0] == "mining":
            yield "system", ("save", number), become(("idle",))._replace(covered=s.covered | worker[2], locked=False)
