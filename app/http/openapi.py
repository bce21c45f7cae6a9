"""`/openapi.json`, generated from the declarations of the routes (OpenAPI 3.1, with pydantic's schemas).

docs/decisions/0008-openapi-from-the-routes.md says why no framework generates it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter

from app.http.answer import JSON
from app.http.examples import example
from app.http.fields import field
from app.http.routes import Operation
from app.http.shapes import ProblemShape

_PROBLEM = "application/problem+json"
_PARAMETER = re.compile(r"<(\w+):(\w+)>")
_ID = {"type": "string", "format": "uuid"}

_ALWAYS = {
    429: "Too many requests; Retry-After says when to try again.",
    500: "Our fault; the log says what.",
    503: "A dependency is down; Retry-After says when to try again.",
}
"""Errors that an operation may answer beside its declared ones: always, with a key, with an id in the path, with a query string, with a
body.
"""

_WITH_KEY = {401: "No valid API key.", 403: "The key lacks the scope."}
_WITH_ID = {404: "This project has no such thing."}
_WITH_QUERY = {422: "A parameter is wrong; errors says which."}
_WITH_TAG = {304: "Nothing changed since the ETag that If-None-Match names; no body."}
_WITH_BODY = {
    400: "The body is not JSON.",
    404: "This project has no such thing.",
    413: "The body or the batch is too large.",
    415: "The body is not JSON by its headers.",
    422: "A field is wrong; errors says which.",
}

_TEXT = {"type": "string", "pattern": r"^[^\u0000]*$"}
"""No text in a request may contain NUL, at any depth (`unstorable`)."""

_VALUE = {"$ref": "#/components/schemas/JsonValue"}

_JSON_VALUE = {
    "description": "Any JSON without NUL characters, which PostgreSQL cannot store.",
    "pattern": _TEXT["pattern"],
    "items": _VALUE,
    "propertyNames": _TEXT,
    "additionalProperties": _VALUE,
}
"""Each rule applies to values of its own type. anyOf would mean the same, but client generators give up at its recursion."""

_RULED = {"format", "pattern", "enum", "const"}
_SAYS = {"type", "anyOf", "oneOf", "allOf", "$ref", "enum", "const"}

_Schemas = dict[tuple[str, str], dict[str, Any]]
"""A model, and whether it describes a request ("validation") or an answer ("serialization")."""


_ABOUT = """Finds the prompt templates behind LLM traffic.

