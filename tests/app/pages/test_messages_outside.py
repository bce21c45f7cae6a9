"""Pages say which messages of a call stand outside of the prompt, and so of every template."""

from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.config import Settings
from tests.app.grouping_world import Group, World, triage

EXAMPLES = [("It broke on the first day", "returns"), ("Where is my invoice?", "billing")]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"local_mode": True})


@pytest.fixture
def pages(web: Flask) -> FlaskClient:
    return web.test_client()


@pytest.fixture
def group(world: World) -> Group:
    return world.group()


def with_examples(question: str, examples: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    system = {"role": "system", "content": "Label the mail."}
    pairs = [
        message
        for first_mail, answer in examples
        for message in ({"role": "user", "content": first_mail}, {"role": "assistant", "content": answer})
    ]
    return [system, *pairs, {"role": "user", "content": question}]


def send(group: Group, *calls: list[dict[str, Any]]) -> list[Any]:
    """The ids of calls with these messages."""
    moment = group.world.tick().isoformat()
    return group.take(
        [{"model": "gpt-5", "path": group.path, "started_at": moment, "messages": messages} for messages in calls]
    )


def task_page(pages: FlaskClient, group: Group) -> str:
    [task] = group.tasks
    return pages.get(f"/tasks/{task.id}").text


def test_the_examples_of_a_call_are_shown_beside_its_prompt(pages: FlaskClient, group: Group) -> None:
    [call_id] = send(group, with_examples("Please send it again", EXAMPLES))
    page = pages.get(f"/traces/{call_id}").text
    assert "3 messages of this call stand outside of the prompt" in page
    outside = page.split('id="outside"')[1].split("</details>")[0]
    assert [text in outside for text in ("returns", "Where is my invoice?", "billing")] == [True, True, True]
    assert "It broke on the first day" not in outside


def test_a_task_says_that_its_calls_send_the_same_examples(pages: FlaskClient, group: Group) -> None:
    send(group, *(with_examples(triage(number), EXAMPLES) for number in range(12)))
    group.run()
    page = task_page(pages, group)
    assert "3 messages</a> of a call stand outside of this template" in page
    assert "They are the same in the newest 10 calls that have such messages." in page


def test_a_task_says_that_its_calls_send_other_examples(pages: FlaskClient, group: Group) -> None:
    more_examples = [*EXAMPLES, ("Hello?", "other")]
    send(group, *(with_examples(triage(number), (EXAMPLES, more_examples)[number % 2]) for number in range(12)))
    group.run()
    page = task_page(pages, group)
    assert "3 to 5 messages</a> of a call stand outside of this template" in page
    assert "They differ among the newest 10 calls that have such messages." in page


def test_a_task_without_such_messages_says_nothing_of_them(pages: FlaskClient, group: Group) -> None:
    group.send(map(triage, range(12)))
    group.run()
    assert "outside of this template" not in task_page(pages, group)
