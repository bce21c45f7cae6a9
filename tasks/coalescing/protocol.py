"""The coalescing protocol, told in one sitting.

The truth is in PostgreSQL: a trace is *owed* until a committed run has read it. Redis only says *when* a run is worth a
message and *who* may run, and it may lose everything at any moment. One hash per group holds one of four states:

    state    what it means                          until            left by
    -------  -------------------------------------  ---------------  -----------------------------------------------------
    idle     nothing is asked for, or it is lost    -                REQUEST -> parked, or queued when it is due
    parked   asked for, and waits for its due time  due time         WAKE at its due time -> queued;
                                                                     REQUEST of a person, or past the grace -> queued
    queued   one message is under way               ticket expiry    CLAIM -> running;  expiry -> idle
    running  one owner executes a run               lease expiry     FINISH -> idle, parked or queued;  expiry -> idle

    transition  idle            parked                   queued         running
    ----------  --------------  -----------------------  -------------  ------------------------------------------------
    REQUEST     park or send    coalesced (due moves)    coalesced      coalesced
    CLAIM       run or covered  early, or run when due   run            busy
    HEARTBEAT   lost            lost                     lost           held, or lost to another owner
    FINISH      lost            lost                     lost           rest, send or park, or lost to another owner
    WAKE        rest, or send   park, or send when due   live           live
                when owed

`seq` counts requests, `run_seq` is its value at CLAIM, `done` the highest run_seq that a committed run has covered.
A message finds nothing to do when seq <= done: that is the check against the latest request. The latest is counted here
after COMMIT and never a trace's own id, because ids are not commit order and a trace would be lost.

Guarantees (docs/coalescing.md in a user's words; tests/coalescing checks them on a model and on the real scripts):

I1   every owed trace is read by a run that started after its COMMIT and itself committed; at rest nothing is owed
I2   of overlapping runs of a group at most one commits (fence in PostgreSQL); without lease loss at most one executes
I3   at most one queued message per group, plus one per failure
I4   a message with seq > done, no live run and nothing parked always starts a run
I5   a run reads at most its window; leftovers go to the tail of the queue (`more`), so groups take turns
I6   no group waits longer than max_wait plus the queue
I7   done <= seq in every atomic state
I8   accepting a trace never depends on Redis (tasks/ask.py)
I9   every Redis key expires
I10  in every atomic state: requests = coalesced + messages + (1 while parked), and
     messages + redelivered = runs + skips + expired tickets + messages under way + live runs, short of lost messages

Two keys, each with scripts of its own, so a Redis Cluster can hold them: `promptlode:{group}`, and `promptlode:due`,
an index of parked groups by due time. The index is a hint: what is missing there, the reconciler finds owed.

A message that is under way is in the broker, or waits for its project's turn to enter it: turns.py.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

from redis import Redis
from redis.exceptions import NoScriptError

from app.config import Settings, default_of
from tasks.coalescing.pace import Pace

Outcome = Literal["committed", "empty", "fenced", "failed", "stopped"]

DUE_KEY = "promptlode:due"

CLOCK_STEP_MS = 5000
"""Milliseconds; later than now + 5 s: the clock went back."""

COUNTERS = (
    "requests",  # someone asked, the pipeline itself included
    "followups",  # those of them by the pipeline itself: follow-ups, retries, wakes
    "coalesced",  # requests that need no message of their own
    "messages",  # requests that got one
    "redelivered",  # messages that the broker delivered again
    "runs",  # runs that committed, failed, were stopped, or died
    "busy",  # skip: another run was live
    "early",  # skip: not due yet
    "covered",  # skip: a committed run had read everything
    "empty",  # skip: the run found nothing owed
    "fenced",  # skip: a newer run had begun
    "errors",  # runs that failed
    "lost",  # runs that died: their lease ended without FINISH
    "expired",  # messages that nobody claimed in time
)
"""Counters of a group, in the order in which people read them. `n_` + name is the field of the hash."""

SKIPS = ("busy", "early", "covered", "empty", "fenced")


@dataclass(frozen=True)
class Terms:
    """Durations, in seconds.

    ttl:    of every key. A group at rest needs only its counters, which the reconciler folds every few seconds; a
            parked one is due within the longest back-off (15 minutes). An hour exceeds both.
    ticket: after it a queued message counts as lost, unless so many wait that it may just not have come to its turn
            (`patience`, which the caller takes from the length of the queue).
    lease:  after it without HEARTBEAT a run counts as dead. Three missed heartbeats.
    grace:  how long a parked group may be overdue before any request sends for it.
    """

    ttl: float = 3600.0
    ticket: float = default_of("grouping_ticket")
    lease: float = default_of("grouping_lease")
    grace: float = default_of("grouping_grace")
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def of(cls, settings: Settings) -> "Terms":
        """The terms of the settings."""
        pace = Pace(settings.grouping_quiet, settings.grouping_max_wait, settings.grouping_gap_factor)
        return cls(
            ttl=max(cls.ttl, 2 * settings.grouping_backoff_max),
            ticket=settings.grouping_ticket,
            lease=settings.grouping_lease,
            grace=settings.grouping_grace,
            pace=pace,
        )

    def arguments(self) -> list[float]:
        """The first arguments of every script: six durations in milliseconds, then the two plain numbers."""
        times = (self.ttl, self.ticket, self.lease, self.grace, self.pace.quiet, self.pace.max_wait)
        return [*map(milliseconds, times), self.pace.gap, self.pace.crowd]


@dataclass(frozen=True)
class Answer:
    """The answer of a transition.

    word:   one of the answers in the table above
    at:     when, in milliseconds of Redis' clock
    until:  the `until` of the state that the group is in now
    number: the ticket of a message to publish; for a claimed run 1 when a person or a review asked for it
    fresh:  whether the group has no template yet, as far as Redis knows
    trace:  id of the latest trace that asked, or ''
    project: id of the group's project as far as Redis knows, or ''
    """

    word: str
    at: int
    until: int
    number: int
    fresh: bool
    trace: str
    project: str

    @classmethod
    def of(cls, reply: list) -> "Answer":
        word, answered_at, until, number, fresh, trace, project = reply
        return cls(text(word), int(answered_at), int(until), int(number), bool(int(fresh)), text(trace), text(project))


class Coalescing(Protocol):
    """The transitions, as their callers see them: Redis in the product, a double in the tests."""

    def request(
        self,
        group: UUID,
        *,
        urgent: bool = False,
        fresh: bool = False,
        trace: str = "",
        project: str = "",
        patience: float = 0.0,
    ) -> Answer: ...
    def claim(self, group: UUID, owner: str, *, ticketless: bool = False, redelivered: bool = False) -> Answer: ...
    def heartbeat(self, group: UUID, owner: str) -> Answer: ...
    def finish(
        self, group: UUID, owner: str, outcome: Outcome, *, has_more: bool = False, pause: float = 0.0
    ) -> Answer: ...
    def wake(
        self,
        group: UUID,
        *,
        owed: bool = False,
        fresh: bool | None = None,
        project: str = "",
        patience: float = 0.0,
    ) -> Answer: ...
    def take_due(self, limit: int = 100) -> list[UUID]: ...
    def snapshot(self, group: UUID) -> "Snapshot": ...


@dataclass(frozen=True)
class Snapshot:
    """A group's hash: its state, its counters, and since when they count (`born`, 0 without a hash).

    until: when the state ends, in milliseconds of Redis' clock, at: when it was last written; a heartbeat changes only these two, so they
    are not compared.
    """

    state: str
    born: int
    counters: dict[str, int]
    until: int = field(default=0, compare=False)
    at: int = field(default=0, compare=False)


class RedisCoalescing:
    """The transitions on a Redis or Valkey server: one round trip each, two when a group is parked."""

    def __init__(self, redis: "Redis", terms: Terms) -> None:
        self.redis = redis
        self._terms = terms

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
        """REQUEST: after COMMIT, ask that the group be grouped.

        `patience`: seconds that a message may be under way beyond its ticket, because so many are before it now.
        """
        arguments = (int(urgent), int(fresh), trace, project)
        return self.noted(group, self._run("request", group, *arguments, patience=patience))

    def request_command(
        self, group: UUID, *, fresh: bool, trace: str, project: str, patience: float
    ) -> list[str | float]:
        """REQUEST of a trace as a command of Redis, for a caller that sends it itself; its answer then goes through `noted`."""
        script = digest(source("state") + source("request"))
        return ["EVALSHA", script, 1, *self._arguments(group, patience, 0, int(fresh), trace, project)]

    def claim(self, group: UUID, owner: str, *, ticketless: bool = False, redelivered: bool = False) -> Answer:
        """CLAIM: ask for the right to run. `ticketless`: there was no REQUEST for this message."""
        return self._run("claim", group, owner, int(ticketless), int(redelivered))

    def heartbeat(self, group: UUID, owner: str) -> Answer:
        """HEARTBEAT: keep the lease."""
        return self._run("heartbeat", group, owner)

    def finish(
        self, group: UUID, owner: str, outcome: Outcome, *, has_more: bool = False, pause: float = 0.0
    ) -> Answer:
        """FINISH: give the lease back. `pause`: seconds until a failed run is tried again."""
        return self.noted(group, self._run("finish", group, owner, outcome, int(has_more), milliseconds(pause)))

    def wake(
        self,
        group: UUID,
        *,
        owed: bool = False,
        fresh: bool | None = None,
        project: str = "",
        patience: float = 0.0,
    ) -> Answer:
        """WAKE: send for a group that is due (a pacer) or owed (the reconciler); `patience` as in REQUEST."""
        freshness = "" if fresh is None else int(fresh)
        return self.noted(group, self._run("wake", group, int(owed), freshness, project, patience=patience))

    def take_due(self, limit: int = 100) -> list[UUID]:
        """Take up to `limit` due groups out of the index; the caller must wake each of them."""
        return [UUID(text(group)) for group in evaluate(self.redis, source("due_take"), DUE_KEY, limit)]

    def snapshot(self, group: UUID) -> Snapshot:
        """The group's hash, read only."""
        return read_snapshot(self.redis.hgetall(key_of(group)))

    def snapshots(self, groups: Iterable[UUID]) -> dict[UUID, Snapshot]:
        """Many hashes in one round trip."""
        groups = list(groups)
        with self.redis.pipeline(transaction=False) as pipeline:
            for group in groups:
                pipeline.hgetall(key_of(group))
            return {group: read_snapshot(fields) for group, fields in zip(groups, pipeline.execute(), strict=True)}

    def unattended(self, patience: Mapping[UUID, float]) -> set[UUID]:
        """The groups without a run, message or due time; `patience` of each as in REQUEST."""
        seconds: Any = self.redis.time()
        now = seconds[0] * 1000
        snapshots = self.snapshots(patience)
        return {
            group
            for group, seconds in patience.items()
            if not _is_attended(snapshots[group], now, milliseconds(seconds))
        }

    def groups(self) -> Iterable[UUID]:
        """Every group that has a hash."""
        for key in self.redis.scan_iter(match="promptlode:{*}", count=1000):
            yield UUID(text(key).partition("{")[2].rstrip("}"))

    def parked(self) -> int:
        """The number of groups that wait for their due time."""
        return int(self.redis.zcard(DUE_KEY))

    def noted(self, group: UUID, answer: Answer) -> Answer:
        """The answer, after the group was noted as due where it is parked."""
        if answer.word == "park":
            ttl = milliseconds(self._terms.ttl)
            evaluate(self.redis, source("due_add"), DUE_KEY, ttl, str(group), answer.until)
        return answer

    def _run(self, transition: str, group: UUID, *arguments: str | float, patience: float = 0.0) -> Answer:
        script = source("state") + source(transition)
        return Answer.of(evaluate(self.redis, script, *self._arguments(group, patience, *arguments)))

    def _arguments(self, group: UUID, patience: float, *arguments: str | float) -> tuple[Any, ...]:
        """The key of a transition and its arguments."""
        return key_of(group), *self._terms.arguments(), milliseconds(patience), *arguments