Every route of `/api/v1` and of OTLP needs `Authorization: Bearer KEY`. Times are ISO 8601 in UTC, money is in US dollars, ids are UUIDs. Lists answer
`{"items": [...], "next_cursor": ...}`; hand `next_cursor` back as `cursor`. Errors are `application/problem+json` whose `errors` name each
field that is wrong and what to do about it."""


_TAGS = {
    "audit": "What keys, pages and commands changed, and what was refused to them.",
    "changes": "What began, changed, ceased or jumped.",
    "decisions": "What people said about tasks, and its undo.",
    "deletions": "Calls that go for good, by user, conversation, time or all.",
    "groups": "Groups (project and path) that are read anew.",
    "implementations": "Versions of a task: template, model and settings.",
    "otlp": "What OpenTelemetry exporters send.",
    "pipeline": "How grouping stands: queue, runs, lag, processes.",
    "prices": "What models cost.",
    "projects": "Projects.",
    "service": "Health, metrics, this document, and the ways in of Langfuse's SDKs.",
    "tasks": "What calls have in common: a line of templates, with versions.",
    "traces": "LLM calls.",
    "webhooks": "Receivers of changes.",
}


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """The OpenAPI document of these operations."""
    schemas, components = _schemas(operations)
    bodies = [schemas[operation.name, "validation"] for operation in operations if operation.body is not None]
    request_schemas = _reached(bodies, components)
    components |= {name: _without_nul(components[name]) for name in request_schemas} | {"JsonValue": _JSON_VALUE}
    components = {name: _with_descriptions(name, schema) for name, schema in components.items()}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        methods = paths.setdefault(_PARAMETER.sub(r"{\2}", operation.rule), {})
        methods[operation.method.lower()] = _with_examples(_described(operation, schemas), components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Promptlode",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "tags": [{"name": name, "description": _TAGS[name]} for name in sorted(set(map(_tag, operations)))],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _tag(operation: Operation) -> str:
    """The tag of an operation: the first word of its address behind /api/v1."""
    first, *further = operation.rule.removeprefix("/api/").strip("/").split("/")
    if first == "v1" and operation.rule.startswith("/api/") and further:
        return further[0]
    return "otlp" if first == "v1" else "service"


def _schemas(operations: Iterable[Operation]) -> tuple[_Schemas, dict[str, Any]]:
    """The schema of every body and answer by its place, and the components that they refer to."""
    inputs: list[tuple[str, Any, TypeAdapter[Any]]] = [("problem", "serialization", TypeAdapter(ProblemShape))]
    for operation in operations:
        if operation.body is not None:
            inputs.append((operation.name, "validation", TypeAdapter(operation.body)))
        for status, shape in operation.answers.items():
            if not isinstance(shape, str):
                inputs.append((f"{operation.name} {status}", "serialization", TypeAdapter(shape)))
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    return dict(schemas), definitions.get("$defs", {})  # type: ignore[arg-type]


def _reached(schemas: Iterable[Any], components: Mapping[str, Any]) -> set[str]:
    """Names of the components that these schemas refer to, directly or through others."""
    reached: set[str] = set()
    stack = list(schemas)
    while stack:
        schema = stack.pop()
        if isinstance(schema, dict):
            stack.extend(schema.values())
            name = schema.get("$ref", "").rpartition("/")[2]
            if name and name not in reached:
                reached.add(name)
                stack.append(components[name])
        elif isinstance(schema, list):
            stack.extend(schema)
    return reached


def _without_nul(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a request body, with the rule about NUL wherever it allows any text, any name or any value."""
    schema = schema | {
        name: [_without_nul(inner) for inner in schema[name]] for name in ("anyOf", "oneOf", "allOf") if name in schema
    }
    if "properties" in schema:
        schema["properties"] = {name: _without_nul(inner) for name, inner in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        schema["items"] = _without_nul(schema["items"])
    if further_schema := schema.get("additionalProperties"):
        schema |= {
            "propertyNames": _TEXT,
            "additionalProperties": _VALUE if further_schema is True else _without_nul(further_schema),
        }
    if schema.get("type") == "string" and not _RULED & schema.keys():
        schema["pattern"] = _TEXT["pattern"]
    return schema if _SAYS & schema.keys() else schema | _VALUE


def _with_descriptions(shape: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A component in which every field has a description."""
    fields = {
        name: ({"description": description[0]} if (description := field(shape, name)) else {}) | inner
        for name, inner in schema.get("properties", {}).items()
    }
    return schema | {"properties": fields} if fields else schema


def _with_examples(described: dict[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """An operation with an example of its body and of each answer in JSON."""
    contents = [described.get("requestBody", {}), *described["responses"].values()]
    for content in (content["content"] for content in contents if "content" in content):
        for media_type, inner in content.items():
            if "schema" in inner:
                content[media_type] = inner | {"example": example(inner["schema"], components)}
    return described


def _described(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    answers = _answers(operation, schemas) | _errors(operation, schemas)
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [_tag(operation)],
        "parameters": _path_parameters(operation) + _query_parameters(operation),
        "responses": {str(status): answers[status] for status in sorted(answers)},
        "security": [] if operation.scope is None else [{"key": []}],
    }
    if operation.body is not None:
        schema = schemas[operation.name, "validation"]
        other_contents: dict[str, Any] = {media_type: {} for media_type in operation.media_types}
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}} | other_contents}
    return described


def _answers(operation: Operation, schemas: _Schemas) -> dict[int, Any]:
    """Each declared answer; a shape that is a string names a media type other than JSON."""
    contents: dict[int, Any] = {
        status: {shape: {}}
        if isinstance(shape, str)
        else {JSON: {"schema": schemas[f"{operation.name} {status}", "serialization"]}}
        for status, shape in operation.answers.items()
    }
    return {status: {"description": operation.summary, "content": content} for status, content in contents.items()}


def _errors(operation: Operation, schemas: _Schemas) -> dict[int, Any]:
    possible = (
        _ALWAYS
        | (_WITH_KEY if operation.scope else {})
        | (_WITH_ID if "<" in operation.rule else {})
        | (_WITH_QUERY if operation.query else {})
        | (_WITH_BODY if operation.body else {})
        | dict(operation.problems)
    )
    content = {_PROBLEM: {"schema": schemas["problem", "serialization"]}}
    errors = {
        status: {"description": description, "content": content}
        for status, description in possible.items()
        if status not in operation.answers
    }
    unchanged = {status: {"description": description} for status, description in _WITH_TAG.items()}
    return errors | (unchanged if operation.is_tagged else {})


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    """The path parameters: an id is a UUID, the name of a slot is a text."""
    return [
        {
            "name": name,
            "in": "path",
            "description": "Name of the slot." if kind == "string" else f"Id of the {name.removesuffix('_id')}.",
            "required": True,
            "schema": _TEXT | {"minLength": 1} if kind == "string" else _ID,
        }
        for kind, name in _PARAMETER.findall(operation.rule)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    model: type[BaseModel] = operation.query
    described = model.model_json_schema()
    return [
        _query_parameter(name, dict(schema), required=name in described.get("required", ()))
        for name, schema in described["properties"].items()
    ]


def _query_parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """A parameter with its description beside its schema, where viewers look for it."""
    description = schema.pop("description", None) or (field("query", name) or ("", None))[0]
    return {
        "name": name,
        "in": "query",
        "description": description,
        **({"required": True} if required else {}),
        "schema": schema,
    }
