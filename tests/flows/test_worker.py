"""Settings of a worker and the order of its messages, each on a worker of its own."""

from pathlib import Path

from celery import Celery
from pytest_celery import CeleryTestBroker

from app.store.ids import new_id
from tasks.queues import FIRST, RERUN
from tests.flows.conftest import Shop
from tests.flows.containers import ProcessContainer, wait_until, worker_container


def test_groups_without_a_template_go_before_re_runs(
    celery_broker: CeleryTestBroker, flow_environment: dict[str, str], tmp_path: Path
) -> None:
    reruns, fresh = [str(new_id()) for _ in range(5)], [str(new_id()) for _ in range(3)]
    with Celery(broker=flow_environment["REDIS_URL"]) as client:
        for queue, groups in ((RERUN, reruns), (FIRST, fresh)):
            for group in groups:
                options = {"queue": queue, "routing_key": queue}
                client.send_task("tasks.group_traces", kwargs={"group": group, "ticket": 1}, **options)
    worker = worker_container(flow_environment, tmp_path)
    wait_until(lambda: worker.logs().count('"skipped"') == 8)
    order = sorted((*reruns, *fresh), key=worker.logs().index)
    worker.teardown()
    # One repeated message may have been fetched before; with turns there would be five.
    assert set(fresh) <= set(order[:4])


def test_a_run_that_takes_too_long_fails_and_the_worker_goes_on(
    shop: Shop,
    celery_broker: CeleryTestBroker,
    reconciler: ProcessContainer,
    flow_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    # Twelve seconds: the next run, which nobody holds, must end within them on a busy machine too.
    worker = worker_container(flow_environment | {"TASK_GROUPING_WORKER_TIMEOUT": "12"}, tmp_path)
    with shop.run_is_held("/long"):
        wait_until(lambda: "Soft time limit" in worker.logs())
    wait_until(lambda: shop.runs("/long", "failed"))
    shop.wait_until_grouped("/long", 3)
    worker.teardown()
