"""Workers, the reconciler and Redis die while calls wait; no trace is lost. Each test restarts the process that it kills."""

from pytest_celery import CeleryTestBroker, CeleryTestWorker
from sqlalchemy import text

from app.config import Settings
from app.store.engine import transaction
from tasks.snapshot import pipeline
from tests.flows.conftest import Shop
from tests.flows.containers import ProcessContainer, wait_until


def test_a_worker_that_is_killed_in_mid_run_is_seen_to_be_dead_and_loses_nothing(
    shop: Shop, celery_worker: CeleryTestWorker, reconciler: ProcessContainer, settings: Settings
) -> None:
    wait_until(lambda: _workers_alive(shop, settings) == [True])
    with shop.run_is_held("/killed"):
        celery_worker.kill()
    grow_older(shop)
    wait_until(lambda: _workers_alive(shop, settings) == [False])
    celery_worker.restart()
    shop.wait_until_grouped("/killed", 3)
    wait_until(lambda: _workers_alive(shop, settings) == [True], event="the one that was killed is forgotten")


def grow_older(shop: Shop) -> None:
    """Moves the last sign of life into the past; a living worker gives the next sign within three seconds."""
    with transaction(shop.engine) as connection:
        connection.execute(
            text("UPDATE heartbeat SET last_seen = last_seen - interval '1 minute' WHERE kind = 'worker'")
        )


def _workers_alive(shop: Shop, settings: Settings) -> list[bool]:
    return [worker["alive"] for worker in pipeline(shop.engine, None, settings)["workers"]]


def test_a_child_that_is_killed_in_mid_run_loses_nothing(
    shop: Shop, celery_worker: CeleryTestWorker, reconciler: ProcessContainer
) -> None:
    with shop.run_is_held("/child"):
        celery_worker.container.kill_child()
    shop.wait_until_grouped("/child", 3)


def test_a_redis_that_restarts_empty_loses_nothing(
    shop: Shop, celery_broker: CeleryTestBroker, celery_worker: CeleryTestWorker, reconciler: ProcessContainer
) -> None:
    celery_broker.kill(reload_container=False)
    assert shop.send("/outage", "oak", "pine", "elm") == ["deferred"] * 3
    celery_broker.restart()
    shop.wait_until_grouped("/outage", 3)


def test_a_reconciler_that_is_killed_while_calls_wait_for_it_loses_nothing(
    shop: Shop, celery_broker: CeleryTestBroker, celery_worker: CeleryTestWorker, reconciler: ProcessContainer
) -> None:
    # Given calls that only the reconciler can ask for, as Redis was down when they came
    celery_broker.kill(reload_container=False)
    assert shop.send("/orphaned", "oak", "pine", "elm") == ["deferred"] * 3

    # If the reconciler is killed before Redis is back, and another one starts
    reconciler.kill()
    celery_broker.restart()
    assert shop.grouped("/orphaned") == 0
    reconciler.restart()

    # I expect them to be grouped
    shop.wait_until_grouped("/orphaned", 3)


def test_a_worker_that_is_asked_to_end_finishes_its_run(shop: Shop, celery_worker: CeleryTestWorker) -> None:
    with shop.run_is_held("/ending"):
        celery_worker.kill("SIGTERM")
        celery_worker.assert_log_exists("Warm shutdown")
    assert celery_worker.container.wait_for_exit() == 0
    assert shop.grouped("/ending") == 3
    celery_worker.restart()
