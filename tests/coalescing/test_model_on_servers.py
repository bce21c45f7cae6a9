"""Random walks through the model, carried out on the real scripts and the real fence.

Every move is done for real: transactions that stay open, REQUEST and CLAIM on a Valkey, OPEN and SAVE with the fence in
PostgreSQL. What the servers answer must be a move that the model allows, and after it the real state must be the model's.
So what the checker proves of the model holds for what runs in production.
"""

import random
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import Connection, Engine, create_engine, func, insert, select

from app.errors import FencedError
from app.store import calls, groups, projects, runs
from app.store.ids import new_id
from app.store.runs import GroupState
from app.store.tables import trace
from tasks.coalescing import protocol, turns
from tasks.coalescing.pace import Pace
from tasks.coalescing.protocol import DUE_KEY, RedisCoalescing, Terms, key_of
from tasks.coalescing.turns import Turns, key_of_line
from tests.coalescing.checker import Action, Move
from tests.coalescing.model import Coalescing, State

FAR = 10_000.0
"""Terms so long that no lease expires and no group is due by itself: the walk moves the time."""

TERMS = Terms(ttl=FAR, ticket=FAR, lease=FAR, grace=FAR, pace=Pace(quiet=FAR, max_wait=FAR, gap=0))
WINDOW = 2
WORLD = Coalescing(
    4,
    2,
    window=WINDOW,
    api=1,
    kill=1,
    deaf=1,
    flush=1,
    purge=1,
    duplicate=2,
    lease=1,
    ticket=1,
    pacer=1,
    reconciler=1,
    error=1,
    turn=1,
)
IN_LINE = 1e14
"""From this score on a group waits in the line of its project (`turns.lua`)."""
BLOCKER = "a message of another group, which has the only share"


@dataclass
class RealWorker:
    owner: str = ""
    state: GroupState | None = None
    run_id: UUID | None = None
    window: list[UUID] = field(default_factory=list)
    more: bool = False
    outcome: Any = ""


