"""schemathesis holds every route against openapi.json: each answer is a described answer, and none is a 500.

It is imported by the tests, not by the module: every worker reads the module, and one runs it.
"""

from functools import cache
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import Engine

from app.config import Settings
from app.web import create_app
from tests.app.api_helpers import new_key

NOWHERE = Settings(database_url="postgresql://localhost/none", redis_url="redis://localhost")
PATHS = create_app(NOWHERE).test_client().get("/openapi.json").json["paths"]
OPERATIONS = [(path, method) for path, methods in PATHS.items() for method in methods]

IS_ROAMING = settings.get_current_profile_name() == "roaming"
EXAMPLES = 100 if IS_ROAMING else 3
"""Three requests take 0.2 s a route, nearly all of it to make them up; `--hypothesis-profile=roaming` tries a hundred others each time."""

NOT_HELD = {
    ("/api/v1/traces", "post"): [
        "negative_data_rejection",  # a batch keeps its good items: 207, by contract
        "positive_data_acceptance",  # JSON Schema counts 1.0 as an integer; tokens must be written as one
    ],
    ("/v1/traces", "post"): ["negative_data_rejection"],  # OTLP asks receivers to ignore unknown fields
    ("/v1/logs", "post"): ["negative_data_rejection"],
    ("/v1/metrics", "post"): ["negative_data_rejection"],  # these headers are read by nobody
    ("/api/public/otel/v1/traces", "post"): ["negative_data_rejection"],
    ("/api/public/ingestion", "post"): ["negative_data_rejection"],  # each event has its own answer: 207
    ("/api/v1/webhooks", "post"): ["positive_data_acceptance"],  # hosts are restricted to those of the operator's list
    # Dates from 1970 to tomorrow, which a schema cannot say.
    ("/api/v1/deletions", "post"): ["positive_data_acceptance"],
    **{
        # `since` is before `until`, and both are a bounded number of hours apart: no schema can say so
        (path, "get"): ["positive_data_acceptance"]
        for path, methods in PATHS.items()
        if any(parameter["name"] == "since" for parameter in methods.get("get", {}).get("parameters", ()))
    },
    ("/readyz", "get"): ["not_a_server_error"],  # no worker runs here, and the route answers 503
}


@pytest.fixture
def document(web: Flask) -> Any:
    return document_of(web)


@cache
def document_of(web: Flask) -> Any:
    """The schema of an application, read once: reading takes longer than the examples of a route."""
    import schemathesis

    return schemathesis.openapi.from_wsgi("/openapi.json", web)


@pytest.fixture
def key(engine: Engine) -> str:
    return new_key(engine, "shop", "admin")


def attack(operation: Any, mode: str, key: str, checks: list[Any]) -> None:
    from schemathesis import GenerationMode

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not IS_ROAMING,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
    def run(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=applying(case, checks))

    run()


def applying(case: Any, checks: list[Any]) -> list[Any]:
    """An empty value in the query string counts as absent, whatever its schema says: forms send every field."""
    empty = "" in (case.query or {}).values()
    return [check for check in checks if not (empty and check.__name__ == "negative_data_rejection")]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_described_request_is_accepted_and_answered_as_described(
    document: Any, key: str, path: str, method: str
) -> None:
    attack(document[path][method], "positive", key, held(path, method))


@pytest.mark.parametrize(
    ("path", "method"),
    [
        operation
        for operation in OPERATIONS
        if "parameters" in (described := PATHS[operation[0]][operation[1]])
        and (described["parameters"] or "requestBody" in described)
    ],
)
def test_a_request_that_is_not_described_is_refused_as_described(
    document: Any, key: str, path: str, method: str
) -> None:
    attack(document[path][method], "negative", key, held(path, method))


def held(path: str, method: str) -> list[Any]:
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    names = {check.__name__ for check in CHECKS.get_all()}
    not_held = set(NOT_HELD.get((path, method), ()))
    assert not_held <= names, "schemathesis has renamed a check"
    return [check for check in CHECKS.get_all() if check.__name__ not in not_held]
