"""The same application behind Flask alone and behind the front: both applications get every request."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.http.services import EXTENSION
from app.store.engine import transaction
from tests.app.front_client import URL, Answer, FrontClient

KNOWN = ("You are a triage bot.", "Sort this ticket: {{ticket}} of plan {{plan}}.")


@dataclass
class Twins:
    """The same application behind Flask alone and behind the front, each with a project of its own."""

    engine: Engine
    flask: FlaskClient
    front: FrontClient
    flask_app: Flask
    front_app: Flask
    front_key: str

    def send(self, body: Any, path: str = URL, **headers: str) -> tuple[Answer, Answer]:
        """The answers of both applications, without values that differ each time."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        all_headers = {"content-type": "application/json"} | headers
        by_flask = self.flask.post(path, data=data, headers=all_headers)
        headers_of_flask = {name.lower(): value for name, value in by_flask.headers.items()}
        return (
            _without_ids(Answer(by_flask.status_code, headers_of_flask, by_flask.data)),
            _without_ids(self.front.post(self.front_key, data, path, **headers)),
        )

    def rows(self) -> tuple[list[Any], list[Any]]:
        return _rows(self.engine, "flask"), _rows(self.engine, "front")

    def __post_init__(self) -> None:
        self._counts_before = _counts(self.flask_app), _counts(self.front_app)

    def counted(self, metric: str = "http_request_seconds") -> tuple[dict[Any, float], dict[Any, float]]:
        """What both applications have counted since the test began, by labels."""
        flask_before, front_before = self._counts_before
        return (
            _of_metric(metric, _counts(self.flask_app) - flask_before),
            _of_metric(metric, _counts(self.front_app) - front_before),
        )


NEW_EACH_TIME = ("id", "task_id", "implementation_id")


def _without_ids(answer: Answer) -> Answer:
    if "json" not in answer.headers["content-type"]:
        return answer
    body = answer.json
    for item in (body, *body.get("results", ())) if isinstance(body, dict) else ():
        item |= {name: bool(item[name]) for name in NEW_EACH_TIME if name in item}
    return Answer(answer.status, answer.headers, orjson.dumps(body))


def _rows(engine: Engine, project: str) -> list[Any]:
    """All stored columns of a project's calls except ids and times, as text; JSON is compared character by character."""
    query = f"""
        SELECT t.external_id, t.model, t.prompt_parts, t.prompt_source, t.follow_up, t.conversation_id, t.user_id,
          t.settings_digest, t.variables, t.started_at, t.completed_at, t.implementation_id IS NULL, t.template_id IS NULL,
          t.input::text, t.output::text, t.settings::text, t.tools::text, t.usage::text, t.error::text, t.metadata::text,
          g.path, t.seen_at = t.started_at, i.version, i.model, x.external_id
        FROM trace t JOIN grouping_key g ON g.id = t.group_id JOIN project p ON p.id = t.project_id
        LEFT JOIN implementation i ON i.id = t.implementation_id LEFT JOIN trace_external_id x ON x.trace_id = t.id
        WHERE p.name = '{project}' ORDER BY t.id"""
    with transaction(engine) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def _counts(app: Flask) -> Counter[tuple[str, ...]]:
    """(metric, values of its labels) -> what the application has counted since its start."""
    families = app.extensions[EXTENSION].registry.collect()
    return Counter(
        {
            (family.name, *sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
            if sample.name.endswith(("_count", "_total"))
        }
    )


def _of_metric(metric: str, counts: Counter[tuple[str, ...]]) -> dict[Any, float]:
    return {labels[1:]: value for labels, value in counts.items() if labels[0] == f"promptlode_{metric}"}
