"""The coalescing protocol in memory: gives the same answers as the scripts, with plain code.

The double is the oracle of the scripts (test_against_scripts.py). Tests of publishers and workers that do not need Redis
use the double as well.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

from tasks.coalescing.pace import Pause
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
    enough: int = 0
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
        pace = terms.pace
        self._pace = replace(
            pace,
            quiet=milliseconds(pace.quiet),
            max_wait=milliseconds(pace.max_wait),
            least=milliseconds(pace.least),
        )
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
        now, stored = self._enter(group, patience)
        stored.seq += 1
        stored.fresh, stored.trace, stored.urgent = fresh, trace or stored.trace, stored.urgent or urgent
        stored.project = project or stored.project
        stored.first_at = stored.first_at or now
        stored.counters["requests"] += 1
        if stored.state == "idle":
            return self._answer(group, now, self._send_or_park(stored, now), stored.seq)
        stored.counters["coalesced"] += 1
        if stored.state == "parked":
            if urgent or now >= stored.until + milliseconds(self._terms.grace):
                return self._answer(group, now, self._send(stored, now), stored.seq)
            if not stored.backoff:
                stored.until = self._due_at(stored, now)
        return self._answer(group, now, "coalesced", stored.seq)

    def claim(self, group: UUID, owner: str, *, ticketless: bool = False, redelivered: bool = False) -> Answer:
        now, stored = self._enter(group)
        if stored.state == "running" and stored.owner == owner:
            return self._answer(group, now, "run", int(stored.run_urgent))
        stored.counters["redelivered"] += redelivered
        if ticketless:
            stored.seq += 1
            stored.counters["requests"] += 1
            stored.counters["messages"] += 1
            stored.first_at = stored.first_at or now
            stored.urgent = True
        if stored.state == "running":
            return self._skip(group, now, "busy")
        if stored.state == "parked" and now < stored.until and not ticketless:
            return self._skip(group, now, "early")
        if stored.seq <= stored.done:
            if stored.state != "idle":
                stored.state, stored.until = "idle", 0
            return self._skip(group, now, "covered")
        stored.counters["coalesced"] += stored.state == "parked"
        stored.state, stored.until = "running", now + milliseconds(self._terms.lease)
        stored.owner, stored.run_seq, stored.run_at, stored.run_urgent = owner, stored.seq, now, stored.urgent
        stored.urgent, stored.first_at, stored.backoff = False, 0, False
        return self._answer(group, now, "run", int(stored.run_urgent))

    def heartbeat(self, group: UUID, owner: str) -> Answer:
        now, stored = self._enter(group)
        if stored.state != "running" or stored.owner != owner:
            return self._answer(group, now, "lost")
        stored.until = now + milliseconds(self._terms.lease)
        return self._answer(group, now, "held")

    def finish(
        self, group: UUID, owner: str, outcome: Outcome, *, has_more: bool = False, pause: float = 0.0
    ) -> Answer:
        now, stored = self._enter(group)
        if stored.state != "running" or stored.owner != owner:
            return self._answer(group, now, "lost")
        resting = self._pace.rest(stored.run_at, now)
        stored.rest_until, stored.enough = int(resting.until), int(resting.enough)
        if outcome in ("committed", "empty"):
            stored.done = max(stored.done, stored.run_seq)
        else:
            stored.urgent = stored.urgent or stored.run_urgent
        stored.counters[outcome if outcome in ("empty", "fenced") else "runs"] += 1
        stored.counters["errors"] += outcome == "failed"
        stored.seq += has_more
        stored.state, stored.until = "idle", 0
        if stored.seq <= stored.done:
            return self._answer(group, now, "rest")
        self._ask_itself(stored, now)
        if outcome == "failed":
            return self._answer(group, now, self._park(stored, now + milliseconds(pause), backoff=True))
        if has_more or outcome == "stopped":
            return self._answer(group, now, self._send(stored, now), stored.seq)
        return self._answer(group, now, self._send_or_park(stored, now), stored.seq)

    def wake(
        self,
        group: UUID,
        *,
        owed: bool = False,
        fresh: bool | None = None,
        project: str = "",
        patience: float = 0.0,
    ) -> Answer:
        now, stored = self._enter(group, patience)
        stored.fresh = stored.fresh if fresh is None else fresh
        stored.project = project or stored.project
        if stored.state in ("running", "queued"):
            return self._answer(group, now, "live")
        if stored.state == "parked":
            if now < stored.until:
                return self._answer(group, now, "park")
            return self._answer(group, now, self._send(stored, now), stored.seq)
        if owed and stored.seq <= stored.done:
            stored.seq = stored.done + 1
        if stored.seq <= stored.done:
            return self._answer(group, now, "rest")
        self._ask_itself(stored, now)
        return self._answer(group, now, self._send(stored, now), stored.seq)

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
        stored = self._groups.get(group)
        return (
            stored is not None
            and stored.state == "running"
            and stored.owner == owner
            and max(self._clock(), stored.at) < stored.until
        )

    def hash_of(self, group: UUID) -> Group | None:
        """The stored group, or None."""
        return self._groups.get(group)

    def snapshot(self, group: UUID) -> Snapshot:
        stored = self._groups.get(group, Group(born=0))
        return Snapshot(stored.state, stored.born, dict(stored.counters))

    def flush(self) -> None:
        """Redis restarts empty."""
        self._groups.clear()
        self._due.clear()

    # --- parts of the transitions

    def _enter(self, group: UUID, patience: float = 0.0) -> tuple[int, Group]:
        """Expired leases and tickets count as absent."""
        now = self._clock()
        stored = self._groups.setdefault(group, Group(born=now * 1000))
        self._follow_the_clock(stored, now)
        if stored.state == "running" and now >= stored.until:
            stored.counters["runs"] += 1
            stored.counters["lost"] += 1
            stored.urgent = stored.urgent or stored.run_urgent
            stored.first_at = stored.first_at or now
            stored.state, stored.until = "idle", 0
        elif stored.state == "queued" and now >= stored.until + milliseconds(patience):
            stored.counters["expired"] += 1
            stored.state, stored.until = "idle", 0
        return now, stored

    def _follow_the_clock(self, stored: Group, now: int) -> None:
        """Moves all stored times back if the clock was set back."""
        back = max(0, stored.at - now)
        for name in ("until", "first_at", "rest_until", "run_at"):
            if getattr(stored, name):
                setattr(stored, name, getattr(stored, name) - back)
        stored.at = now

    def _due_at(self, stored: Group, now: int) -> int:
        waiting = max(stored.seq - stored.run_seq, 1)
        return int(
            self._pace.due(now, stored.first_at, waiting, Pause(stored.run_at, stored.rest_until, stored.enough))
        )

    def _send(self, stored: Group, now: int) -> str:
        stored.counters["messages"] += 1
        stored.backoff = False
        stored.state, stored.until = "queued", now + milliseconds(self._terms.ticket)
        return "send"

    def _park(self, stored: Group, until: int, *, backoff: bool) -> str:
        stored.backoff = backoff
        stored.state, stored.until = "parked", until
        return "park"

    def _send_or_park(self, stored: Group, now: int) -> str:
        due = self._due_at(stored, now)
        return self._send(stored, now) if stored.urgent or due <= now else self._park(stored, due, backoff=False)

    def _ask_itself(self, stored: Group, now: int) -> None:
        stored.counters["requests"] += 1
        stored.counters["followups"] += 1
        stored.first_at = stored.first_at or now

    def _skip(self, group: UUID, now: int, why: str) -> Answer:
        self._groups[group].counters[why] += 1
        return self._answer(group, now, why)

    def _answer(self, group: UUID, now: int, word: str, number: int = 0) -> Answer:
        stored = self._groups[group]
        if word == "park":
            self._due[group] = stored.until
        return Answer(word, now, stored.until, number, stored.fresh, stored.trace, stored.project)
