"""The page of changes: its content, and who sees it."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import func, update

from app.config import Settings
from app.store import changes, webhooks
from app.store.engine import transaction
from app.store.tables import change
from tests.app.api_helpers import new_key
from tests.app.grouping_world import Group, World, triage, triage_edited, words
from tests.app.pages.test_page_forms import logged_in

RANGE = "since=2026-01-01&until=2026-01-02"
"""The clock of the world begins on the first of January."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"local_mode": True})


def grown(world: World, project: str) -> None:
    """A task and an edit of it."""
    group = world.group(project=project)
    for make, numbers in ((triage, range(12)), (triage_edited, range(20, 40))):
        group.send(map(make, numbers))
        group.run()
        with transaction(world.engine) as connection:
            changes.note_versions(connection)


def test_an_edit_is_shown_with_its_words_and_filtered_by_kind(web: Flask, world: World) -> None:
    grown(world, "shop")
    page = web.test_client().get(f"/changes?{RANGE}").text
    assert "<ins> When in doubt, say other.</ins>" in page
    assert page.count('<article class="card change">') == 2
    assert web.test_client().get(f"/changes?{RANGE}&kind=task.new").text.count("<article") == 1


def test_two_slots_of_an_edit_have_the_colours_that_they_have_on_the_page_of_the_task(web: Flask, world: World) -> None:
    group = world.group()
    for edit in ("", " Be brief."):
        group.send(
            f"Sort the mail of the customer below.{edit}\n\nMail: {words(n)}\nFrom: {words(n + 5)}." for n in range(12)
        )
        group.run()
        with transaction(world.engine) as connection:
            changes.note_versions(connection)
    [task_row] = group.tasks
    local = web.test_client()
    slot = re.compile(r'class="slot c(\d)"><span class="brace">\{\{</span>(\w+)')
    on_changes = set(slot.findall(local.get(f"/changes?{RANGE}&kind=version.new").text))
    assert on_changes == set(slot.findall(local.get(f"/tasks/{task_row.id}?{RANGE}").text))
    assert len({colour for colour, _ in on_changes}) == 2


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/?range=zz", "A range is one of 24h, 7d, 30d."),
        ("/?sort=zz", "sort=zz is ignored: sort is one of last"),
        ("/changes?kind=zz", "kind=zz is ignored: kind is one of task.new"),
        ("/ungrouped?state=zz", "state=zz is ignored: state is one of owed, considered, none."),
    ],
)
def test_a_choice_that_no_page_has_is_ignored_and_told(web: Flask, world: World, address: str, sentence: str) -> None:
    grown(world, "shop")
    answer = web.test_client().get(address)
    assert answer.status_code == 200
    assert sentence in unescape(answer.text)


def with_varying_settings(world: World) -> Group:
    """A group of one task, whose last ten calls have a temperature each."""
    group = world.group()
    group.send(map(triage, range(12)))
    group.run()
    for number in range(10):
        group.send([triage(100 + number)], temperature=number / 20)
    return group


def test_settings_that_vary_from_call_to_call_share_a_row_and_are_listed_by_one_click(web: Flask, world: World) -> None:
    [task_row] = with_varying_settings(world).tasks
    local = web.test_client()
    page = local.get(f"/tasks/{task_row.id}?version=1").text
    [address] = re.findall(r'<a href="([^"]+)#versions"[^>]*>10 settings</a>', page)
    assert "temperature <b>varies</b>" in page
    assert (
        "chooses anew for each call makes a version each time; sent under <code>metadata</code>, it makes none" in page
    )
    assert page.count('<td data-label="Model">') == 2
    with transaction(world.engine) as connection:
        changes.note_versions(connection)
    feed = local.get(f"/changes?{RANGE}").text
    [list_of_all] = re.findall(r'<a href="([^"]+)#versions">all 10</a>', feed)
    assert local.get(unescape(list_of_all)).text.count('<td data-label="Model">') == 11
    assert local.get(unescape(address)).text.count('<td data-label="Model">') == 11


def test_the_version_in_use_has_a_row_of_its_own_among_settings(web: Flask, world: World) -> None:
    [task_row] = with_varying_settings(world).tasks
    page = web.test_client().get(f"/tasks/{task_row.id}").text
    assert page.count('<td data-label="Model">') == 3
    assert ">9 settings</a>" in page


def test_a_page_has_the_newest_of_hundreds_of_versions_and_the_one_in_its_address(web: Flask, world: World) -> None:
    group = world.group()
    group.send(map(triage, range(12)))
    group.run()
    body = {"model": "gpt-5-mini", "path": group.path}
    moment = world.tick().isoformat()
    group.take(
        [
            body | {"input": triage(100 + number), "temperature": number / 600, "started_at": moment}
            for number in range(510)
        ]
    )
    [task_row] = group.tasks
    local = web.test_client()
    page = local.get(f"/tasks/{task_row.id}").text
    assert "of v511</span>" in page
    assert ">all 500 versions</a>" in page
    assert page.count("of the newest versions with the same text, 500 at most") == 2
    assert "with the same text, 500 at most" in local.get(f"/tasks/{task_row.id}/slots/ticket").text
    assert "of v3</span>" in local.get(f"/tasks/{task_row.id}?version=3").text
    assert local.get(f"/tasks/{task_row.id}/slots/ticket?version=3").status_code == 200


def test_the_tasks_page_counts_as_new_what_the_feed_tells_since_yesterday(web: Flask, world: World) -> None:
    """Calls of last January that are imported and mined today count as old."""
    grown(world, "shop")
    assert "<b>0</b><span>new since yesterday</span>" in web.test_client().get("/").text
    with transaction(world.engine) as connection:
        connection.execute(update(change).values(at=func.now()))
    page = web.test_client().get("/").text
    assert "<b>2</b><span>new since yesterday</span>" in page
    assert "1 task, 1 version" in page


def test_a_key_for_all_projects_sees_the_changes_of_all(web: Flask, world: World) -> None:
    for name in ("shop", "another"):
        grown(world, name)
    local = web.test_client()
    assert local.get(f"/changes?{RANGE}").text.count("<article") == 2
    assert local.get(f"/changes?{RANGE}&projects=all").text.count("<article") == 4


def test_a_key_sees_its_own_project_whatever_it_asks_for(
    settings: Settings, webs: Callable[[Settings], Flask], world: World
) -> None:
    for name in ("shop", "another"):
        grown(world, name)
    closed = settings.model_copy(update={"local_mode": False, "secret_key": "a secret of the tests"})
    visitor = logged_in(webs(closed), new_key(world.engine, "shop"))
    assert visitor.get(f"/changes?{RANGE}&projects=all").text.count("<article") == 2
    assert visitor.get("/changes/webhooks").status_code == 403


def test_the_log_of_webhooks_shows_what_failed_and_no_secret(web: Flask, world: World) -> None:
    group = world.group()
    with transaction(world.engine) as connection:
        webhook = webhooks.create(
            connection, group.project_id, url="https://a.example/x", format="slack", kinds=None, include_text=False
        )
    grown(world, "shop")
    with transaction(world.engine) as connection:
        webhooks.enqueue(connection, delay=timedelta())
        for due in webhooks.claim(connection, 1):
            webhooks.failed(connection, due, "The host did not answer in time.", None)
    page = web.test_client().get("/changes/webhooks").text
    assert "The host did not answer in time." in page
    assert "https://a.example/x" in page
    assert webhook.secret not in page