def evaluate(redis: "Redis", script: str, key: str, *arguments: str | float) -> list:
    """EVALSHA, and EVAL once after the server lost the script (a restart)."""
    try:
        return redis.evalsha(digest(script), 1, key, *arguments)
    except NoScriptError:
        return redis.eval(script, 1, key, *arguments)


def _is_attended(snapshot: Snapshot, now: int, patience: int) -> bool:
    if snapshot.at > now + CLOCK_STEP_MS:
        return False  # to wake the group sets its times by the clock, and shows its state
    return snapshot.state != "idle" and now < snapshot.until + (patience if snapshot.state == "queued" else 0)


def key_of(group: UUID) -> str:
    """The group's only key; the braces make it one slot of a cluster."""
    return f"promptlode:{{{group}}}"


def read_snapshot(stored: dict) -> Snapshot:
    """The Snapshot of a hash from Redis, of bytes or str."""
    fields = {text(name): text(value) for name, value in stored.items()}
    counters = {name: int(fields.get(f"n_{name}", 0)) for name in COUNTERS}
    until, written_at = (int(float(fields.get(name, 0))) for name in ("until", "at"))
    return Snapshot(fields.get("state", "idle"), int(fields.get("born", 0)), counters, until, written_at)


@cache
def source(name: str) -> str:
    """The text of one .lua file of this folder."""
    return Path(__file__).with_name(f"{name}.lua").read_text(encoding="utf-8")


@cache
def digest(script: str) -> str:
    """SHA-1 of a script, which is how EVALSHA names it."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def milliseconds(seconds: float) -> int:
    """Integer milliseconds, the unit of every script."""
    return round(seconds * 1000)


def text(value: bytes | str) -> str:
    """The str of an answer of Redis, which is bytes or str depending on the client."""
    return value.decode() if isinstance(value, bytes) else value
