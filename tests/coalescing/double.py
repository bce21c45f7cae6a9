"""The coalescing protocol in memory: gives the same answers as the scripts, with plain code.

The double is the oracle of the scripts (test_against_scripts.py). Tests of publishers and workers that do not need Redis
use the double as well.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

from tasks.coalescing.protocol import COUNTERS, Answer, Outcome, Snapshot, Terms, milliseconds


@dataclass
class Group:
    """One group's hash. Times are milliseconds of the double's clock."""

    born: int
    at: int = 0
    state: str = "idle"
    until: int = 0
    backoff: bool = False
    seq: int = 0
    done: int = 0
    owner: str = ""
    run_seq: int = 0
    run_at: int = 0
    first_at: int = 0
    rest_until: int = 0
    urgent: bool = False
    run_urgent: bool = False
    fresh: bool = False
    trace: str = ""
    project: str = ""
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))


class MemoryCoalescing:
    """`tasks.coalescing.protocol.Coalescing` without Redis. `clock` answers in milliseconds."""

    def __init__(self, terms: Terms, clock: Callable[[], int]) -> None:
        self._terms = terms
        self._pace = replace(terms.pace, least=milliseconds(terms.pace.least))
        self._clock = clock
        self._groups: dict[UUID, Group] = {}
        self._due: dict[UUID, int] = {}

    # --- transitions

    def request(
        self,
        group: UUID,
        *,
        urgent: bool = False,
        fresh: bool = False,
        trace: str = "",
        project: str = "",
        patience: float = 0.0,
    ) -> Answer:
        now, it = self._enter(group, patience)
        it.seq += 1
        it.fresh, it.trace, it.urgent = fresh, trace or it.trace, it.urgent or urgent
        it.project = project or it.project
        it.first_at = it.first_at or now
        it.counters["requests"] += 1
        if it.state == "idle":
            return self._answer(group, now, self._send_or_park(it, now), it.seq)
        it.counters["coalesced"] += 1
        if it.state == "parked":
            if urgent or now >= it.until + milliseconds(self._terms.grace):
                return self._answer(group, now, self._send(it, now), it.seq)
            if not it.backoff:
                it.until = self._due_at(it, now)
        return self._answer(group, now, "coalesced", it.seq)

    def claim(self, group: UUID, owner: str, *, ticketless: bool = False, redelivered: bool = False) -> Answer:
        now, it = self._enter(group)
        if it.state == "running" and it.owner == owner:
            return self._answer(group, now, "run", int(it.run_urgent))
        it.counters["redelivered"] += redelivered
        if ticketless:
            it.seq += 1
            it.counters["requests"] += 1
            it.counters["messages"] += 1
            it.first_at = it.first_at or now
            it.urgent = True
        if it.state == "running":
            return self._skip(group, now, "busy")
        if it.state == "parked" and now < it.until and not ticketless:
            return self._skip(group, now, "early")
        if it.seq <= it.done:
            if it.state != "idle":
                it.state, it.until = "idle", 0
            return self._skip(group, now, "covered")
        it.counters["coalesced"] += it.state == "parked"
        it.state, it.until = "running", now + milliseconds(self._terms.lease)
        it.owner, it.run_seq, it.run_at, it.run_urgent = owner, it.seq, now, it.urgent
        it.urgent, it.first_at, it.backoff = False, 0, False
        return self._answer(group, now, "run", int(it.run_urgent))

    def heartbeat(self, group: UUID, owner: str) -> Answer:
        now, it = self._enter(group)
        if it.state != "running" or it.owner != owner:
            return self._answer(group, now, "lost")
        it.until = now + milliseconds(self._terms.lease)
        return self._answer(group, now, "held")

    def finish(self, group: UUID, owner: str, outcome: Outcome, *, more: bool = False, pause: float = 0.0) -> Answer:
        now, it = self._enter(group)
        if it.state != "running" or it.owner != owner:
            return self._answer(group, now, "lost")
        it.rest_until = now + int(self._pace.pause(now - it.run_at, it.seq - it.run_seq))
        if outcome in ("committed", "empty"):
            it.done = max(it.done, it.run_seq)
        else:
            it.urgent = it.urgent or it.run_urgent
        it.counters[outcome if outcome in ("empty", "fenced") else "runs"] += 1
        it.counters["errors"] += outcome == "failed"
        it.seq += more
        it.state, it.until = "idle", 0
        if it.seq <= it.done:
            return self._answer(group, now, "rest")
        self._ask_itself(it, now)
        if outcome == "failed":
            return self._answer(group, now, self._park(it, now + milliseconds(pause), backoff=True))
        if more or outcome == "stopped":
            return self._answer(group, now, self._send(it, now), it.seq)
        return self._answer(group, now, self._send_or_park(it, now), it.seq)

    def wake(
        self,
        group: UUID,
        *,
        owed: bool = False,
        fresh: bool | None = None,
        project: str = "",
        patience: float = 0.0,
    ) -> Answer:
        now, it = self._enter(group, patience)
        it.fresh = it.fresh if fresh is None else fresh
        it.project = project or it.project
        if it.state in ("running", "queued"):
            return self._answer(group, now, "live")
        if it.state == "parked":
            if now < it.until:
                return self._answer(group, now, "park")
            return self._answer(group, now, self._send(it, now), it.seq)
        if owed and it.seq <= it.done:
            it.seq = it.done + 1
        if it.seq <= it.done:
            return self._answer(group, now, "rest")
        self._ask_itself(it, now)
        return self._answer(group, now, self._send(it, now), it.seq)

    def take_due(self, limit: int = 100) -> list[UUID]:
        now = self._clock()
        taken = sorted((group for group, due in self._due.items() if due <= now), key=lambda g: (self._due[g], str(g)))
        self.drop_due(taken[:limit])
        return taken[:limit]

    def drop_due(self, groups: Iterable[UUID]) -> None:
        for group in groups:
            del self._due[group]

    def due_now(self) -> list[UUID]:
        """The groups that take_due would take; nothing is taken."""
        return [group for group, due in self._due.items() if due <= self._clock()]

    def runs_now(self, group: UUID, owner: str) -> bool:
        """Whether the owner holds the lease at this time."""
        it = self._groups.get(group)
        return it is not None and it.state == "running" and it.owner == owner and max(self._clock(), it.at) < it.until

    def hash_of(self, group: UUID) -> Group | None:
        """The stored group, or None."""
        return self._groups.get(group)

    def snapshot(self, group: UUID) -> Snapshot:
        it = self._groups.get(group, Group(born=0))
        return Snapshot(it.state, it.born, dict(it.counters))

    def flush(self) -> None:
        """Redis restarts empty."""
        self._groups.clear()
        self._due.clear()

    # --- parts of the transitions

    def _enter(self, group: UUID, patience: float = 0.0) -> tuple[int, Group]:
        """Expired leases and tickets count as absent."""
        now = self._clock()
        it = self._groups.setdefault(group, Group(born=now * 1000))
        self._follow_the_clock(it, now)
        if it.state == "running" and now >= it.until:
            it.counters["runs"] += 1
            it.counters["lost"] += 1
            it.urgent = it.urgent or it.run_urgent
            it.first_at = it.first_at or now
            it.state, it.until = "idle", 0
        elif it.state == "queued" and now >= it.until + milliseconds(patience):
            it.counters["expired"] += 1
            it.state, it.until = "idle", 0
        return now, it

    def _follow_the_clock(self, it: Group, now: int) -> None:
        """The time of the clock, which may have been set back."""
        back = max(0, it.at - now)
        for name in ("until", "first_at", "rest_until", "run_at"):
            if getattr(it, name):
                setattr(it, name, getattr(it, name) - back)
        it.at = now

    def _due_at(self, it: Group, now: int) -> int:
        pace = self._terms.pace
        at = it.rest_until if it.rest_until > now else now + milliseconds(pace.quiet)
        return min(at, it.first_at + milliseconds(pace.max_wait))

    def _send(self, it: Group, now: int) -> str:
        it.counters["messages"] += 1
        it.backoff = False
        it.state, it.until = "queued", now + milliseconds(self._terms.ticket)
        return "send"

    def _park(self, it: Group, at: int, *, backoff: bool) -> str:
        it.backoff = backoff
        it.state, it.until = "parked", at
        return "park"

    def _send_or_park(self, it: Group, now: int) -> str:
        due = self._due_at(it, now)
        return self._send(it, now) if it.urgent or due <= now else self._park(it, due, backoff=False)

    def _ask_itself(self, it: Group, now: int) -> None:
        it.counters["requests"] += 1
        it.counters["followups"] += 1
        it.first_at = it.first_at or now

    def _skip(self, group: UUID, now: int, why: str) -> Answer:
        self._groups[group].counters[why] += 1
        return self._answer(group, now, why)

    def _answer(self, group: UUID, now: int, word: str, number: int = 0) -> Answer:
        it = self._groups[group]
        if word == "park":
            self._due[group] = it.until
        return Answer(word, now, it.until, number, it.fresh, it.trace, it.project)
