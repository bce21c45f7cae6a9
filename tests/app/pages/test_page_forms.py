"""The forms of a task's page: a person decides there, only with the scope, and nobody else can in the person's name."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from app.config import Settings
from app.http.services import EXTENSION
from app.store.tables import task, template
from app.web import create_app
from tests.app.api_helpers import new_key
from tests.app.grouping_world import Group, World, summary, triage, triage_edited, words


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret_key": "a secret of the tests"})


@pytest.fixture
def group(world: World) -> Group:
    """A task with two versions."""
    group = world.group()
    group.send(map(triage, range(6)))
    group.run()
    group.send(map(triage, range(3)), model="gpt-6")
    return group


@pytest.fixture
def person(web: Flask, engine: Engine) -> FlaskClient:
    """A browser that has logged in with an admin key."""
    return logged_in(web, new_key(engine, "shop", "admin"))


def logged_in(web: Flask, key: str) -> FlaskClient:
    browser = web.test_client()
    token = forms(browser.get("/login").text)["/login"]["form_token"]
    assert browser.post("/login", data={"key": key, "form_token": token}).status_code == 303
    return browser


class Forms(HTMLParser):
    """The values that a browser would send of each form of a page, by address and field."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, dict[str, Any]] = {}
        self._fields: dict[str, Any] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        attributes_of_tag = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._fields = self.sent[attributes_of_tag.get("action", "")] = {}
        elif tag == "input" and "name" in attributes_of_tag:
            self._fields.setdefault(attributes_of_tag["name"], []).append(attributes_of_tag.get("value", ""))
        elif tag in ("select", "textarea"):
            self._open = attributes_of_tag["name"]
            self._fields[self._open] = [] if tag == "select" else [""]
        elif tag == "option" and (not self._fields[self._open] or "selected" in attributes_of_tag):
            self._fields[self._open] = [attributes_of_tag["value"]]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._fields[self._open] = [self._fields[self._open][0].removeprefix("\n")]
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open and self.lasttag == "textarea":
            self._fields[self._open][0] += data


def forms(page: str) -> dict[str, Any]:
    return Forms(page).sent


def task_form(browser: FlaskClient, group: Group) -> tuple[str, dict[str, Any]]:
    """The address and the values of the only task's form."""
    address = f"/tasks/{group.tasks[0].id}"
    return address, forms(browser.get(address).text)[address]


def slots_form(browser: FlaskClient, group: Group) -> tuple[str, dict[str, Any]]:
    page = forms(browser.get(f"/tasks/{group.tasks[0].id}?version=1").text)
    [(address, fields)] = [(address, fields) for address, fields in page.items() if address.endswith("/slots")]
    return address, fields


def test_a_person_names_and_describes_a_task_and_says_what_is_in_production(
    person: FlaskClient, admin: FlaskClient, group: Group
) -> None:
    address, fields = task_form(person, group)
    first = admin.get(f"/api/v1{address}/implementations").json["items"][0]["id"]
    changed = {"name": "Post room", "description": "Sorts mail.\r\nTwice a day.", "production": first}

    answer = person.post(address, data=fields | changed)

    assert (answer.status_code, answer.location) == (303, address)
    [row] = group.tasks
    assert (row.name, row.name_by_person, row.description) == ("Post room", True, "Sorts mail.\nTwice a day.")
    assert str(row.production_implementation_id) == first
    page = person.get(address).text
    assert "<h1>Post room</h1>" in page
    assert '<span class="pill good">production</span>' in page
    assert task_form(person, group)[1]["production"] == [first]


def test_a_form_sent_as_it_was_decides_nothing(
    person: FlaskClient, admin: FlaskClient, world: World, group: Group
) -> None:
    address, fields = task_form(person, group)
    with world.engine.begin() as connection:  # a run names the task anew meanwhile
        connection.execute(update(task).values(name="Better"))
    assert person.post(address, data=fields).status_code == 303
    [row] = group.tasks
    assert (row.name, row.name_by_person) == ("Better", False)
    address, fields = slots_form(person, group)
    assert person.post(address, data=fields).status_code == 303
    assert group.templates[0].named_places == []
    assert admin.get("/api/v1/audit").json["items"] == []


