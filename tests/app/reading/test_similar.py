"""Similar tasks are those with the same prompt at other call sites and those with a similar prompt, of the own
project only.
"""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from app.reading.similar import call_sites
from app.store import marks
from app.store.engine import transaction
from app.store.projects import Project
from app.store.tables import template
from templating import BARRIER, Template
from tests.app.api_helpers import assert_problem, client_with, know, new_key

SORT = "Sort the mail of the shop into billing, returns or other. Answer with one word, in small letters.\n\nMail: {{mail}}"
PARAGRAPH = "Write a summary of the meeting for people who were not there, in three sentences:\n{{notes}}"


@pytest.fixture
def shop(engine: Engine, project: Project) -> dict[str, UUID]:
    """Tasks, by their likeness to the first task."""
    task_ids = {
        "first": know(engine, project, "/triage", "", SORT),
        "same": know(engine, project, "/night", "", SORT.replace("{{mail}}", "{{letter}}")),
        "alike": know(engine, project, "/triage", "", SORT.replace("in small letters", "and never more")),
        "longer": know(
            engine, project, "/careful", "", SORT.replace("Mail:", "Think of the customer before you do.\n\nMail:")
        ),
        "other": know(engine, project, "/notes", "", PARAGRAPH),
        "chinese": know(
            engine, project, "/zh", "", "把下面的邮件分成账单、退货或其他三类，只回答一个词。邮件：{{mail}}"
        ),
        "slot": know(engine, project, "/raw", "", "{{everything}}"),
    }
    know_elsewhere(engine)
    with transaction(engine) as connection:
        marks.fill(connection)
    return task_ids


def know_elsewhere(engine: Engine) -> None:
    from app.store import projects

    with transaction(engine) as connection:
        other_project = projects.get_or_create(connection, "another")
    know(engine, other_project, "/triage", "", SORT)


def similar_tasks(client: FlaskClient, task_id: UUID, **query: Any) -> list[Any]:
    answer = client.get(f"/api/v1/tasks/{task_id}/similar", query_string=query)
    assert answer.status_code == 200, answer.text
    assert answer.json["next_cursor"] is None
    return answer.json["items"]


def test_the_same_prompt_on_another_path_comes_first_and_what_is_alike_after(
    client: FlaskClient, shop: dict[str, UUID]
) -> None:
    similar = similar_tasks(client, shop["first"])
    assert [item["id"] for item in similar] == [str(shop[name]) for name in ("same", "longer", "alike")]
    assert [(item["same_prompt"], item["similarity"] == 1) for item in similar] == [(True, True)] + 2 * [(False, False)]
    assert similar[0]["path"] == "/night"
    assert similar_tasks(client, shop["first"], limit=1) == similar[:1]
    assert similar_tasks(client, shop["same"])[0]["id"] == str(shop["first"])


def test_a_task_without_fixed_text_or_without_its_like_has_none(client: FlaskClient, shop: dict[str, UUID]) -> None:
    assert [similar_tasks(client, shop[name]) for name in ("slot", "other", "chinese")] == [[], [], []]


def test_on_one_path_a_new_instruction_in_the_same_frame_is_similar(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    frame = "Summarise the hotel review below in {}\n\nHotel: {{{{hotel}}}}\nReview:\n{{{{review}}}}"
    rewritten = frame.format("ONE sentence of at most 25 words. Do not mention staff by name.")
    first = know(engine, project, "/reviews", "", frame.format("two sentences."))
    second = know(engine, project, "/reviews", "", rewritten.replace("Review:", "Stars: {{stars}}\nReview:"))
    know(engine, project, "/elsewhere", "", rewritten.replace("Review:", "Stars: {{stars}} of five\nReview:"))
    with transaction(engine) as connection:
        marks.fill(connection)
    assert [item["id"] for item in similar_tasks(client, first)] == [str(second)]


def test_a_template_that_is_out_of_use_is_not_similar(
    client: FlaskClient, engine: Engine, shop: dict[str, UUID]
) -> None:
    from sqlalchemy import func

    with transaction(engine) as connection:
        retired = template.c.task_id.in_([shop["same"], shop["alike"]])
        connection.execute(update(template).where(retired).values(retired_at=func.now()))
    assert [item["id"] for item in similar_tasks(client, shop["first"])] == [str(shop["longer"])]


def test_call_sites_of_one_prompt_are_told_for_a_whole_list(
    engine: Engine, project: Project, shop: dict[str, UUID]
) -> None:
    with transaction(engine) as connection:
        sites = call_sites(connection, project.id, list(shop.values()))
        assert call_sites(connection, project.id, []) == {}
    assert {task_id: [site.path for site in sites_of_task] for task_id, sites_of_task in sites.items()} == {
        shop["first"]: ["/night"],
        shop["same"]: ["/triage"],
    }


def test_nobody_sees_what_is_similar_in_another_project(
    client: FlaskClient, web: Flask, engine: Engine, shop: dict[str, UUID]
) -> None:
    stranger = client_with(web, new_key(engine, "another"))
    for task_id in (shop["first"], uuid4()):
        assert_problem(stranger.get(f"/api/v1/tasks/{task_id}/similar"), 404)
    for wrong in ("limit=0", "limit=201", "limit=x", "path=/a"):
        assert_problem(client.get(f"/api/v1/tasks/{shop['first']}/similar?{wrong}"), 422)


def test_marks_are_of_the_project_and_as_many_as_there_are_stretches() -> None:
    project_id, other_id = uuid4(), uuid4()
    short, long = (
        Template.parse(BARRIER + text) for text in ("Translate: {{a}}", SORT + " ".join(map(str, range(50_000))))
    )
    assert len(marks.marks_of(project_id, short)) == 1
    assert len(marks.marks_of(project_id, long)) == marks.MARKS
    assert not set(marks.marks_of(project_id, short)) & set(marks.marks_of(other_id, short))
    assert marks.marks_of(project_id, Template.parse(f"{BARRIER}{{{{a}}}}")) == []


def test_templates_without_marks_get_them_once(engine: Engine, shop: dict[str, UUID]) -> None:
    with transaction(engine) as connection:
        assert marks.fill(connection) == 0
        assert connection.scalar(select(template.c.marks).where(template.c.task_id == shop["slot"])) == []
