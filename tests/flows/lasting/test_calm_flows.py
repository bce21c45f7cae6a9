"""From a POST to tasks and back to rest."""

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from celery import Celery
from click.testing import CliRunner, Result
from pytest_celery import CeleryTestWorker
from sqlalchemy import text

from app.config import Settings
from app.config import settings as environment_settings
from app.store import groups
from app.store.engine import transaction
from tasks.queues import FIRST
from tasks.snapshot import pipeline
from tasks.wiring import patient_coalescing
from tests.flows.conftest import PROJECT, Shop
from tests.flows.containers import (
    ROOT,
    ProcessContainer,
    added_command,
    celery,
    installed,
    wait_until,
)

Command = Callable[..., subprocess.CompletedProcess[str]]

WORDS = [f"{first}{second}" for first in ("al", "be", "co", "du") for second in ("m", "n", "p", "r", "s")]


def test_a_new_kind_of_call_becomes_a_task(shop: Shop, celery_worker: CeleryTestWorker) -> None:
    shop.send("/first", "oak")
    wait_until(lambda: shop.owed("/first") == 0, event="the worker has loaded what a run needs")
    with shop.no_run_begins():
        assert shop.send("/translate", "oak", "pine", "elm") == ["requested", "coalesced", "coalesced"]
    shop.wait_until_grouped("/translate", 3)
    [task] = shop.tasks("/translate")
    assert task["calls"] == 3
    assert shop.send("/translate", "yew") == ["matched"]


def test_calls_that_come_one_at_a_time_still_become_a_task(shop: Shop, celery_worker: CeleryTestWorker) -> None:
    for word in ("oak", "pine", "elm"):
        shop.send("/slow", word)
        wait_until(lambda: shop.owed("/slow") == 0, event="the run has read it")
    shop.wait_until_grouped("/slow", 3)
    assert len(shop.tasks("/slow")) == 1


def test_a_burst_during_a_run_costs_at_most_two_more(shop: Shop, celery_worker: CeleryTestWorker) -> None:
    with shop.run_is_held("/burst"):
        before = shop.runs("/burst")
        answers = shop.send("/burst", *(f"{word}{number}" for word in WORDS for number in range(5)))
    assert answers == ["coalesced"] * 100
    shop.wait_until_grouped("/burst", 103)
    wait_until(lambda: shop.runs("/burst", "running") == 0)
    assert shop.runs("/burst") <= before + 2


def test_a_burst_on_a_cold_path_costs_one_run(shop: Shop, celery_worker: CeleryTestWorker) -> None:
    begun = time.monotonic()
    shop.send("/cold", *WORDS)
    seconds = time.monotonic() - begun
    shop.wait_until_grouped("/cold", len(WORDS))
    # A burst that takes longer than GROUPING_QUIET, on a machine that is busy, may be as many
    assert shop.runs("/cold") <= 2 + seconds // 0.2


def test_paths_and_projects_never_mix(shop: Shop, celery_worker: CeleryTestWorker) -> None:
    shop.send("/a", "oak", "pine")
    shop.send("/b", "elm", "yew")
    wait_until(lambda: shop.owed("/a") == shop.owed("/b") == 0)
    assert shop.grouped("/a") == shop.grouped("/b") == 0