def test_a_version_is_taken_out_of_production(person: FlaskClient, admin: FlaskClient, group: Group) -> None:
    address = f"/tasks/{group.tasks[0].id}"
    first = admin.get(f"/api/v1{address}/implementations").json["items"][0]["id"]
    admin.patch(f"/api/v1{address}", json={"production": first})
    person.post(address, data=task_form(person, group)[1] | {"production": ""})
    assert group.tasks[0].production_implementation_id is None


def test_a_person_names_the_slots_of_a_version(person: FlaskClient, admin: FlaskClient, group: Group) -> None:
    address, fields = slots_form(person, group)
    answer = person.post(address, data=fields | {"name": [" letter "]})
    assert answer.status_code == 303
    page = person.get(answer.location.partition("#")[0]).text
    assert 'letter<span class="brace">' in page
    assert "version=1" in answer.location
    call = admin.get("/api/v1/traces").json["items"][-1]
    assert call["variables"] == {"letter": words(0)}


@pytest.mark.parametrize(
    ("form", "wrong", "reason"),
    [
        (task_form, {"name": " "}, "name: "),
        (task_form, {"name": "x" * 201}, "name: "),
        (task_form, {"name": "a\x00b"}, "name: "),
        (task_form, {"description": "x" * 10_001}, "description: "),
        (task_form, {"production": str(uuid4())}, "production: Must be the id of an implementation of this task"),
        (task_form, {"production": "x"}, "production: "),
        (slots_form, {"name": ["two words"]}, "an identifier"),
        (slots_form, {"name": ["a\x00"]}, "an identifier"),
        (slots_form, {"slot": ["<b>"], "name": ["a"]}, "&lt;b&gt;: Must be a slot"),
    ],
)
def test_a_decision_that_cannot_be_is_a_page_that_says_why(
    person: FlaskClient, group: Group, form: Any, wrong: dict[str, Any], reason: str
) -> None:
    address, fields = form(person, group)
    answer = person.post(address, data=fields | wrong)
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert "Nothing was changed." in answer.text
    assert reason in answer.text
    assert not group.tasks[0].name_by_person


def test_a_key_that_may_only_read_sees_no_form_and_decides_nothing(
    web: Flask, engine: Engine, person: FlaskClient, group: Group
) -> None:
    reader = logged_in(web, new_key(engine, "shop", "read"))
    addresses = [form(person, group)[0] for form in (task_form, slots_form)]
    page = reader.get(addresses[0]).text
    assert not set(forms(page)).intersection(addresses)
    token = forms(page)["/logout"]["form_token"]
    forms_sent = [{"name": "Mine"}, {"slot": group.templates[0].slots, "name": ["mine"]}]
    for address, fields in zip(addresses, forms_sent, strict=True):
        assert reader.post(address, data=fields | {"form_token": token}).status_code == 403
    assert (group.tasks[0].name_by_person, group.templates[0].named_places) == (False, [])


@pytest.mark.parametrize("token", [None, "", "made up"])
def test_a_form_of_another_site_decides_nothing(person: FlaskClient, group: Group, token: str | None) -> None:
    for form, change in ((task_form, {"name": "Mine"}), (slots_form, {"name": ["mine"]})):
        address, fields = form(person, group)
        del fields["form_token"]
        forged = fields | change | ({} if token is None else {"form_token": token})
        assert person.post(address, data=forged).status_code == 400
    assert (group.tasks[0].name_by_person, group.templates[0].named_places) == (False, [])


def test_a_task_of_another_project_does_not_exist(
    web: Flask, engine: Engine, person: FlaskClient, group: Group
) -> None:
    stranger = logged_in(web, new_key(engine, "another", "admin"))
    token = forms(stranger.get("/").text)["/logout"]["form_token"]
    for form, change in ((task_form, {"name": "Mine"}), (slots_form, {"name": ["mine"]})):
        address, fields = form(person, group)
        theirs = stranger.post(address, data=fields | change | {"form_token": token})
        nobodys = stranger.post(
            re.sub(r"[0-9a-f-]{36}", str(uuid4()), address), data=fields | change | {"form_token": token}
        )
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.text == nobodys.text
    assert (group.tasks[0].name_by_person, group.templates[0].named_places) == (False, [])


def test_a_browser_without_a_login_decides_nothing(web: Flask, group: Group) -> None:
    answer = web.test_client().post(f"/tasks/{group.tasks[0].id}", data={"name": "Mine"})
    assert answer.status_code == 302
    assert not group.tasks[0].name_by_person


