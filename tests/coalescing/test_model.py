"""The protocol holds in every reachable state, and every defence is needed.

A fast part runs with every `make test`; `make model` runs the whole.
"""

from typing import Any

import pytest

from tests.coalescing.checker import check
from tests.coalescing.model import Coalescing, Defences
from tests.coalescing.naive import Naive

HOLDS: list[tuple[int, int, dict[str, Any]]] = [
    (2, 2, {}),
    (2, 1, {"window": 1}),
    (1, 2, {"api": 2}),
    (1, 2, {"kill": 1, "duplicate": 1}),
    (1, 2, {"lease": 1}),
    (1, 2, {"flush": 1}),
    (1, 1, {"pacer": 1, "reconciler": 1}),
    (1, 2, {"error": 2}),
    (1, 2, {"purge": 1, "ticket": 1}),
    (1, 2, {"turn": 1, "ticket": 1}),
    (2, 1, {"deaf": 1}),
    (1, 2, {"deaf": 1, "lease": 1}),
]
"""Traces, workers, and what goes wrong."""

HOLDS_AT_LENGTH: list[tuple[int, int, dict[str, Any]]] = [
    (3, 2, {}),
    (3, 2, {"window": 1}),
    (2, 2, {"api": 2}),
    (2, 2, {"kill": 2}),
    (2, 2, {"duplicate": 2}),
    (2, 2, {"lease": 2}),
    (2, 2, {"flush": 1}),
    (2, 2, {"error": 2}),
    (2, 2, {"pacer": 2}),
    (2, 2, {"purge": 1, "ticket": 1}),
    (2, 2, {"turn": 2}),
    (2, 2, {"deaf": 2}),
    (2, 2, {"deaf": 1, "flush": 1}),
    (2, 1, {"deaf": 1, "error": 1, "kill": 1}),
    (2, 2, {"turn": 1, "flush": 1}),
    (2, 2, {"flush": 1, "kill": 1}),
    (2, 2, {"window": 1, "kill": 1, "error": 1}),
    (1, 3, {"flush": 1, "lease": 1, "kill": 1}),
    (1, 2, {"api": 1, "kill": 1, "flush": 1, "lease": 1, "pacer": 1, "error": 1}),
]

MUTATIONS: dict[str, tuple[int, int, Defences, dict[str, Any]]] = {
    "without a reconciler, a web process that dies before REQUEST": (1, 1, Defences(reconciler=False), {"api": 1}),
    "without a reconciler, a flush": (1, 1, Defences(reconciler=False), {"flush": 1}),
    "without a reconciler, a child that is killed": (1, 1, Defences(reconciler=False), {"kill": 1}),
    "without a reconciler, a pacer that dies": (1, 1, Defences(reconciler=False), {"pacer": 1}),
    "without a reconciler, a queue that is purged": (1, 1, Defences(reconciler=False), {"purge": 1}),
    "without a reconciler, a death between line and queue": (1, 1, Defences(reconciler=False), {"turn": 1}),
    "a line in which no turn comes": (1, 1, Defences(turns_come=False, reconciler=False), {}),
    "a line in which no turn comes, with a reconciler": (1, 1, Defences(turns_come=False), {}),
    "without a pacer": (1, 1, Defences(reconciler=False, pacer=False), {}),
    "without a fence, a lease that ends under a live run": (1, 2, Defences(fence=False), {"lease": 1, "duplicate": 1}),
    "without a fence, a flush under a live run": (2, 2, Defences(fence=False), {"flush": 1}),
    "the window read before the fence is raised": (1, 2, Defences(fence_before_reading=False), {"lease": 1}),
    "tickets that never expire": (1, 1, Defences(tickets_expire=False), {"api": 1}),
    "leases that never expire": (1, 1, Defences(leases_expire=False), {"kill": 1}),
    "CLAIM that does not see a live run": (2, 2, Defences(claim_refuses_a_live_run=False), {"duplicate": 1}),
    "done = seq at FINISH": (2, 1, Defences(done_is_what_was_claimed=False, reconciler=False), {}),
    "FINISH of whoever comes": (1, 3, Defences(finish_checks_the_owner=False), {"lease": 1}),
    "FINISH that sends nothing": (2, 1, Defences(finish_sends_for_the_uncovered=False, reconciler=False), {}),
    "FINISH that forgets the leftovers": (
        2, 1, Defences(finish_sends_for_leftovers=False, reconciler=False), {"window": 1}),
    "a failure that counts as done": (1, 1, Defences(failures_cover_nothing=False, reconciler=False), {"error": 1}),
    "a worker that stays deaf": (2, 1, Defences(the_deaf_start_anew=False), {"deaf": 1}),
    "REQUEST before COMMIT": (1, 1, Defences(request_after_commit=False, reconciler=False), {}),
}  # fmt: skip
"""A defence taken out, and the failures (or none) with which that must be seen."""


@pytest.mark.parametrize(("traces", "workers", "budget"), HOLDS, ids=str)
def test_the_protocol_holds_in_every_state(traces: int, workers: int, budget: dict[str, Any]) -> None:
    verdict = check(Coalescing(traces, workers, **budget))
    assert verdict.holds, _story(verdict)


@pytest.mark.model
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("traces", "workers", "budget"), HOLDS_AT_LENGTH, ids=str)
def test_the_protocol_holds_in_every_state_of_larger_worlds(traces: int, workers: int, budget: dict[str, Any]) -> None:
    verdict = check(Coalescing(traces, workers, **budget))
    assert verdict.holds, _story(verdict)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_defence_is_needed(mutation: str) -> None:
    traces, workers, defences, budget = MUTATIONS[mutation]
    assert not check(Coalescing(traces, workers, defences=defences, **budget)).holds
    all_defences = Defences(**{**vars(Defences()), "reconciler": defences.reconciler})
    if defences != all_defences:
        assert check(Coalescing(traces, workers, defences=all_defences, **budget)).holds


def test_without_failures_redis_alone_is_enough() -> None:
    assert check(Coalescing(2, 2, defences=Defences(reconciler=False))).holds


def test_early_acknowledgement_only_costs_time() -> None:
    assert check(Coalescing(1, 2, defences=Defences(acknowledge_late=False), kill=1)).holds


def test_the_plain_scheme_loses_a_trace_with_one_worker_and_no_failure() -> None:
    verdict = check(Naive(traces=2, workers=1))
    assert "no run has read" in verdict.why


def test_the_plain_scheme_loses_a_trace_when_a_run_is_live() -> None:
    assert not check(Naive(traces=2, workers=2)).holds


def _story(verdict: Any) -> str:
    return "\n".join([verdict.why, *map(str, verdict.how)])
