"""Runs that overlap, die, fail or are told to stop lose nothing and write nothing twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError

from app.grouping import mining, rematching
from app.grouping.run import left_unfinished
from app.store import runs
from app.store.tables import grouping_key, trace
from tests.app.grouping_world import Group, World, during_mining, summary, triage


class KilledError(BaseException):
    """The death of the process: no code of ours catches this exception, and no row is closed."""


def die() -> bool:
    raise KilledError


def killed_while_mining(group: Group) -> None:
    with pytest.raises(KilledError):
        group.run(should_stop=die)


def after(calls: int, act: Callable[[], bool]) -> Callable[[], bool]:
    """A `should_stop` that says no the given number of times, then acts."""
    calls_before = iter(range(calls))
    return lambda: act() if next(calls_before, None) is None else False


def once_saved(group: Group, act: Callable[[], bool]) -> Callable[[], bool]:
    """A `should_stop` that says no until the run has saved its templates, then acts."""
    return lambda: act() if group.row.templates_version > 0 else False


def unfinished(world: World) -> list[UUID]:
    with world.engine.connect() as connection:
        return left_unfinished(connection)


# --- overlap


def test_of_two_overlapping_runs_only_the_later_one_commits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    inner = []
    during_mining(monkeypatch, lambda: inner.append(group.run()))

    outer = group.run()

    assert (outer.outcome, inner[0].outcome) == ("fenced", "committed")
    assert [run.outcome for run in group.runs] == ["fenced", "committed"]
    assert group.calls_by_version() == [[5]]


def test_ingest_does_not_wait_for_a_run_that_saves(world: World) -> None:
    group = world.group()
    with world.engine.begin() as connection:
        runs.hold(connection, group.id)
        group.send([triage(1)])  # would fail at the lock timeout
    assert group.owed == 1


def test_calls_that_come_in_during_a_run_are_owed_to_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    group.send(map(triage, range(4)))
    during_mining(monkeypatch, lambda: group.send([triage(4)]))
    group.run()
    assert (group.calls_by_version(), group.owed) == ([[4]], 1)
    group.run()
    assert (group.calls_by_version(), group.owed) == ([[5]], 0)


# --- deletion


def test_a_run_does_not_bring_back_what_was_deleted_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    group.send(map(triage, range(5)))

    def delete_all() -> None:
        with world.engine.begin() as connection:
            runs.raise_fence(connection, group.id)
            connection.execute(delete(trace).where(trace.c.group_id == group.id))

    during_mining(monkeypatch, delete_all)
    assert group.run().outcome == "fenced"
    assert (group.tasks, group.templates) == ([], [])


def test_a_run_of_a_deleted_group_writes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    group.send(map(triage, range(5)))

    def delete_group() -> None:
        with world.engine.begin() as connection:
            connection.execute(delete(grouping_key).where(grouping_key.c.id == group.id))

    during_mining(monkeypatch, delete_group)
    assert group.run().outcome == "fenced"
    assert group.run().outcome == "empty"


# --- death


def test_a_run_that_was_killed_is_covered_by_the_next(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    killed_while_mining(group)
    assert (group.owed, group.row.attempts, group.runs[0].outcome) == (5, 1, "running")

    assert group.run().outcome == "committed"

    assert (group.owed, group.row.attempts, group.row.not_before) == (0, 0, None)
    assert [run.outcome for run in group.runs] == ["fenced", "committed"]


def test_a_killed_run_makes_its_group_wait(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    before = datetime.now(UTC)
    killed_while_mining(group)
    assert group.row.not_before > before + timedelta(seconds=1)


def test_a_group_that_kills_its_runs_is_quarantined(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    for _ in range(3):
        with pytest.raises(KilledError):
            group.run(should_stop=die, grouping_max_attempts=3)
    assert group.row.quarantined_at is None

    assert group.run(grouping_max_attempts=3).outcome == "empty"

    assert group.row.quarantined_at is not None
    assert group.run(grouping_max_attempts=3).outcome == "empty"
    assert len(group.runs) == 3


@pytest.mark.parametrize("batches", range(4))
def test_a_run_killed_while_it_matches_the_rest_is_taken_up_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    monkeypatch.setattr(rematching, "REMATCHED_CALLS", 2)
    group = world.group()
    for number in range(2):
        group.send([triage(number), summary(number)])
        group.run()
    group.send(["why is the sky blue", "write a limerick on socks", "17 * 23 + 4"])
    group.run()
    group.send(triage(number) for number in range(2, 5))

    with pytest.raises(KilledError):
        group.run(should_stop=once_saved(group, after(batches, die)), grouping_window_residue=1)
    assert unfinished(world) == [group.id]

    assert group.run().outcome == "committed"
    assert (group.calls_by_version(), group.ungrouped, group.row.rematch_after) == ([[5]], 5, None)
    assert unfinished(world) == []
    group.assert_exact()


# --- errors


class BrokenMinerError(Exception):
    """A defect of the miner."""


def break_miner(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BrokenMinerError("a secret of the prompt")

    monkeypatch.setattr("app.grouping.mining.mine_templates", broken)


def test_a_failing_run_backs_off_longer_each_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    break_miner(monkeypatch)
    group = world.group()
    group.send(map(triage, range(5)))
    before = datetime.now(UTC)
    outcomes = [group.run(grouping_backoff_max=10.0) for _ in range(5)]
    assert [outcome.outcome for outcome in outcomes] == ["failed"] * 5
    assert [outcome.pause for outcome in outcomes] == [2, 4, 8, 10, 10]
    assert group.row.not_before > before + timedelta(seconds=10)
    assert group.owed == 5


def test_a_failed_run_keeps_the_class_of_its_error_and_no_text(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_miner(monkeypatch)
    group = world.group()
    group.send(map(triage, range(5)))
    outcome = group.run()
    assert (outcome.error, group.runs[0].error) == ("BrokenMinerError", "BrokenMinerError")
    assert group.runs[0].outcome == "failed"
    assert "secret" not in "".join(capsys.readouterr())


def test_a_group_that_fails_too_often_is_quarantined_and_no_run_opens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_miner(monkeypatch)
    group = world.group()
    group.send(map(triage, range(5)))
    for _ in range(3):
        group.run(grouping_max_attempts=3)
    assert group.row.quarantined_at is not None
    assert group.run(grouping_max_attempts=3).outcome == "empty"


def test_a_run_that_commits_ends_the_back_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    with monkeypatch.context() as patch:
        break_miner(patch)
        group.run()
    group.run()
    assert (group.row.attempts, group.row.not_before, group.owed) == (0, None, 0)


def test_a_failure_while_saving_leaves_nothing_half_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    group.send(map(triage, range(5)))

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("UPDATE", {}, Exception())

    with monkeypatch.context() as patch:
        patch.setattr("app.store.calls.consider", fail)
        assert group.run().outcome == "failed"
    assert (group.tasks, group.templates, group.owed) == ([], [], 5)
    assert group.run().outcome == "committed"


def test_grouping_that_is_switched_off_runs_nothing(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    assert group.run(task_grouping_enabled=False).outcome == "empty"
    assert group.owed == 5


# --- stop


def test_a_run_that_is_told_to_stop_writes_nothing_and_may_run_at_once(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    outcome = group.run(should_stop=lambda: True)
    assert (outcome.outcome, outcome.has_more) == ("stopped", True)
    assert (group.owed, group.templates, group.row.not_before) == (5, [], None)
    assert group.runs[0].outcome == "stopped"
    assert group.run().outcome == "committed"


def test_a_deploy_is_no_attempt_of_the_group_however_often_it_happens(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    for _ in range(4):
        assert group.run(should_stop=lambda: True, excused=True, grouping_max_attempts=3).outcome == "stopped"
    assert (group.row.attempts, group.row.quarantined_at) == (0, None)


def test_a_deploy_takes_no_earlier_failure_back(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    group.run(should_stop=lambda: True)
    group.run(should_stop=lambda: True, excused=True)
    assert group.row.attempts == 1


def test_a_group_whose_runs_always_lose_their_lease_is_quarantined_in_the_end(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    for _ in range(4):
        group.run(should_stop=lambda: True, grouping_max_attempts=3)
    assert group.row.quarantined_at is not None


def test_a_run_stopped_while_it_matches_the_rest_says_that_there_is_more(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    outcome = group.run(should_stop=once_saved(group, lambda: True))
    assert (outcome.outcome, outcome.has_more) == ("committed", True)
    assert group.row.rematch_after is not None
    assert (group.run().outcome, group.row.rematch_after) == ("committed", None)


def test_prompts_that_the_miner_did_not_get_to_stay_owed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    ids = group.send([*map(triage, range(5)), "why is the sky blue"])
    find = mining.find

    def out_of_time(*arguments: object) -> object:
        window, findings = find(*arguments)  # type: ignore[arg-type]
        return window, replace(findings, unseen=frozenset(ids[-1:]))

    monkeypatch.setattr("app.grouping.mining.find", out_of_time)
    outcome = group.run()
    assert (outcome.considered, outcome.has_more, group.owed) == (5, True, 1)
    assert group.run().considered == 1  # the only prompt left counts as read, so that every run gets on
