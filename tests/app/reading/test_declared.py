"""The share of calls in which mining agrees with the declared template."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.reading.declared import Agreement, DeclaredCalls, agreement
from app.store.projects import Project
from tests.app.api_helpers import know

ONE, OTHER = uuid4(), uuid4()


def calls(
    template_id: UUID | None, literals: list[str] | None, *, text: str | None = None, name: str | None = None
) -> DeclaredCalls:
    parts = None if literals is None else [{"role": "system", "literals": [""]}, {"role": "user", "literals": literals}]
    return DeclaredCalls(template_id, parts, text, name, None, 5)


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ("Mail: {mail}", ["Mail: ", ""]),
        ("{a} and {b.c!r:>3}.", ["", " and ", "."]),
        ('{{"mail": "{mail}"}}', ['{"mail": "', '"}']),
        ("Mail: {{ mail }}\n", ["Mail: ", "\n"]),
        ("Mail: ${mail} $rest", ["Mail: ", " ", ""]),
        ("{a}{b}!", ["", "!"]),
        ("no slot", ["no slot"]),
        ('{"open": {{mail}}', ['{"open": ', ""]),
    ],
)
def test_a_declared_text_agrees_with_the_same_fixed_texts(text: str, literals: list[str]) -> None:
    assert agreement([calls(ONE, literals, text=text)]) == Agreement(5, 5)


@pytest.mark.parametrize(
    "literals", [["Mail: "], ["Mail:  ", ""], ["Mail: ", " "], ["", "Mail: ", ""], ["Mail: Re ", ""]]
)
def test_a_declared_text_disagrees_with_any_other(literals: list[str]) -> None:
    assert agreement([calls(ONE, literals, text="Mail: {mail}")]) == Agreement(5, 0)


def test_calls_that_are_not_grouped_agree_with_nothing() -> None:
    assert agreement([calls(None, None, text="{a}"), calls(None, None, name="n")]) == Agreement(10, 0)


def test_a_name_agrees_when_its_calls_have_one_template_of_their_own() -> None:
    assert agreement([calls(ONE, ["a"], name="x"), calls(OTHER, ["b"], name="y")]) == Agreement(10, 10)
    assert agreement([calls(ONE, ["a"], name="x"), calls(None, None, name="x")]) == Agreement(10, 5)


def test_a_name_disagrees_when_it_shares_its_template_or_has_two() -> None:
    assert agreement([calls(ONE, ["a"], name="x"), calls(ONE, ["a"], name="y")]) == Agreement(10, 0)
    assert agreement([calls(ONE, ["a"], name="x"), calls(OTHER, ["b"], name="x")]) == Agreement(10, 0)


def test_without_declared_templates_there_is_nothing_to_say() -> None:
    assert agreement([]) is None


# --- over calls that are stored


def send(client: FlaskClient, text: str, **metadata: Any) -> None:
    body = {"model": "m", "path": "/chat", "input": text, "metadata": metadata or None}
    assert client.post("/api/v1/traces", json=body).status_code == 201


@pytest.fixture
def task_id(engine: Engine, project: Project) -> UUID:
    return know(engine, project, "/chat", "", "Q: {{question}}")


def declared(client: FlaskClient, task_id: UUID) -> Any:
    return client.get(f"/api/v1/tasks/{task_id}").json["declared"]


def test_a_task_says_how_often_mining_agrees(client: FlaskClient, task_id: UUID) -> None:
    send(client, "Q: one")
    assert declared(client, task_id) is None
    send(client, "Q: two", **{"llm.prompt_template.template": "Q: {question}"})
    send(client, "Q: three", **{"llm.prompt_template.template": "Q: {question}?"})
    send(client, "Q: four", **{"gen_ai.prompt.name": "ask"})
    send(client, "not grouped", **{"gen_ai.prompt.name": "ask"})
    assert declared(client, task_id) == {"calls": 4, "agree": 2}
