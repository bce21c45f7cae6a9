"""openapi.json is valid and complete, and describes the routes' real answers."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from sqlalchemy import Engine

from app.http.fields import FIELDS
from app.store.projects import Project
from tests.app.api_helpers import client_with, know, new_key


@pytest.fixture
def document(web: Flask) -> Any:
    return web.test_client().get("/openapi.json").json


def resolved(document: Any, method: str, path: str, status: int, media_type: str = "application/json") -> Any:
    """The schema of an answer, with the components that it refers to."""
    schema = document["paths"][path][method]["responses"][str(status)]["content"][media_type]["schema"]
    return schema | {"components": document["components"]}


def test_every_route_of_the_api_is_described(web: Flask, document: Any) -> None:
    ours = ("/api", "/v1", "/healthz", "/readyz", "/metrics", "/openapi.json")
    routes = {
        (method.lower(), re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule))
        for rule in web.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith(ours) and method not in ("HEAD", "OPTIONS")
    }
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert described == routes


def test_every_description_has_a_summary_and_its_own_name(document: Any) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert all(operation["summary"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_tag_parameter_and_field_says_what_it_means(document: Any) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    parameters = [
        (operation["operationId"], description) for operation in operations for description in operation["parameters"]
    ]
    assert [(name, description["name"]) for name, description in parameters if not description["description"]] == []
    assert [tag for tag in document["tags"] if not tag["description"]] == []
    shapes = document["components"]["schemas"].items()
    fields = [
        (shape, name, description)
        for shape, schema in shapes
        for name, description in schema.get("properties", {}).items()
    ]
    assert [(shape, name) for shape, name, description in fields if not description.get("description")] == []


def test_every_body_and_answer_in_json_has_an_example_that_its_schema_allows(document: Any) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    contents = [
        (operation["operationId"], content)
        for operation in operations
        for content_holder in (operation.get("requestBody", {}), *operation["responses"].values())
        for media_type, content in content_holder.get("content", {}).items()
        if media_type.endswith("json")
    ]
    assert len(contents) > len(operations)
    for name, content in contents:
        schema = content["schema"] | {"components": document["components"]}
        assert jsonschema_rs.Draft202012Validator(schema).is_valid(content["example"]), (name, content["example"])


def test_every_line_about_a_field_is_about_one_that_there_is(document: Any) -> None:
    shapes = document["components"]["schemas"]
    names = {name for schema in shapes.values() for name in schema.get("properties", {})}
    places = {f"{shape}.{name}" for shape, schema in shapes.items() for name in schema.get("properties", {})}
    assert {line for line in FIELDS if line not in names | places and not line.startswith("query.")} == set()


def test_an_answer_that_did_not_change_is_not_sent_again(web: Flask, engine: Engine, project: Project) -> None:
    client = client_with(web, new_key(engine, project.name))
    first = client.get("/api/v1/tasks")
    second = client.get("/api/v1/tasks", headers={"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, second.data) == (304, b"")
    know(engine, project, "/chat", "", "Q: {{question}}")
    assert client.get("/api/v1/tasks", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_every_reference_leads_somewhere(document: Any) -> None:
    def references(value: Any) -> Any:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    targets = set(references(document))
    assert targets
    assert {reference.rpartition("/")[2] for reference in targets} <= set(document["components"]["schemas"])


def test_every_schema_is_a_valid_one(document: Any) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_answers_have_the_shape_that_is_described(document: Any, web: Flask, engine: Engine, project: Project) -> None:
    client = client_with(web, new_key(engine, project.name, "admin"))
    task_id = know(engine, project, "/chat", "", "Q: {{question}}")
    other_id = know(engine, project, "/chat", "", "Question: {{question}}")
    body = {"model": "m", "path": "/chat", "input": "Q: Who?", "usage": {"input_tokens": 3}, "external_id": "a"}
    row = client.post("/api/v1/traces", json=body).json
    client.post("/api/v1/traces", json=body | {"input": "Question: Who?", "external_id": "other"})
    version = row["implementation_id"]
    calls: list[tuple[str, str, str, Any]] = [
        ("post", "/api/v1/traces", "/api/v1/traces", body),
        ("post", "/api/v1/traces", "/api/v1/traces", body | {"external_id": "b"}),
        ("post", "/api/v1/traces", "/api/v1/traces", {"traces": [body, {}]}),
        ("post", "/api/v1/traces", "/api/v1/traces", {"model": 3}),
        ("get", "/api/v1/traces", "/api/v1/traces", None),
        ("get", "/api/v1/traces", "/api/v1/traces?limit=x", None),
        ("get", "/api/v1/traces/{trace_id}", f"/api/v1/traces/{row['id']}", None),
        ("get", "/api/v1/traces/{trace_id}", f"/api/v1/traces/{task_id}", None),
        ("get", "/api/v1/tasks", "/api/v1/tasks", None),
        ("get", "/api/v1/tasks/{task_id}", f"/api/v1/tasks/{task_id}", None),
        (
            "get",
            "/api/v1/tasks/{task_id}/implementations",
            f"/api/v1/tasks/{task_id}/implementations",
            None,
        ),
        ("get", "/api/v1/implementations/{implementation_id}", f"/api/v1/implementations/{version}", None),
        ("post", "/api/v1/groups/regroup", "/api/v1/groups/regroup", {"path": "/chat"}),
        ("patch", "/api/v1/tasks/{task_id}", f"/api/v1/tasks/{task_id}", {"name": "Mine", "production": version}),
        ("patch", "/api/v1/tasks/{task_id}", f"/api/v1/tasks/{task_id}", {"production": str(task_id)}),
        (
            "patch",
            "/api/v1/implementations/{implementation_id}",
            f"/api/v1/implementations/{version}",
            {"slots": {"question": "asked"}},
        ),
        ("post", "/api/v1/implementations/{implementation_id}/split", f"/api/v1/implementations/{version}/split", None),
        ("post", "/api/v1/tasks/{task_id}/merge", f"/api/v1/tasks/{task_id}/merge", {"into": str(task_id)}),
        ("post", "/api/v1/tasks/{task_id}/merge", f"/api/v1/tasks/{other_id}/merge", {"into": str(task_id)}),
        ("get", "/api/v1/tasks/{task_id}", f"/api/v1/tasks/{other_id}", None),
        ("post", "/api/v1/implementations/{implementation_id}/split", f"/api/v1/implementations/{version}/split", None),
        ("post", "/api/v1/deletions", "/api/v1/deletions", {"everything": True}),
        ("get", "/healthz", "/healthz", None),
        ("get", "/readyz", "/readyz", None),
    ]
    for method, path, url, request_body in calls:
        answer = client.open(url, method=method.upper(), json=request_body)
        schema = resolved(document, method, path, answer.status_code, answer.mimetype)
        jsonschema_rs.validate(schema, answer.json)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/v1/traces", {"model": "m", "path": "/p", "output": [{"deep": ["x"]}], "further": {"y": "z"}}),
        ("patch", "/api/v1/tasks/{task_id}", {"name": "a", "response_schema": {"properties": {"b": {"const": "c"}}}}),
        ("patch", "/api/v1/implementations/{implementation_id}", {"slots": {"a": "b"}}),
    ],
)
def test_no_text_of_a_body_may_hold_a_nul_wherever_it_stands(
    document: Any, method: str, path: str, body: dict[str, Any]
) -> None:
    schema = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    described = jsonschema_rs.Draft202012Validator(schema | {"components": document["components"]})
    assert described.is_valid(body)
    spoiled = list(with_nul(body))
    assert len(spoiled) > 1
    assert [spoiled_body for spoiled_body in spoiled if described.is_valid(spoiled_body)] == []


def with_nul(value: Any) -> Iterator[Any]:
    """All variants with a NUL at the end of one text or name."""
    if isinstance(value, str):
        yield value + "\0"
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from ([*value[:place], spoiled_value, *value[place + 1 :]] for spoiled_value in with_nul(inner))
    elif isinstance(value, dict):
        for name, inner in value.items():
            other_fields = {field: spoiled_value for field, spoiled_value in value.items() if field != name}
            yield other_fields | {name + "\0": inner}
            yield from (value | {name: spoiled_value} for spoiled_value in with_nul(inner))


def test_every_list_in_pages_takes_limit_and_cursor(document: Any) -> None:
    lists = {
        path: {parameter["name"] for parameter in methods["get"].get("parameters", [])}
        for path, methods in document["paths"].items()
        if "get" in methods and _is_paged(document, methods["get"]["responses"].get("200", {}))
    }
    without_cursor = [path for path, names in lists.items() if not {"limit", "cursor"} <= names]
    assert "/api/v1/webhooks" in lists
    assert without_cursor == ["/api/v1/tasks/{task_id}/similar"]  # a list with one page alone


def _is_paged(document: Any, answer: Any) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return "next_cursor" in document["components"]["schemas"].get(name, schema).get("properties", {})