def test_a_decision_on_a_page_is_in_the_audit_log(person: FlaskClient, admin: FlaskClient, group: Group) -> None:
    address, fields = task_form(person, group)
    person.post(address, data=fields | {"name": "mxqz7marker"})
    person.post(address, data=fields | {"name": " "})
    [entry] = admin.get("/api/v1/audit").json["items"]
    assert (entry["actor"], entry["action"], entry["outcome"]) == ("page", "change_task", "done")
    assert (entry["subject"], entry["details"]) == (str(group.tasks[0].id), {"fields": ["name"]})
    assert UUID(entry["key_id"])
    assert len(entry["key_last4"]) == 4


# --- which tasks are one


@pytest.fixture
def group_of_two(world: World) -> Group:
    """Two tasks of one path; the second has two versions, each with a template."""
    group = world.group()
    for prompt, start in ((summary, 0), (triage, 10), (triage_edited, 20)):
        group.send(prompt(start + number) for number in range(10))
        group.run()
    assert numbers(group) == [[1], [1, 2]]
    return group


def numbers(group: Group) -> list[list[int]]:
    """The versions of every task."""
    return [[version.number for version in group.versions(task_row.id)] for task_row in group.tasks]


def form_for(browser: FlaskClient, page: str, action: str) -> tuple[str, dict[str, Any]] | None:
    """The address and the values of a form that the page has at most once."""
    return next((form for form in forms(browser.get(page).text).items() if form[0].endswith(f"/{action}")), None)


def looked_at(browser: FlaskClient, page: str, action: str) -> tuple[str, dict[str, Any]]:
    """The form on the preview that a form of the page leads to."""
    address, fields = form_for(browser, page, action) or ("", {})
    return form_for(browser, f"{address}?{urlencode(fields, doseq=True)}", action) or ("", {})


def merge_form(browser: FlaskClient, group: Group) -> tuple[str, dict[str, Any]]:
    return looked_at(browser, f"/tasks/{group.tasks[0].id}", "merge")


def split_form(browser: FlaskClient, group: Group) -> tuple[str, dict[str, Any]]:
    return looked_at(browser, f"/tasks/{group.tasks[1].id}", "split")


def test_a_person_merges_a_task_into_another_of_its_path(
    person: FlaskClient, admin: FlaskClient, group_of_two: Group
) -> None:
    first, second = group_of_two.tasks
    address, fields = merge_form(person, group_of_two)
    assert fields["into"] == [str(second.id)]

    answer = person.post(address, data=fields)

    assert (answer.status_code, answer.location) == (303, f"/tasks/{second.id}")
    assert numbers(group_of_two) == [[1, 2, 3]]
    assert form_for(person, answer.location, "merge") is None  # no other task is left to merge into
    assert "<b>1</b> task<" in person.get("/").text
    [entry] = admin.get("/api/v1/audit").json["items"]
    assert (entry["actor"], entry["action"], entry["outcome"]) == ("page", "merge_task", "done")
    assert (entry["subject"], entry["details"]) == (str(first.id), {"into": str(second.id)})


def test_a_person_makes_a_version_a_task_of_its_own(
    person: FlaskClient, admin: FlaskClient, group_of_two: Group
) -> None:
    address, fields = split_form(person, group_of_two)

    answer = person.post(address, data=fields)

    assert answer.status_code == 303
    begun = group_of_two.tasks[2].id
    assert answer.location == f"/tasks/{begun}"
    assert numbers(group_of_two) == [[1], [1], [1]]
    assert form_for(person, answer.location, "split") is None  # no other version is left to split from
    [entry] = admin.get("/api/v1/audit").json["items"]
    assert (entry["action"], entry["outcome"]) == ("split_implementation", "done")
    assert (entry["subject"] in address, entry["details"]) == (True, {"task": str(begun)})


def test_a_merge_or_a_split_that_cannot_be_is_a_page_that_says_why(person: FlaskClient, group_of_two: Group) -> None:
    address, fields = merge_form(person, group_of_two)
    answer = person.post(address, data=fields | {"into": str(group_of_two.tasks[0].id)})
    assert (answer.status_code, "into: Must be another task" in answer.text) == (422, True)
    assert person.post(address, data=fields | {"into": "x"}).status_code == 404
    address, fields = split_form(person, group_of_two)
    person.post(address, data=fields)
    answer = person.post(address, data=fields)
    assert (answer.status_code, "nothing to split" in answer.text) == (422, True)
    assert numbers(group_of_two) == [[1], [1], [1]]
    for address in (
        f"/tasks/{uuid4()}/merge?into={group_of_two.tasks[0].id}",
        f"/tasks/{group_of_two.tasks[0].id}/merge",
        "/implementations/x/split",
    ):
        assert person.get(address).status_code == 404