class Servers:
    """The group on the real servers, and how each move of the model is done there.

    A method answers what the servers said, or None when they had no say.
    """

    def __init__(self, redis: Redis, engine: Engine) -> None:
        self._redis, self._engine = redis, engine
        self._coalescing = RedisCoalescing(redis, TERMS)
        self._turns = Turns(redis, share=1, ttl=FAR)
        with engine.begin() as connection:
            self._project = projects.get_or_create(connection, "walk").id
            path = f"/{new_id()}"
            self.group = groups.get_or_create(connection, self._project, [path])[path].id
        self._line = key_of_line(str(self._project))
        self._traces: dict[int, tuple[Connection, UUID]] = {}
        self._ids: dict[UUID, int] = {}
        self._workers: dict[int, RealWorker] = {}
        self._owners = 0

    def do(self, action: Action, before: State) -> str | None:
        return getattr(self, "_" + action[0].lower().replace(" ", "_"))(before, *action[1:])

    # the state of the servers

    def group_state(self) -> str:
        fields = self._redis.hgetall(key_of(self.group))
        state = fields.get("state", "idle")
        expired = state in ("queued", "running") and int(fields["until"]) <= time.time() * 1000
        return "idle" if expired else state

    def waits_in_line(self) -> bool:
        return float(self._redis.zscore(self._line, str(self.group)) or 0) >= IN_LINE

    def uncovered_requests(self) -> int:
        seq, served = self._redis.hmget(key_of(self.group), "seq", "done")
        return int(seq or 0) - int(served or 0)

    def covered(self) -> frozenset[int]:
        query = select(trace.c.id).where(trace.c.group_id == self.group, trace.c.considered_run_id.is_not(None))
        with self._engine.begin() as connection:
            return frozenset(self._ids[trace_id] for trace_id in connection.scalars(query))

    def close(self) -> None:
        for connection, _ in self._traces.values():
            connection.close()

    # web processes

    def _open_transaction(self, before: State, number: int) -> None:
        connection, trace_id = self._engine.connect(), new_id()
        connection.execute(
            insert(trace).values(
                id=trace_id, project_id=self._project, group_id=self.group, model="m", prompt_parts=["", "hello"],
                settings={}, settings_digest="", input={}, seen_at=func.clock_timestamp(),
            )
        )  # fmt: skip
        self._traces[number] = (connection, trace_id)
        self._ids[trace_id] = number

    def _commit(self, before: State, number: int) -> None:
        self._traces[number][0].commit()

    def _roll_back(self, before: State, number: int) -> None:
        self._traces[number][0].rollback()

    def _request(self, before: State, number: int, how: str) -> str:
        if how == "overdue":
            self._move_until(-2 * FAR)
        answer = self._coalescing.request(self.group, urgent=how == "send").word
        return "overdue" if how == "overdue" and answer == "send" else answer

    def _publish(self, before: State, number: int, how: str) -> str:
        return self._enter(how)

    def _note(self, before: State, number: int) -> None:
        """REQUEST has noted the group already. Notes the group again, since the death of another process took the note away."""
        protocol.evaluate(self._redis, protocol.source("due_add"), DUE_KEY, int(FAR * 1000), str(self.group), 0)

    def _api_dies_before_request(self, before: State, number: int) -> None: ...

    def _api_dies_after_request(self, before: State, number: int) -> None:
        if not before.indexed:
            self._redis.zrem(DUE_KEY, str(self.group))

    # workers

    def _receive(self, before: State, number: int) -> None:
        self._block()
        assert self._turns.leave(str(self._project), self.group, hold=FAR) == []
        self._owners += 1
        self._workers[number] = RealWorker(owner=f"owner {self._owners}")

    def _claim(self, before: State, number: int, how: str) -> str:
        if before.group == "parked" and how == "run":
            self._move_until(-FAR)
        word = self._coalescing.claim(self.group, self._workers[number].owner).word
        assert word == how, "it was due exactly when we made it so"
        return word

    def _open(self, before: State, number: int, how: str) -> str:
        worker = self._workers[number]
        with self._engine.begin() as connection:
            state = runs.hold(connection, self.group)
            assert state is not None
            owed, worker.more = calls.owed_calls(connection, self.group, WINDOW)
            if not owed:
                worker.outcome = "empty"
                return "empty"
            worker.state, worker.run_id = _raised(state), new_id()
            worker.window = [call.id for call in owed]
            runs.open_run(connection, worker.state, worker.run_id, reason="owed", miner="1", back_off=1.0)
        return "run"

    def _save(self, before: State, number: int, how: str) -> str:
        worker = self._workers[number]
        assert worker.state is not None
        assert worker.run_id is not None
        try:
            with self._engine.begin() as connection:
                runs.hold_at(connection, self.group, worker.state.fence)
                calls.consider(connection, worker.run_id, worker.window)
        except FencedError:
            worker.outcome, worker.more = "fenced", False
        else:
            worker.outcome = "committed"
        return str(worker.outcome)

    def _error(self, before: State, number: int) -> None:
        self._workers[number].outcome, self._workers[number].more = "failed", False

    def _finish(self, before: State, number: int, how: str) -> str:
        worker = self._workers[number]
        return self._coalescing.finish(self.group, worker.owner, worker.outcome, has_more=worker.more, pause=FAR).word

    def _follow_up(self, before: State, number: int, how: str) -> str:
        return self._enter(how)

    _note_due = _note

    def _acknowledge(self, before: State, number: int) -> None: ...

    def _worker_dies(self, before: State, number: int) -> None:
        if before.workers[number].phase == "note" and not before.indexed:
            self._redis.zrem(DUE_KEY, str(self.group))

    _child_dies = _worker_dies

    def _lose_the_acknowledgement(self, before: State, number: int) -> None: ...

    def _start_anew(self, before: State, number: int) -> None: ...

    # pacer and reconciler

    def _take(self, before: State) -> None:
        self._redis.zadd(DUE_KEY, {str(self.group): 0}, xx=True)
        assert self._coalescing.take_due() == [self.group]

    def _wake(self, before: State, how: str) -> str:
        self._move_until(-FAR, only="parked")
        return "send" if self._coalescing.wake(self.group).word == "send" else "nothing"

    def _pacer_publishes(self, before: State, how: str) -> str:
        return self._enter(how)

    def _pacer_dies(self, before: State) -> None: ...

    def _reconcile(self, before: State) -> None:
        self._move_until(-FAR, only="parked")
        assert self._coalescing.wake(self.group, owed=True).word == "send"

    def _reconciler_publishes(self, before: State, how: str) -> str:
        return self._enter(how)

    def _reconciler_dies(self, before: State) -> None: ...

    # turns

    def _enter(self, how: str) -> str:
        if how == "line":
            self._block()
        else:
            self._redis.zrem(self._line, BLOCKER)
        is_under_way = 0 < float(self._redis.zscore(self._line, str(self.group)) or 0) < IN_LINE
        let_in = self._turns.enter(str(self._project), self.group, fresh=False, hold=FAR)
        assert self.group not in let_in or how == "straight" or is_under_way, "there was no room for it"
        return "straight" if self.group in let_in else "line"

    def _block(self) -> None:
        self._redis.zadd(self._line, {BLOCKER: (time.time() + FAR) * 1000})

    def _turn(self, before: State) -> None:
        self._redis.zrem(self._line, BLOCKER)
        assert self._turns.replace_lost(str(self._project), hold=FAR) == [self.group]

    def _let_in(self, before: State) -> None: ...

    def _who_lets_in_dies(self, before: State) -> None: ...

    # time and accidents

    def _live_lease_ends(self, before: State) -> None:
        self._move_until(-2 * FAR)

    _dead_lease_ends = _ghost_ticket_ends = _ticket_ends = _live_lease_ends

    def _flush(self, before: State) -> None:
        self._redis.flushall()

    def _purge(self, before: State) -> None: ...

    def _duplicate(self, before: State) -> None: ...

    def _move_until(self, seconds: float, only: str | None = None) -> None:
        key = key_of(self.group)
        if only is None or self._redis.hget(key, "state") == only:
            self._redis.hincrby(key, "until", int(seconds * 1000) - 1000)