@pytest.fixture
def broken_path(shop: Shop, request: pytest.FixtureRequest) -> Iterator[str]:
    """A path whose runs cannot save: the database refuses its templates."""
    function = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF (SELECT path FROM grouping_key WHERE id = NEW.group_id) LIKE '/broken/%' THEN RAISE 'refused'; END IF;
          RETURN NEW;
        END $$"""
    trigger = "CREATE TRIGGER refuse BEFORE INSERT ON template FOR EACH ROW EXECUTE FUNCTION refuse()"
    with transaction(shop.engine) as connection:
        connection.execute(text(function))
        connection.execute(text(trigger))
    path = f"/broken/{request.node.name}"
    yield path
    with transaction(shop.engine) as connection:
        # No later run: it would keep the only worker at a lock that another test holds.
        connection.execute(text("UPDATE grouping_key SET quarantined_at = now() WHERE path = :path"), {"path": path})
    with transaction(shop.engine) as connection:  # of its own: it waits for a run, which may wait for the row
        connection.execute(text("DROP FUNCTION refuse CASCADE"))


def test_a_run_that_fails_is_counted_and_the_worker_goes_on(
    shop: Shop, celery_worker: CeleryTestWorker, broken_path: str
) -> None:
    shop.send_batch(broken_path, "oak", "pine", "elm")
    wait_until(lambda: shop.runs(broken_path, "failed"))
    shop.send("/fine", "oak", "pine", "elm")
    shop.wait_until_grouped("/fine", 3)
    assert shop.owed(broken_path) == 3
    celery_worker.assert_log_exists("failed")
    assert "oak" not in celery_worker.logs()


def test_a_group_that_always_fails_backs_off_and_is_quarantined(
    shop: Shop, celery_worker: CeleryTestWorker, reconciler: ProcessContainer, broken_path: str
) -> None:
    shop.send_batch(broken_path, "oak", "pine", "elm")
    query = "SELECT count(*) FROM grouping_key WHERE path = :path AND quarantined_at IS NOT NULL"
    wait_until(lambda: shop.number(query, path=broken_path))
    assert shop.runs(broken_path, "failed") == 3
    assert shop.send(broken_path, "yew") == ["deferred"]


def test_a_message_by_hand_runs_a_group(
    shop: Shop, celery_worker: CeleryTestWorker, flow_environment: dict[str, str]
) -> None:
    keywords = f'{{"project": "{PROJECT}", "path": "/hand"}}'
    shop.send("/hand", "oak", "pine", "elm")
    shop.wait_until_grouped("/hand", 3)
    before = shop.runs("/hand", "committed")
    subprocess.run(
        celery("call", "tasks.group_traces", f"--kwargs={keywords}"), env=flow_environment, cwd=ROOT, check=True
    )
    wait_until(lambda: shop.runs("/hand", "committed") > before)


def test_a_message_that_names_no_group_is_refused_and_the_worker_goes_on(
    shop: Shop, celery_worker: CeleryTestWorker, flow_environment: dict[str, str]
) -> None:
    with Celery(broker=flow_environment["REDIS_URL"]) as anybody:
        options = {"queue": FIRST, "routing_key": FIRST}
        anybody.send_task("tasks.group_traces", kwargs={"projet": "shop"}, **options)
        anybody.send_task("tasks.group_traces", args=["shop"], **options)
        anybody.send_task("tasks.group_traces", kwargs={"project": "shop", "path": "/none"}, **options)
    wait_until(lambda: celery_worker.logs().count('"refused"') == 3)
    counted = "SELECT value FROM refused_message WHERE reason = "
    wait_until(lambda: shop.number(f"{counted}'unknown'"), event="the last one, which is counted after it is logged")
    assert (shop.number(f"{counted}'malformed'"), shop.number(f"{counted}'unknown'")) == (2, 1)
    shop.send("/after", "oak", "pine", "elm")
    shop.wait_until_grouped("/after", 3)


@pytest.fixture(scope="module")
def command(flow_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Command:
    environment = flow_environment | {"PYTHONPATH": installed(tmp_path_factory.mktemp("site"))}

    def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            celery(*arguments), env=environment | changed, cwd=ROOT, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def command_here(flow_environment: dict[str, str]) -> Callable[..., Result]:
    """Commands within this process, since a process takes seconds to start."""

    def run(name: str, *arguments: str, **changed: str) -> Result:
        environment_settings.cache_clear()
        try:
            return CliRunner().invoke(added_command(name), arguments, env=flow_environment | changed)
        finally:
            environment_settings.cache_clear()

    return run


def test_a_person_regroups_a_path_and_waits(
    shop: Shop, celery_worker: CeleryTestWorker, command: Command, settings: Settings
) -> None:
    shop.send("/person", "oak", "pine", "elm")
    shop.wait_until_grouped("/person", 3)
    wait_until(lambda: _is_idle(shop, settings, "/person"), event="no run or message of the path is left")
    before = shop.runs("/person", "committed")
    result = command("regroup", PROJECT, "/person", "--all", "--wait")
    # Coalesced: the reconciler of a busy machine may ask once more after the last run.
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] in {"/person: requested", "/person: coalesced"}
    assert shop.runs("/person", "committed") > before


def test_nobody_waits_for_a_run_while_grouping_is_disabled(shop: Shop, command_here: Callable[..., Result]) -> None:
    shop.send("/idle", "oak")
    result = command_here("regroup", PROJECT, "/idle", "--wait", TASK_GROUPING_ENABLED="false")
    assert (result.exit_code, "TASK_GROUPING_ENABLED" in result.stderr) == (1, True), result


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("regroup", "nobody", "/chat"), 1, "There is no project 'nobody'"),
        (("regroup", PROJECT, "/nowhere"), 1, "has no path '/nowhere'"),
        (("regroup", PROJECT), 2, "Missing argument"),
        (("quarantine", "clear", "nobody", "/chat"), 1, "There is no project 'nobody'"),
        (("quarantine", "free"), 2, "No such command"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(
    shop: Shop, command_here: Callable[..., Result], arguments: tuple[str, ...], code: int, says: str
) -> None:
    result = command_here(*arguments)
    assert (result.exit_code, says in result.stderr) == (code, True), result


def test_a_quarantined_group_runs_again_once_a_person_clears_it(
    shop: Shop, celery_worker: CeleryTestWorker, command_here: Callable[..., Result]
) -> None:
    shop.send("/ill", "oak")
    wait_until(lambda: shop.owed("/ill") == 0)
    with transaction(shop.engine) as connection:
        connection.execute(text("UPDATE grouping_key SET quarantined_at = now(), attempts = 8 WHERE path = '/ill'"))
    assert shop.send("/ill", "pine", "elm") == ["deferred", "deferred"]
    assert "/ill" in command_here("quarantine", "list").stdout
    assert command_here("regroup", PROJECT, "/ill").exit_code == 1
    assert command_here("quarantine", "clear", PROJECT, "/ill").exit_code == 0
    shop.wait_until_grouped("/ill", 3)


def test_the_counters_add_up_when_everything_rests(
    shop: Shop, celery_worker: CeleryTestWorker, reconciler: ProcessContainer, settings: Settings
) -> None:
    with shop.run_is_held("/counted"):
        shop.send("/counted", *WORDS)
    shop.wait_until_grouped("/counted", len(WORDS) + 3)
    now = wait_until(lambda: _at_rest(shop, settings), event="every message is accounted for")
    assert now["requests"] == now["coalesced"] + now["messages"]
    wait_until(lambda: _all_alive(shop, settings), event="nobody is late with a sign of life")


def _all_alive(shop: Shop, settings: Settings) -> bool:
    now = pipeline(shop.engine, None, settings)
    return [process["alive"] for process in (*now["workers"], *now["reconcilers"])] == [True, True]


def _is_idle(shop: Shop, settings: Settings, path: str) -> bool:
    with transaction(shop.engine) as connection:
        group = groups.group_named(connection, PROJECT, path)
    return patient_coalescing(settings).snapshot(group.id).state == "idle"


def _at_rest(shop: Shop, settings: Settings) -> dict | None:
    coalescing = patient_coalescing(settings)
    if any(snapshot.state != "idle" for snapshot in coalescing.snapshots(coalescing.groups()).values()):
        return None  # a parked group has a request and no message yet
    now = pipeline(shop.engine, None, settings)
    ended = now["runs"] + sum(now["skips"].values())
    return now if now["messages"] == ended and now["queue_depth"] == 0 else None
