"""A claimed run in its worker: the log of a run that cannot be finished, and the effect of a deploy."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from structlog.testing import capture_logs

from app.config import Settings
from app.store.engine import transaction
from app.store.tables import grouping_key
from tasks import worker
from tasks.ask import publisher_of
from tasks.group_traces import Run, RunFailedError, group_traces
from tasks.wiring import impatient_coalescing
from tasks.worker import Resources
from tests.tasks.test_reconcile import owing_group

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def resources(settings: Settings, engine: Engine) -> Resources:
    return Resources(settings, engine, impatient_coalescing(settings), publisher_of(settings))


@pytest.fixture
def told_to_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """SIGTERM has come, and the time of a run after SIGTERM is over."""
    monkeypatch.setattr(worker, "STOP_RUNS_AFTER", 0.0)
    monkeypatch.setattr(worker._shutting_down_at, "value", time.monotonic())
    yield
    worker._shutting_down_at.value = 0.0


def run_of(process: Resources, group: UUID) -> Run:
    return Run(process, group, "me", process.coalescing.claim(group, "me", ticketless=True), reason="owed")


def attempts(engine: Engine, group: UUID) -> int:
    with transaction(engine) as connection:
        return connection.scalar(select(grouping_key.c.attempts).where(grouping_key.c.id == group)) or 0


def named(logs: list[Any], event: str) -> Any:
    return next(line for line in logs if line["event"] == event)


def test_a_run_that_redis_does_not_let_finish_is_logged_with_its_group(resources: Resources, engine: Engine) -> None:
    group = owing_group(engine)
    run = run_of(resources, group)
    unreachable = impatient_coalescing(resources.settings.model_copy(update={"redis_url": NOWHERE}))
    with capture_logs() as logs, pytest.raises(RunFailedError):
        replace(run, process=replace(resources, coalescing=unreachable)).carry_out(group_traces)
    line = named(logs, "finish_failed")
    assert (line["group"], line["outcome"], line["error"]) == (str(group), "committed", "ConnectionError")


def test_a_run_that_a_deploy_stops_is_no_attempt(resources: Resources, engine: Engine, told_to_end: None) -> None:
    group = owing_group(engine)
    run_of(resources, group).carry_out(group_traces)
    assert attempts(engine, group) == 0


def test_a_run_that_lost_its_lease_is_one_even_while_a_deploy_goes_on(
    resources: Resources, engine: Engine, told_to_end: None
) -> None:
    group = owing_group(engine)
    run = run_of(resources, group)
    brief = replace(resources, settings=resources.settings.model_copy(update={"grouping_lease": 1e-9}))
    replace(run, process=brief).carry_out(group_traces)
    assert attempts(engine, group) == 1
