"""A project that floods the queue beside a project with little to do, on a real worker.

Without shares the small project comes last.
"""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pytest_celery import CeleryTestBroker
from sqlalchemy import text

from app.store import keys, projects
from app.store.engine import transaction
from tests.flows.conftest import Shop
from tests.flows.containers import wait_until, worker_container

FLOOD = 40

ORDER = """
    SELECT p.name FROM grouping_run r JOIN grouping_key g ON g.id = r.group_id JOIN project p ON p.id = g.project_id
    ORDER BY r.started_at"""


@pytest.mark.timeout(900)  # forty runs, each a second on a busy machine
@pytest.mark.parametrize(("share", "earliest", "latest"), [("2", 1, FLOOD // 2), ("0", FLOOD - 2, FLOOD + 2)])
def test_a_project_that_floods_the_queue_delays_another_by_its_share(
    shop: Shop,
    celery_broker: CeleryTestBroker,
    flow_environment: dict[str, str],
    tmp_path: Path,
    share: str,
    earliest: int,
    latest: int,
) -> None:
    for number in range(FLOOD):
        shop.send_prompt(f"/flood/p{number}", "hello")
    if share != "0":
        ask_for_all(shop)
    send_as(shop, "little", "/one", "/two")
    worker = worker_container(flow_environment | {"GROUPING_PROJECT_SHARE": share}, tmp_path)
    order = wait_until(lambda: all_runs(shop), 600, event="every group has run")
    worker.teardown()
    place = max(number for number, project in enumerate(order, 1) if project == "little")
    assert earliest <= place <= latest


def ask_for_all(shop: Shop) -> None:
    """A person's request is urgent, but only within the share of the own project."""
    for number in range(FLOOD):
        assert shop.client.post("/api/v1/groups/regroup", json={"path": f"/flood/p{number}"}).status_code == 202


def all_runs(shop: Shop) -> list[str] | None:
    with transaction(shop.engine) as connection:
        order = list(connection.scalars(text(ORDER)))
    return order if len(order) >= FLOOD + 2 else None


def send_as(shop: Shop, project: str, *paths: str) -> None:
    with transaction(shop.engine) as connection:
        key = keys.create(connection, projects.get_or_create(connection, project).id).key
    client: FlaskClient = shop.client
    for path in paths:
        body = {"model": "gpt-5-mini", "path": path, "messages": [{"role": "user", "content": "hello"}]}
        answer = client.post("/api/v1/traces", json=body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 201, answer.text
