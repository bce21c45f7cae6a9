"""The real scripts on a real server against the double, on sequences that Hypothesis makes up.

Every rule asks the server first; its answer says what time it was there, and the double is asked at that very time. So
the whole hash can be compared field by field, times included.
"""

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis import Redis

from tasks.coalescing.pace import Pace
from tasks.coalescing.protocol import SKIPS, Answer, Terms
from tests.coalescing.double import Group, MemoryCoalescing
from tests.coalescing.worlds import TIMES, ScriptWorld

TERMS = Terms(ttl=100_000, ticket=710, lease=310, grace=135, pace=Pace(quiet=50, max_wait=170, gap=3, crowd=20))
GROUPS = [UUID(int=number) for number in (1, 2)]

ABSENT = ("0", "", "idle")  # values that a missing field stands for

groups = st.sampled_from(GROUPS)
owners = st.sampled_from(["ann", "bob"])
projects = st.sampled_from(["", "p1", "p2"])
patiences = st.sampled_from([0.0, 105.0])
outcomes = st.sampled_from(["committed", "empty", "fenced", "failed", "stopped"])


class ScriptsBesideDouble(RuleBasedStateMachine):
    redis: Redis

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushall()
        self.real = ScriptWorld(self.redis, TERMS)
        self.time = 0
        self.double = MemoryCoalescing(TERMS, clock=lambda: self.time)
        self.deliveries: Counter[UUID] = Counter()

    def both(self, transition: str, group: UUID, *arguments: object, **options: object) -> None:
        real: Answer = getattr(self.real.coalescing, transition)(group, *arguments, **options)
        self.time = real.at + self.real.shift
        answer: Answer = getattr(self.double, transition)(group, *arguments, **options)
        until = real.until + self.real.shift if real.until else 0
        assert (real.word, until, real.number, real.fresh, real.trace, real.project) == (
            answer.word, answer.until, answer.number, answer.fresh, answer.trace, answer.project,
        )  # fmt: skip

    @rule(
        group=groups,
        urgent=st.booleans(),
        fresh=st.booleans(),
        trace=st.sampled_from(["", "t1", "t2"]),
        project=projects,
        patience=patiences,
    )
    def request(self, group: UUID, urgent: bool, fresh: bool, trace: str, project: str, patience: float) -> None:
        self.both("request", group, urgent=urgent, fresh=fresh, trace=trace, project=project, patience=patience)

    @rule(group=groups, owner=owners, ticketless=st.booleans(), redelivered=st.booleans())
    def claim(self, group: UUID, owner: str, ticketless: bool, redelivered: bool) -> None:
        self.time = self.real.now()
        self.deliveries[group] += not self.double.runs_now(group, owner)
        self.both("claim", group, owner, ticketless=ticketless, redelivered=redelivered)

    @rule(group=groups, owner=owners)
    def heartbeat(self, group: UUID, owner: str) -> None:
        self.both("heartbeat", group, owner)

    @rule(
        group=groups, owner=owners, outcome=outcomes, has_more=st.booleans(), pause=st.sampled_from([2.0, 64.0, 900.0])
    )
    def finish(self, group: UUID, owner: str, outcome: str, has_more: bool, pause: float) -> None:
        self.both("finish", group, owner, outcome, has_more=has_more, pause=pause)

    @rule(
        group=groups,
        owed=st.booleans(),
        fresh=st.sampled_from([None, True, False]),
        project=projects,
        patience=patiences,
    )
    def wake(self, group: UUID, owed: bool, fresh: bool | None, project: str, patience: float) -> None:
        self.both("wake", group, owed=owed, fresh=fresh, project=project, patience=patience)

    @rule()
    def take_due(self) -> None:
        self.time = self.real.now()
        surely = set(self.double.due_now())
        taken = set(self.real.coalescing.take_due())
        self.time = self.real.now()
        assert surely <= taken <= set(self.double.due_now())
        self.double.drop_due(taken)

    @rule(seconds=st.sampled_from([20, 60, 180, 320, 720, -500]))
    def time_passes_or_the_clock_is_set_back(self, seconds: int) -> None:
        self.real.advance(seconds)

    @rule()
    def redis_restarts_empty(self) -> None:
        self.real.flush()
        self.double.flush()
        self.deliveries.clear()

    @invariant()
    def the_hashes_are_equal(self) -> None:
        for group in GROUPS:
            hash_of_double = self.double.hash_of(group)
            assert self._real(group) == (None if hash_of_double is None else as_fields(hash_of_double))

    def _real(self, group: UUID) -> dict[str, object] | None:
        fields = self.real.fields(group)
        if not fields:
            return None
        moved = {name: int(fields[name]) + self.real.shift for name in TIMES if int(fields.get(name, 0))}
        plain = {name: value for name, value in fields.items() if name not in TIMES and name != "born"}
        return {name: value for name, value in (plain | moved).items() if str(value) not in ABSENT}

    @invariant()
    def done_never_runs_ahead_of_seq(self) -> None:
        for group in GROUPS:
            fields = self.real.fields(group)
            assert int(fields.get("done", 0)) <= int(fields.get("seq", 0))

    @invariant()
    def every_request_and_every_message_is_counted_once(self) -> None:
        for group in GROUPS:
            snapshot = self.real.coalescing.snapshot(group)
            counters = snapshot.counters
            assert counters["requests"] == counters["coalesced"] + counters["messages"] + (snapshot.state == "parked")
            assert self.deliveries[group] == counters["runs"] + sum(counters[skip] for skip in SKIPS) + (
                snapshot.state == "running"
            )

    @invariant()
    def every_key_expires(self) -> None:
        assert self.real.keys_without_expiry() == []


def as_fields(group: Group) -> dict[str, object]:
    """The double's group as the fields of a hash, without zeros and empty texts."""
    fields = {
        "at": group.at, "state": group.state, "until": group.until, "backoff": int(group.backoff), "seq": group.seq, "done": group.done,
        "owner": group.owner, "run_seq": group.run_seq, "run_at": group.run_at, "first_at": group.first_at,
        "rest_until": group.rest_until, "enough": group.enough, "urgency": int(group.urgent), "run_urgency": int(group.run_urgent),
        "fresh": int(group.fresh), "trace": group.trace, "project": group.project,
    }  # fmt: skip
    fields |= {f"n_{name}": value for name, value in group.counters.items()}
    present = {name: value for name, value in fields.items() if str(value) not in ABSENT}
    return {name: value if name in TIMES else str(value) for name, value in present.items()}


def test_the_scripts_do_what_the_double_does(redis_client: Redis) -> None:
    machine = type("Machine", (ScriptsBesideDouble,), {"redis": redis_client})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.model
@pytest.mark.timeout(600)
def test_the_scripts_do_what_the_double_does_for_much_longer(redis_client: Redis) -> None:
    machine = type("Machine", (ScriptsBesideDouble,), {"redis": redis_client})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=1500, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
