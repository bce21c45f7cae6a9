"""The protocol and the failures around it, as states and moves, for ONE group (groups share nothing).

The outside world opens transactions and commits or rolls them back in any order. A run reads at most `window` committed and uncovered
traces, and its SAVE covers these. Time is not modelled: a lease or ticket may expire at any moment, and a parked group may be due at any
moment.

A message is published at once, or waits for its project's turn first (tasks/coalescing/turns.py). Other groups decide which of the two,
and when the turn comes, so both may happen. Publishing again for a waiting group does not move the group.

`Defences` names the protections of the guarantees: without one of these the checker must find a counter-example (test_model.py). The
moves are also carried out on the real scripts and the real fence (test_model_on_servers.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.coalescing.checker import Action, Move

# A trace: not begun, open, committed, REQUEST said send / park, done, rolled back.
NEW, OPEN, COMMITTED, TO_PUBLISH, TO_NOTE, DONE, ROLLED_BACK = "NOCPIDA"


class Budget(NamedTuple):
    """The number of each failure that may happen."""

    api: int = 0  # a web process dies after COMMIT, or between REQUEST and what follows
    kill: int = 0  # a worker dies; its message comes back, or was acknowledged with the dead child
    flush: int = 0  # Redis restarts empty, the queue with it
    purge: int = 0  # the queue is emptied, the state stays
    duplicate: int = 0  # a message that is worked on is delivered again
    lease: int = 0  # the lease of a live run ends (a paused worker)
    ticket: int = 0  # a ticket ends while its message waits
    turn: int = 0  # the process that lets a group in dies between taking it from the line and publishing
    pacer: int = 0  # a pacer dies after taking the group from the index, or after WAKE
    reconciler: int = 0  # the reconciler dies after WAKE
    error: int = 0  # a run fails
    deaf: int = 0  # a worker's acknowledgement is lost, and with it its credit for another message


class Worker(NamedTuple):
    """phase: idle, got, claimed, mining, saved, publish, note, acknowledge, deaf."""

    phase: str = "idle"
    owner: int = 0
    run_seq: int = 0
    fence: int = 0
    window: frozenset = frozenset()
    outcome: str = ""
    more: bool = False


class State(NamedTuple):
    traces: tuple
    covered: frozenset
    group: str  # idle, parked, queued, running
    seq: int
    done: int
    owner: int
    names: int  # number of owners so far
    indexed: bool
    queue: int
    line: bool  # the group waits for its project's turn
    turn: str  # idle, publish: a process took the group from the line
    workers: tuple
    pacer: str  # idle, taken, publish
    reconciler: str  # idle, publish
    fence: int
    twice: bool  # a trace was covered by two runs
    budget: Budget


@dataclass(frozen=True)
class Defences:
    """The defences; in the product all are on."""

    request_after_commit: bool = True
    tickets_expire: bool = True
    leases_expire: bool = True
    claim_refuses_a_live_run: bool = True
    done_is_what_was_claimed: bool = True
    finish_checks_the_owner: bool = True
    finish_sends_for_the_uncovered: bool = True
    finish_sends_for_leftovers: bool = True
    failures_cover_nothing: bool = True
    fence: bool = True
    fence_before_reading: bool = True
    turns_come: bool = True
    pacer: bool = True
    reconciler: bool = True
    acknowledge_late: bool = True
    the_deaf_start_anew: bool = True


class Coalescing:
    """The model. `window` is small, so that runs leave something over."""

    def __init__(
        self, traces: int, workers: int, *, window: int = 9, defences: Defences | None = None, **budget: int
    ) -> None:
        self._traces, self._workers, self._window = traces, workers, window
        self._on = defences or Defences()
        self._budget = Budget(**budget)

    def start(self) -> State:
        return State(
            traces=(NEW,) * self._traces, covered=frozenset(), group="idle", seq=0, done=0, owner=0, names=0,
            indexed=False, queue=0, line=False, turn="idle", workers=(Worker(),) * self._workers, pacer="idle",
            reconciler="idle", fence=0, twice=False, budget=self._budget,
        )  # fmt: skip

    # --- invariants

    def bad(self, s: State) -> str | None:
        failures = sum(self._budget) - sum(s.budget)
        executing = [worker for worker in s.workers if worker.phase in ("claimed", "mining")]
        intact = s.budget.lease == self._budget.lease and s.budget.flush == self._budget.flush
        if s.twice:
            return "two runs committed the same trace"
        if s.done > s.seq:
            return "done ran ahead of seq"
        if s.queue + s.line > 1 + failures:
            return "more messages than one, and one for each failure"
        if len(executing) > 1 and intact:
            return "two runs execute although no lease was lost"
        if sum(worker.owner == s.owner for worker in executing) > 1:
            return "two workers hold one lease"
        return None

    def lost(self, s: State) -> str | None:
        missing = self._readable(s) - s.covered
        return f"at rest, and no run has read {sorted(missing)}" if missing else None

    # --- moves

    def steps(self, s: State) -> Iterator[Move]:
        """The moves; states that differ only in names are merged."""
        return ((kind, action, normal(after)) for kind, action, after in self.moves(s))

    def moves(self, s: State) -> Iterator[Move]:
        yield from self._api(s)
        for number, worker in enumerate(s.workers):
            yield from self._worker(s, number, worker)
        yield from self._turns(s)
        yield from self._pacer(s)
        yield from self._reconciler(s)
        yield from self._time(s)
        yield from self._accidents(s)

    def _api(self, s: State) -> Iterator[Move]:
        for number, phase in enumerate(s.traces):
            if phase == NEW and (number == 0 or s.traces[number - 1] != NEW):
                yield "world", ("open transaction", number), _trace(s, number, OPEN)
            elif phase == OPEN:
                yield from self._open_transaction(s, number)
            elif phase == COMMITTED and self._on.request_after_commit:
                yield from self._request(s, number)
            elif phase == COMMITTED:
                yield "system", ("answer", number), _trace(s, number, DONE)
            elif phase in (TO_PUBLISH, TO_NOTE):
                yield from self._after_request(s, number, phase)

    def _open_transaction(self, s: State, number: int) -> Iterator[Move]:
        if not self._on.request_after_commit:
            for _, action, after in self._request(s, number):
                if action[0] == "request":
                    queued = action[2] == "send"
                    yield "system", action, _trace(after, number, COMMITTED)._replace(queue=after.queue + queued)
            return
        yield "system", ("commit", number), _trace(s, number, COMMITTED)
        yield "world", ("roll back", number), _trace(s, number, ROLLED_BACK)

    def _request(self, s: State, number: int) -> Iterator[Move]:
        after = s._replace(seq=s.seq + 1)
        if s.group == "idle":
            yield "system", ("request", number, "send"), _trace(after, number, TO_PUBLISH)._replace(group="queued")
            yield "system", ("request", number, "park"), _trace(after, number, TO_NOTE)._replace(group="parked")
        else:
            yield "system", ("request", number, "coalesced"), _trace(after, number, DONE)
        if s.group == "parked":
            yield "system", ("request", number, "overdue"), _trace(after, number, TO_PUBLISH)._replace(group="queued")
        if spent := spend(s, "api"):
            yield "failure", ("api dies before REQUEST", number), _trace(spent, number, DONE)

    def _after_request(self, s: State, number: int, phase: str) -> Iterator[Move]:
        served = _trace(s, number, DONE)
        if phase == TO_PUBLISH:
            yield from self._publish(("publish", number), served)
        else:
            yield "system", ("note", number), served._replace(indexed=True)
        if spent := spend(s, "api"):
            yield "failure", ("api dies after REQUEST", number), _trace(spent, number, DONE)

    def _worker(self, s: State, number: int, worker: Worker) -> Iterator[Move]:
        if worker.phase == "idle":
            if s.queue:
                yield "system", ("receive", number), _work(s, number, Worker("got"))._replace(queue=s.queue - 1)
            return
        if worker.phase == "got":
            yield from self._claim(s, number)
        elif worker.phase == "claimed":
            yield from self._open(s, number, worker)
        elif worker.phase == "reading":
            yield (
                "system",
                ("raise the fence", number),
                _work(s, number, worker._replace(phase="mining", fence=s.fence + 1))._replace(fence=s.fence + 1),
            )
        elif worker.phase == "mining":
            yield from self._save(s, number, worker)
        elif worker.phase == "saved":
            yield from self._finish(s, number, worker)
        elif worker.phase == "publish":
            yield from self._publish(("follow up", number), _work(s, number, Worker("acknowledge")))
        elif worker.phase == "note":
            yield "system", ("note due", number), _work(s, number, Worker("acknowledge"))._replace(indexed=True)
        elif worker.phase == "deaf":
            yield from self._start_anew(s, number)
        else:
            yield "system", ("acknowledge", number), _work(s, number, Worker())
            if spent := spend(s, "deaf"):
                yield "failure", ("lose the acknowledgement", number), _work(spent, number, Worker("deaf"))
        yield from self._death(s, number)

    def _start_anew(self, s: State, number: int) -> Iterator[Move]:
        """A consumer without credit and without a message in hand begins again, which gives the message back."""
        if self._on.the_deaf_start_anew:
            yield "system", ("start anew", number), _work(s, number, Worker())._replace(queue=s.queue + 1)

    def _claim(self, s: State, number: int) -> Iterator[Move]:
        if s.group == "running" and self._on.claim_refuses_a_live_run:
            yield "system", ("claim", number, "busy"), _work(s, number, Worker("acknowledge"))
            return
        if s.group == "parked":
            yield "system", ("claim", number, "early"), _work(s, number, Worker("acknowledge"))
        if s.seq <= s.done:
            yield "system", ("claim", number, "covered"), _work(s, number, Worker("acknowledge"))._replace(group="idle")
            return
        owner = s.names + 1
        claimed = _work(s, number, Worker("claimed", owner=owner, run_seq=s.seq))
        yield "system", ("claim", number, "run"), claimed._replace(group="running", owner=owner, names=owner)

    def _open(self, s: State, number: int, worker: Worker) -> Iterator[Move]:
        owed = sorted(self._readable(s) - s.covered)
        if not owed:
            saved = worker._replace(phase="saved", outcome="empty")
            yield "system", ("open", number, "empty"), _work(s, number, saved)
            return
        window, more_left = frozenset(owed[: self._window]), len(owed) > self._window
        if not self._on.fence_before_reading:
            yield (
                "system",
                ("read", number),
                _work(s, number, worker._replace(phase="reading", window=window, more=more_left)),
            )
            return
        fence = s.fence + 1
        mining = worker._replace(phase="mining", fence=fence, window=window, more=more_left)
        yield "system", ("open", number, "run"), _work(s, number, mining)._replace(fence=fence)

    def _save(self, s: State, number: int, worker: Worker) -> Iterator[Move]:
        if s.fence == worker.fence or not self._on.fence:
            saved = _work(s, number, worker._replace(phase="saved", outcome="committed"))
            twice = s.twice or bool(worker.window & s.covered)
            yield (
                "system",
                ("save", number, "committed"),
                saved._replace(covered=s.covered | worker.window, twice=twice),
            )
        else:
            fenced = worker._replace(phase="saved", outcome="fenced", more=False)
            yield "system", ("save", number, "fenced"), _work(s, number, fenced)
        if spent := spend(s, "error"):
            failed = worker._replace(phase="saved", outcome="failed", more=False)
            yield "failure", ("error", number), _work(spent, number, failed)

    def _finish(self, s: State, number: int, worker: Worker) -> Iterator[Move]:
        if self._on.finish_checks_the_owner and (s.group != "running" or s.owner != worker.owner):
            yield "system", ("finish", number, "lost"), _work(s, number, Worker("acknowledge"))
            return
        covers = worker.outcome in ("committed", "empty") or not self._on.failures_cover_nothing
        reached = worker.run_seq if self._on.done_is_what_was_claimed else s.seq
        sends_again = worker.more and self._on.finish_sends_for_leftovers
        after = s._replace(done=max(s.done, reached) if covers else s.done, seq=s.seq + sends_again, group="idle")
        uncovered = after.seq > after.done and (self._on.finish_sends_for_the_uncovered or sends_again)
        if not uncovered:
            yield "system", ("finish", number, "rest"), _work(after, number, Worker("acknowledge"))
            return
        if worker.outcome != "failed":
            published = _work(after, number, Worker("publish"))._replace(group="queued")
            yield "system", ("finish", number, "send"), published
        if not sends_again:
            parked = _work(after, number, Worker("note"))._replace(group="parked")
            yield "system", ("finish", number, "park"), parked

    def _death(self, s: State, number: int) -> Iterator[Move]:
        if spent := spend(s, "kill"):
            dead = _work(spent, number, Worker())
            if self._on.acknowledge_late:
                yield "failure", ("worker dies", number), dead._replace(queue=s.queue + 1)
            yield "failure", ("child dies", number), dead

    def _publish(self, action: Action, s: State) -> Iterator[Move]:
        """ENTER: the message goes into the queue, or its group into the line."""
        if not s.line:
            yield "system", (*action, "straight"), s._replace(queue=s.queue + 1)
        yield "system", (*action, "line"), s._replace(line=True)

    def _turns(self, s: State) -> Iterator[Move]:
        if s.turn == "publish":
            yield "system", ("let in",), s._replace(turn="idle", queue=s.queue + 1)
            if spent := spend(s, "turn"):
                yield "failure", ("who lets in dies",), spent._replace(turn="idle")
        elif s.line and self._on.turns_come:
            yield "system", ("turn",), s._replace(line=False, turn="publish")

    def _pacer(self, s: State) -> Iterator[Move]:
        if s.pacer == "idle" and s.indexed and self._on.pacer:
            yield "system", ("take",), s._replace(pacer="taken", indexed=False)
        elif s.pacer == "taken" and (s.group == "parked" or (s.group == "idle" and s.seq > s.done)):
            yield "system", ("wake", "send"), s._replace(pacer="publish", group="queued")
        elif s.pacer == "taken":
            yield "system", ("wake", "nothing"), s._replace(pacer="idle")
        elif s.pacer == "publish":
            yield from self._publish(("pacer publishes",), s._replace(pacer="idle"))
        if s.pacer != "idle" and (spent := spend(s, "pacer")):
            yield "failure", ("pacer dies",), spent._replace(pacer="idle")

    def _reconciler(self, s: State) -> Iterator[Move]:
        if s.reconciler == "publish":
            yield from self._publish(("reconciler publishes",), s._replace(reconciler="idle"))
            if spent := spend(s, "reconciler"):
                yield "failure", ("reconciler dies",), spent._replace(reconciler="idle")
            return
        long_owed = frozenset(number for number, phase in enumerate(s.traces) if phase == DONE) - s.covered
        if self._on.reconciler and long_owed and s.group in ("idle", "parked"):
            seq = s.seq if s.group == "parked" else max(s.seq, s.done + 1)
            yield "system", ("reconcile",), s._replace(reconciler="publish", group="queued", seq=seq)

    def _time(self, s: State) -> Iterator[Move]:
        """The leases and tickets that expire because their owner is gone."""
        holders = {worker.owner for worker in s.workers if worker.owner}
        if s.group == "running" and s.owner not in holders and self._on.leases_expire:
            yield "system", ("dead lease ends",), s._replace(group="idle")
        publishing = (
            TO_PUBLISH in s.traces
            or "publish" in (s.pacer, s.reconciler, s.turn)
            or any(worker.phase in ("publish", "got") for worker in s.workers)
        )
        waits = s.queue or (s.line and self._on.turns_come)
        if s.group == "queued" and not waits and not publishing and self._on.tickets_expire:
            yield "system", ("ghost ticket ends",), s._replace(group="idle")

    def _accidents(self, s: State) -> Iterator[Move]:
        holders = {worker.owner for worker in s.workers if worker.owner}
        if s.group == "running" and s.owner in holders and (spent := spend(s, "lease")):
            yield "failure", ("live lease ends",), spent._replace(group="idle")
        if s.group == "queued" and (s.queue or s.line) and (spent := spend(s, "ticket")):
            yield "failure", ("ticket ends",), spent._replace(group="idle")
        if spent := spend(s, "flush"):
            yield "failure", ("flush",), spent._replace(group="idle", seq=0, done=0, indexed=False, queue=0, line=False)
        if s.queue and (spent := spend(s, "purge")):
            yield "failure", ("purge",), spent._replace(queue=0)
        if any(worker.phase not in ("idle",) for worker in s.workers) and (spent := spend(s, "duplicate")):
            yield "failure", ("duplicate",), spent._replace(queue=s.queue + 1)

    def _readable(self, s: State) -> frozenset:
        return frozenset(
            number for number, phase in enumerate(s.traces) if phase in (COMMITTED, TO_PUBLISH, TO_NOTE, DONE)
        )


def spend(s: State, failure: str) -> State | None:
    """The state with this failure's budget reduced by one; None when the budget is spent."""
    remaining = getattr(s.budget, failure)
    return s._replace(budget=s.budget._replace(**{failure: remaining - 1})) if remaining else None


def normal(s: State) -> State:
    """A normal form: only the difference of seq and done, the equality of owners and fences, and the set of workers matter."""
    owners = sorted({worker.owner for worker in s.workers} | ({s.owner} if s.group == "running" else set()) | {0})
    fences = sorted({worker.fence for worker in s.workers if worker.phase == "mining"} | {s.fence})
    workers = tuple(
        sorted(
            (
                worker._replace(
                    owner=owners.index(worker.owner),
                    run_seq=max(worker.run_seq - s.done, 0),
                    fence=fences.index(worker.fence) if worker.phase == "mining" else 0,
                )
                for worker in s.workers
            ),
            key=repr,
        )
    )
    return s._replace(
        seq=s.seq - s.done, done=0, owner=owners.index(s.owner) if s.group == "running" else 0,
        names=len(owners), fence=fences.index(s.fence), workers=workers,
    )  # fmt: skip


def _trace(s: State, number: int, phase: str) -> State:
    return s._replace(traces=(*s.traces[:number], phase, *s.traces[number + 1 :]))


def _work(s: State, number: int, worker: Worker) -> State:
    return s._replace(workers=(*s.workers[:number], worker, *s.workers[number + 1 :]))