def _raised(state: GroupState) -> GroupState:
    values = {name: getattr(state, name) for name in GroupState.__annotations__}
    return GroupState(**(values | {"fence": state.fence + 1, "attempts": state.attempts + 1}))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url, pool_size=8)
    yield engine
    engine.dispose()


def walk(redis: Redis, engine: Engine, seed: int) -> None:
    redis.flushall()
    with closing(Servers(redis, engine)) as servers:
        follow(servers, random.Random(seed))


def follow(servers: Servers, dice: random.Random) -> None:
    state, way = WORLD.start(), []
    while moves := list(WORLD.moves(state)):
        action, state = carry_out(servers, dice.choice(moves), moves, state)
        way.append(action)
        assert servers.group_state() == state.group, way
        assert servers.uncovered_requests() == state.seq - state.done, way
        assert servers.covered() == state.covered, way
        assert servers.waits_in_line() == state.line, way
    assert WORLD.lost(state) is None, way


def walks(redis: Redis, engine: Engine, seeds: Iterable[int]) -> None:
    for seed in seeds:
        walk(redis, engine, seed)


def carry_out(servers: Servers, chosen: Move, moves: list[Move], state: State) -> tuple[Action, State]:
    """Carries out an action; a choice of the servers must be a move that the model allows."""
    _, action, after = chosen
    word = servers.do(action, state)
    if word is None or word == action[-1]:
        return action, after
    allowed = {move: following for _, move, following in moves}
    assert (*action[:-1], word) in allowed, f"{action} was answered with {word}"
    return (*action[:-1], word), allowed[(*action[:-1], word)]


@pytest.mark.parametrize("seed", range(12))
def test_the_servers_go_where_the_model_goes(redis_client: Redis, engine: Engine, seed: int) -> None:
    walk(redis_client, engine, seed)


@pytest.mark.model
@pytest.mark.timeout(1200)
def test_the_servers_go_where_the_model_goes_for_much_longer(redis_client: Redis, engine: Engine) -> None:
    walks(redis_client, engine, range(1000, 2000))


BROKEN_SCRIPTS = {
    "done = seq at FINISH": ("finish", "number('done'), number('run_seq')", "number('done'), number('seq')", 1),
    "a failure that counts as done": ("finish", "outcome == 'committed' or", "outcome == 'failed' or", 0),
    "FINISH of whoever comes": ("finish", "is('running') and hash.owner == ARGV[10]", "is('running')", 1),
    "FINISH that forgets the leftovers": ("finish", "if more then set('seq'", "if false then set('seq'", 1),
    "CLAIM that does not see a live run": ("claim", "if is('running') then\n", "if false then\n", 0),
    "CLAIM without the latest check": ("claim", "if number('seq') <= number('done')", "if false", 1),
    "CLAIM before the due time": ("claim", "now < number('until') and not ticketless", "false", 81),
    "REQUEST that coalesces with nothing": ("request", "if is('idle') then", "if false then", 1),
    "WAKE that sends twice": ("wake", "if is('running') or is('queued')", "if is('running')", 11),
    "ENTER that lets everybody in": ("turns", "local free = share -", "local free = 9 -", 0),
    "a turn that never comes": ("turns", "local let_in = free > 0", "local let_in = what ~= 'replace'", 0),
    "leases that never end": ("state", "is('running') and now >= number('until')", "false", 0),
    "tickets that never end": ("state", "is('queued') and now >= number('until') + patience", "false", 0),
}
"""A line of a script, what a careless edit could make of it, and the seed of a walk that notices."""


@pytest.mark.parametrize("mutation", BROKEN_SCRIPTS)
def test_a_script_that_lost_a_defence_leaves_the_model(
    redis_client: Redis, engine: Engine, monkeypatch: pytest.MonkeyPatch, mutation: str
) -> None:
    name, line, broken, seed = BROKEN_SCRIPTS[mutation]
    assert line in protocol.source(name)
    original = protocol.source
    for reader in (protocol, turns):
        monkeypatch.setattr(
            reader, "source", lambda file: original(file).replace(line, broken if file == name else line)
        )
    with pytest.raises(AssertionError):
        walks(redis_client, engine, [seed, *range(500)])  # the other seeds are for changes of scripts or model