def test_a_preview_says_what_would_move_and_a_decision_by_an_old_one_is_refused(
    person: FlaskClient, admin: FlaskClient, group_of_two: Group
) -> None:
    second = group_of_two.tasks[1]
    address, fields = merge_form(person, group_of_two)
    page = person.get(f"{address}?into={second.id}").text
    assert "<b>1</b> version and <b>10</b> calls would be of another task" in page
    assert "Another text in use" not in page
    first = group_of_two.tasks[0]
    assert "Another text in use" in person.get(f"/tasks/{second.id}/merge?into={first.id}").text
    assert numbers(group_of_two) == [[1], [1, 2]]
    admin.patch(f"/api/v1/tasks/{second.id}", json={"name": "Renamed meanwhile"})
    answer = person.post(address, data=fields)
    assert (answer.status_code, "changed since the preview" in answer.text) == (409, True)
    assert numbers(group_of_two) == [[1], [1, 2]]


def test_of_two_people_at_one_form_the_second_is_told(person: FlaskClient, admin: FlaskClient, group: Group) -> None:
    address, fields = task_form(person, group)
    admin.patch(f"/api/v1{address}", json={"name": "Theirs"})
    answer = person.post(address, data=fields | {"name": "Mine"})
    assert (answer.status_code, "name: Was changed by somebody else" in answer.text) == (409, True)
    assert group.tasks[0].name == "Theirs"


# --- what was decided


def test_a_person_takes_a_merge_and_a_name_back(person: FlaskClient, admin: FlaskClient, group_of_two: Group) -> None:
    first = group_of_two.tasks[0]
    send(person, task_form(person, group_of_two), name="Post room")
    send(person, merge_form(person, group_of_two))
    assert numbers(group_of_two) == [[1, 2, 3]]
    page = person.get("/decisions").text
    assert page.index("Merged “Post room” into") < page.index("Renamed “")
    assert 'href="/decisions"' in page
    [merged] = re.findall(r'href="(/decisions/[^"]+/undo)"', page)

    answer = send(person, form_for(person, merged, "undo"))

    assert (answer.status_code, answer.location) == (303, "/decisions")
    assert "Undone: Merged" in person.get("/decisions").text
    assert numbers(group_of_two) == [[1], [1, 2]]
    send(person, form_for(person, f"/decisions?task={first.id}", "undo"))
    assert [task_row.name_by_person for task_row in group_of_two.tasks] == [False, False]
    assert form_for(person, "/decisions", "undo") is None
    second_answer = person.post(merged, data={"form_token": task_form(person, group_of_two)[1]["form_token"]})
    assert (second_answer.status_code, "undone already" in second_answer.text) == (409, True)
    actions = [entry["action"] for entry in admin.get("/api/v1/audit").json["items"]]
    assert actions == ["undo_decision", "undo_decision", "merge_task", "change_task"]


def send(browser: FlaskClient, form: Any, **changes: Any) -> Any:
    address, fields = form
    return browser.post(address, data=fields | changes)


# --- grouping anew


def test_a_person_looks_at_what_a_regroup_would_change_asks_for_it_and_sees_how_far_it_is(
    person: FlaskClient, admin: FlaskClient, world: World
) -> None:
    group = world.group()
    group.send(map(triage, range(6)))
    page = person.get(f"/regroup?path={group.path}").text
    assert "Waiting for a worker" in page
    fields = forms(page)["/regroup"]
    looked = person.post("/regroup/look", data=fields).text
    assert "6 calls would get a template" in looked
    assert " 0 " not in looked[looked.index("A run would read") :].partition("</p>")[0]
    assert '<span class="pill">new task</span>' in looked
    assert group.tasks == []
    answer = person.post("/regroup", data=fields | {"all": "on"})
    assert (answer.status_code, answer.location) == (303, f"/regroup?path={group.path}")
    assert group.row.wanted == "all"
    assert [entry["action"] for entry in admin.get("/api/v1/audit").json["items"]] == ["regroup"]
    group.run()
    assert "data-refresh" not in person.get(answer.location).text


