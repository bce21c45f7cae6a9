"""Open routes for load balancers and people: alive, ready."""

from dataclasses import asdict

from flask import Response

from app import health
from app.api.shapes import Alive, Readiness
from app.http.answer import json_answer, line_by_line_answer
from app.http.routes import Routes
from app.http.services import services

routes = Routes("health")


@routes.route("GET", "/healthz", scope=None, answers={200: Alive})
def healthz() -> Response:
    """Whether the web process is alive; asks nobody else."""
    return json_answer({"status": "ok"})


@routes.route("GET", "/readyz", scope=None, answers={200: Readiness, 503: Readiness})
def readyz() -> Response:
    """Whether database, Redis, worker and reconciler are up, one line each; 503 when one is down. A standby too, where one is read."""
    checks = health.checks(services().settings)
    ready = all(check.ok for check in checks.values())
    entries: dict[str, object] = {name: asdict(check) for name, check in checks.items()}
    if (
        standby := services().reader.standing()
    ) is not None:  # without the standby the primary is read, so nothing is down
        entries["standby"] = {"ok": standby.is_used, "detail": standby.detail}
    return line_by_line_answer({"status": "ok" if ready else "down"} | entries, 200 if ready else 503)
