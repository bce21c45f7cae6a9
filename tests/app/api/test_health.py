"""/healthz, /readyz and /metrics."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, update

from app import health
from app.config import Settings
from app.store import heartbeats, moves, projects, tables
from app.store.engine import transaction
from app.store.heartbeats import ALIVE_SECONDS
from app.web import create_app
from tests.app.api_helpers import metric

NOWHERE = "127.0.0.1:1"
ALERTS = Path(__file__).parents[3] / "docs" / "alerts.yml"
READS_OF_A_CALL = (
    'promptlode_http_request_seconds_count{method="GET",route="/api/v1/traces/<uuid:trace_id>",status="200"}'
)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server answers within the time of a check, however slow the machine is."""
    monkeypatch.setattr(health, "TIMEOUT", 60.0)


def beat(engine: Engine, age: float = 0.0) -> None:
    """A worker and a reconciler that were last seen so many seconds ago."""
    with transaction(engine) as connection:
        heartbeats.beat(connection, "celery@host", "worker")
        heartbeats.beat(connection, "reconciler@host", "reconciler")
        connection.execute(
            update(tables.heartbeat).values(
                last_seen=func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, age)
            )
        )


def test_the_web_process_is_alive_even_when_nothing_else_is() -> None:
    app = create_app(Settings(database_url=f"postgresql://{NOWHERE}/x", redis_url=f"redis://{NOWHERE}"))
    assert app.test_client().get("/healthz").json == {"status": "ok"}


def test_it_is_ready_when_database_redis_worker_and_reconciler_are_up(client: FlaskClient, engine: Engine) -> None:
    beat(engine)
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert {name: entry["ok"] for name, entry in answer.json.items() if name != "status"} == {
        "database": True,
        "redis": True,
        "worker": True,
        "reconciler": True,
    }


def test_each_dependency_has_a_line_of_its_own(client: FlaskClient, engine: Engine) -> None:
    lines = client.get("/readyz").text.splitlines()
    for name in ("database", "redis", "worker", "reconciler"):
        assert len([line for line in lines if line.startswith(f'"{name}": {{"ok":')]) == 1


def test_it_is_not_ready_without_a_worker(client: FlaskClient, engine: Engine) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["database"]["ok"]
    assert "celery -A tasks worker" in answer.json["worker"]["detail"]


def test_a_worker_that_was_not_seen_lately_counts_as_dead(client: FlaskClient, engine: Engine) -> None:
    beat(engine, age=ALIVE_SECONDS + 1)
    answer = client.get("/readyz")
    assert not answer.json["worker"]["ok"]
    assert not answer.json["reconciler"]["ok"]


def test_it_says_which_server_is_down(settings: Settings, engine: Engine) -> None:
    beat(engine)
    app = create_app(settings.model_copy(update={"redis_url": f"redis://{NOWHERE}"}))
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["redis"]["ok"], answer.json["database"]["ok"]) == (503, False, True)
    app = create_app(settings.model_copy(update={"database_url": f"postgresql+psycopg2://{NOWHERE}/x"}))
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["redis"]["ok"], answer.json["database"]["ok"]) == (503, True, False)


def test_a_database_without_our_tables_is_not_ready(settings: Settings, postgres_url: str) -> None:
    app = create_app(settings.model_copy(update={"database_url": postgres_url}))
    assert "alembic upgrade head" in app.test_client().get("/readyz").json["database"]["detail"]


def test_requests_are_measured_by_route_and_not_by_url(admin: FlaskClient) -> None:
    trace_id = admin.post("/api/v1/traces", json={"model": "m", "path": "/p"}).json["id"]
    before = metric(admin, READS_OF_A_CALL)
    admin.get(f"/api/v1/traces/{trace_id}")
    assert metric(admin, READS_OF_A_CALL) == before + 1
    assert trace_id not in admin.get("/metrics").text


def test_metrics_may_be_opened(settings: Settings, web: Flask) -> None:
    opened = create_app(settings.model_copy(update={"metrics_open": True}))
    assert opened.test_client().get("/metrics").status_code == 200
    assert web.test_client().get("/metrics").status_code == 401


def test_every_alert_asks_for_a_metric_that_there_is(admin: FlaskClient, engine: Engine) -> None:
    beat(engine)
    admin.get("/metrics")  # requests are counted from the first one on that has ended
    exposition = admin.get("/metrics").text
    only_with_a_standby = {"promptlode_standby_used", "promptlode_standby_lag_seconds"}
    rules = re.findall(r"expr: (.+)", ALERTS.read_text())
    metrics_of_alerts = set(re.findall(r"promptlode_\w+", " ".join(rules))) - only_with_a_standby
    missing = [name for name in metrics_of_alerts if not re.search(rf"^{name}[ {{]", exposition, re.MULTILINE)]
    assert (len(rules) > 20, missing) == (True, [])


def test_a_move_that_was_left_in_its_switch_is_told(admin: FlaskClient, engine: Engine) -> None:
    with transaction(engine) as connection:
        project = projects.get_or_create(connection, "left")
        moves.note(connection, project.id, "switching", "postgresql://there/x")
    assert 'promptlode_project_moves{state="switching"} 1.0' in admin.get("/metrics").text
    with transaction(engine) as connection:
        moves.forget(connection, project.id)
    assert 'promptlode_project_moves{state="switching"} 0.0' in admin.get("/metrics").text