def test_a_key_that_may_not_decide_does_not_ask_for_a_regroup(web: Flask, engine: Engine, group: Group) -> None:
    reader, stranger = (logged_in(web, new_key(engine, *key)) for key in (("shop", "read"), ("another", "admin")))
    page = reader.get(f"/regroup?path={group.path}").text
    assert "/regroup" not in forms(page)
    for browser, status in ((reader, 403), (stranger, 404)):
        assert stranger.get(f"/regroup?path={group.path}").status_code == 404
        token = forms(browser.get("/").text)["/logout"]["form_token"]
        for address in ("/regroup", "/regroup/look"):
            assert browser.post(address, data={"path": group.path, "form_token": token}).status_code == status
    assert group.row.wanted is None


def test_nobody_else_takes_a_decision_back(
    web: Flask, engine: Engine, person: FlaskClient, admin: FlaskClient, group_of_two: Group
) -> None:
    admin.patch(f"/api/v1/tasks/{group_of_two.tasks[0].id}", json={"name": "</td><script>alert(1)</script>"})
    address, fields = form_for(person, "/decisions", "undo") or ("", {})
    page = person.get("/decisions").text
    assert (page.count("<script"), "&lt;script" in page) == (1, True)
    reader, stranger = (logged_in(web, new_key(engine, *key)) for key in (("shop", "read"), ("another", "admin")))
    assert address not in reader.get("/decisions").text
    assert "Nothing was decided yet" in stranger.get("/decisions").text
    for browser, status in ((reader, 403), (stranger, 404)):
        token = forms(browser.get("/decisions").text)["/logout"]["form_token"]
        assert browser.post(address, data=fields | {"form_token": token}).status_code == status
        assert browser.get(address).status_code == status
    assert person.post(address, data={}).status_code == 400
    assert group_of_two.tasks[0].name_by_person
    for wrong in (f"/decisions?task={uuid4()}", "/decisions?after=x", f"/decisions/{uuid4()}/undo"):
        assert person.get(wrong).status_code == 404


def test_nobody_else_says_which_tasks_are_one(
    web: Flask, engine: Engine, person: FlaskClient, admin: FlaskClient, group_of_two: Group
) -> None:
    reader, stranger = (logged_in(web, new_key(engine, *key)) for key in (("shop", "read"), ("another", "admin")))
    for address, fields in (merge_form(person, group_of_two), split_form(person, group_of_two)):
        assert address
        assert address not in forms(reader.get(f"/tasks/{group_of_two.tasks[1].id}").text)
        for browser, page, status in ((reader, f"/tasks/{group_of_two.tasks[1].id}", 403), (stranger, "/", 404)):
            token = forms(browser.get(page).text)["/logout"]["form_token"]
            assert browser.post(address, data=fields | {"form_token": token}).status_code == status
        assert person.post(address, data=fields | {"form_token": "made up"}).status_code == 400
        assert web.test_client().post(address, data=fields).status_code == 302
    assert numbers(group_of_two) == [[1], [1, 2]]
    assert admin.get("/api/v1/audit").json["items"] == []


def test_hostile_texts_in_a_form_are_text(person: FlaskClient, world: World, group: Group) -> None:
    hostile = "</textarea><script>alert('x')</script>\"><img src=x onerror=alert(1)>{{'owned'.upper()}}"
    with world.engine.begin() as connection:
        connection.execute(update(task).values(name=hostile, description=hostile))
        connection.execute(update(template).values(slots=[hostile]))
    page = person.get(f"/tasks/{group.tasks[0].id}").text
    assert "<img src=x" not in page
    assert "OWNED" not in page
    assert page.count("<script") == 1
    assert (task_form(person, group)[1]["name"], task_form(person, group)[1]["description"]) == ([hostile], [hostile])
    assert slots_form(person, group)[1]["slot"] == [hostile]


@pytest.fixture
def local(settings: Settings) -> Iterator[FlaskClient]:
    web = create_app(settings.model_copy(update={"local_mode": True, "secret_key": ""}))
    yield web.test_client()
    web.extensions[EXTENSION].engine.dispose()


def test_in_local_mode_whoever_sees_the_pages_decides(local: FlaskClient, world: World, group: Group) -> None:
    address, fields = task_form(local, group)
    assert local.post(address, data=fields | {"name": "Post room"}).status_code == 303
    assert world.rows(select(task.c.name, task.c.name_by_person)) == [("Post room", True)]
