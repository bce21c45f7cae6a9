"""The pages on a real PostgreSQL: their content, who may see it, and that no text breaks out of its place."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, create_engine, func, text, update

from app import pages
from app.config import Settings
from app.errors import DatabaseDownError
from app.grouping import run as grouping
from app.pages import access
from app.store import changes, groups, heartbeats, keys, rollup
from app.store.engine import transaction
from app.store.projects import Project
from app.store.tables import api_key, grouping_key, task, template
from tests.app.api_helpers import client_with, know, new_key

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>{{'owned'.upper()}}\u202egnp.exe"
PATH = "/support/triage"


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    return Settings(
        database_url=environment["DATABASE_URL"], redis_url=environment["REDIS_URL"], secret_key="a secret of the tests"
    )


@pytest.fixture
def local_web(settings: Settings, webs: Callable[..., Flask]) -> Flask:
    return webs(settings.model_copy(update={"local_mode": True, "secret_key": ""}))


@pytest.fixture
def visitor(web: Flask, engine: Engine, project: Project) -> FlaskClient:
    """A browser that has logged in with a key of the project `shop`."""
    browser = web.test_client()
    assert _log_in(browser, new_key(engine, project.name)).status_code == 303
    return browser


def _log_in(browser: FlaskClient, key: str, **fields: str) -> Any:
    return browser.post("/login", data={"key": key, "form_token": _form_token(browser, "/login"), **fields})


def _form_token(browser: FlaskClient, page: str) -> str:
    token = re.search(r'name="form_token" value="([^"]+)"', browser.get(page).text)
    assert token, f"{page} has no form"
    return token.group(1)


def _ticket(number: int, team: str = "returns") -> str:
    return f"Sort this ticket for the team {team}.\n\nTicket number {number}: the tent number {number} leaks\n\nAnswer:"


def _send(client: FlaskClient, *inputs: str, path: str = PATH, **fields: Any) -> list[str]:
    """Sends calls as an app does. Returns their ids."""
    items = [{"path": path, "model": "gpt-5", "input": text, **fields} for text in inputs]
    answer = client.post("/api/v1/traces", json={"traces": items})
    return [row["id"] for row in answer.get_json()["results"]]


def _group(engine: Engine, settings: Settings, project: Project, path: str = PATH) -> None:
    """One run of the group, as in a worker."""
    with transaction(engine) as connection:
        group = groups.get_or_create(connection, project.id, [path])[path]
    outcome = grouping.run(engine, group.id, reason="manual", should_stop=lambda: False, settings=settings)
    assert outcome.outcome == "committed"


@pytest.fixture
def task_id(client: FlaskClient, engine: Engine, settings: Settings, project: Project) -> UUID:
    """A task that was found in four calls."""
    _send(client, *(_ticket(n) for n in range(4)), usage={"input_tokens": 30, "output_tokens": 12})
    _group(engine, settings, project)
    return _only_task(engine)


def _only_task(engine: Engine) -> UUID:
    with engine.connect() as connection:
        return connection.execute(task.select()).one().id


class Markup(HTMLParser):
    """The parsed page: elements with their attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


# --- what a person sees


def test_a_project_without_calls_says_how_to_send_the_first(visitor: FlaskClient) -> None:
    page = Markup(visitor.get("/").text)

    assert "Send the first call" in page.text
    assert "curl http://localhost/api/v1/traces" in page.text
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_only" in page.text


def test_the_word_of_the_list_leads_to_the_list(visitor: FlaskClient) -> None:
    assert visitor.get("/tasks", follow_redirects=True).status_code == 200


@pytest.mark.parametrize("browser", ["visitor", "stranger"])
def test_a_browser_gets_a_page_under_an_unknown_address(
    request: pytest.FixtureRequest, web: Flask, browser: str
) -> None:
    client = web.test_client() if browser == "stranger" else request.getfixturevalue(browser)
    answer = client.get("/taks", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "To the tasks" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("address", "accepted"), [("/taks", "*/*"), ("/taks", "application/json"), ("/api/v1/taks", "text/html")]
)
def test_a_program_gets_a_problem_under_an_unknown_address(web: Flask, address: str, accepted: str) -> None:
    answer = web.test_client().get(address, headers={"Accept": accepted})
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "address", ["/", "/changes", "/ungrouped", "/ungrouped?state=owed", "/ungrouped?state=none", "/pipeline"]
)
def test_every_list_works_with_nothing_in_it(visitor: FlaskClient, address: str) -> None:
    assert visitor.get(address).status_code == 200


def test_calls_that_wait_are_counted_before_there_is_a_task(visitor: FlaskClient, client: FlaskClient) -> None:
    _send(client, _ticket(1), _ticket(2))

    page = Markup(visitor.get("/").text)

    assert "No template found yet" in page.text
    assert "2 calls wait to be grouped, usually within 6 seconds." in page.text


def test_the_list_shows_a_task_with_its_path_calls_tokens_and_slots(visitor: FlaskClient, task_id: UUID) -> None:
    page = Markup(visitor.get("/").text)

    assert f"/tasks/{task_id}" in [link["href"] for link in page.of("a")]
    assert PATH in page.text
    assert "100 %" in page.text, "the only task has all tokens"
    assert any("slot" in (span.get("class") or "") for span in page.of("span"))


def test_the_tiles_count_the_calls_of_the_tasks_that_are_found(
    visitor: FlaskClient, engine: Engine, task_id: UUID
) -> None:
    with transaction(engine) as connection:
        rollup.add_up(connection)
    one_task, no_task = "<small>of 1 task</small>", "<b>0</b><span>calls</span><small>of 0 tasks</small>"
    for query, tile in (
        ("q=triage", one_task),
        (f"path={PATH}&sort=cost", one_task),
        ("q=none", no_task),
        ("path=/no", no_task),
    ):
        assert tile in visitor.get(f"/?{query}").text, query


def test_the_cost_a_day_of_a_young_project_is_of_its_own_days(
    visitor: FlaskClient, engine: Engine, task_id: UUID
) -> None:
    with transaction(engine) as connection:
        rollup.add_up(connection)
    in_all, a_day = re.findall(r"<b>(\S+)</b><span>cost</span><small>(\S+) a day", visitor.get("/?range=30d").text)[0]
    assert in_all.startswith("$0.0006")
    assert a_day == in_all


def test_the_list_says_how_to_set_a_price_that_nobody_knows(
    visitor: FlaskClient, client: FlaskClient, engine: Engine, settings: Settings, project: Project, task_id: UUID
) -> None:
    assert "prices set" not in Markup(visitor.get("/").text).text
    _send(client, *(f"Sing the song number {number} aloud, please." for number in range(4)), path="/sing", model="mine")
    _group(engine, settings, project, "/sing")
    with transaction(engine) as connection:
        rollup.add_up(connection)
    assert "promptlode prices set MODEL --input" in Markup(visitor.get("/").text).text
    assert "set it: promptlode prices set" in Markup(visitor.get("/?path=/sing").text).text


def test_the_share_of_grouped_calls_is_that_of_the_range(
    visitor: FlaskClient, client: FlaskClient, engine: Engine, task_id: UUID
) -> None:
    _send(client, "No template.", started_at=f"{datetime.now(UTC) - timedelta(days=20)}")
    with transaction(engine) as connection:
        rollup.add_up(connection)
    assert "every call has a task" in Markup(visitor.get("/").text).text
    assert "1 is not" in Markup(visitor.get("/?range=30d").text).text


@pytest.mark.parametrize("address", ["/", "/ungrouped"])
def test_the_ungrouped_calls_of_each_state_add_up_to_those_that_are_not_grouped(
    visitor: FlaskClient,
    client: FlaskClient,
    engine: Engine,
    settings: Settings,
    project: Project,
    task_id: UUID,
    address: str,
) -> None:
    _send(client, "A name for a shop?", "Ten rivers of Asia.", path="/free")
    _group(engine, settings, project, "/free")
    _send(client, "Waits.", path="/free")
    image = [{"role": "user", "content": [{"type": "input_image"}]}]
    client.post("/api/v1/traces", json={"path": "/free", "model": "gpt-5", "input": image})

    page = Markup(visitor.get(address).text).text

    for count in ("2 without a template", "1 waiting to be grouped", "1 without a text prompt"):
        assert count in page
    assert "4 are not" in Markup(visitor.get("/").text).text


def test_the_list_says_when_a_task_changed(visitor: FlaskClient, client: FlaskClient, task_id: UUID) -> None:
    assert "changed" not in Markup(visitor.get("/").text).text, "one version is no change"

    old_in_use = []
    for hours in (49, 25, 0):
        started = datetime.now(UTC) - timedelta(hours=hours)
        client.post(
            "/api/v1/traces", json={"path": PATH, "model": "new", "input": _ticket(9), "started_at": f"{started}"}
        )

        old_in_use.append("v1 in use" in Markup(visitor.get("/").text).text)

    assert old_in_use == [True, True, False], "a version of older calls is no change"
    assert "v2 changed 2 days ago" in Markup(visitor.get("/").text).text


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("q=ticket+number", True),
        ("q=TRIAGE", True),
        ("q=100%25", False),
        ("q=nothing+like+it", False),
        (f"path={PATH}", True),
        ("path=/else", False),
        ("q=%00", True),
    ],
)
def test_the_list_is_searched_by_text_and_path(visitor: FlaskClient, task_id: UUID, query: str, is_found: bool) -> None:
    assert (f"/tasks/{task_id}" in visitor.get(f"/?{query}").text) is is_found


def test_a_template_is_found_by_words_of_any_script(visitor: FlaskClient, engine: Engine, project: Project) -> None:
    task_id = know(engine, project, PATH, "", "お客様名：{{name}}\n「返信」")

    assert f"/tasks/{task_id}" in visitor.get("/", query_string={"q": "様名"}).text
    assert f"/tasks/{task_id}" in visitor.get("/", query_string={"q": "\n「返"}).text
    assert f"/tasks/{task_id}" not in visitor.get("/", query_string={"q": "u304a"}).text


def test_a_long_list_goes_on_where_the_page_ended(
    visitor: FlaskClient, task_id: UUID, engine: Engine, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given five tasks and pages of two
    monkeypatch.setattr("app.pages.lists.PAGE_SIZE", 2)
    with transaction(engine) as connection:
        first = connection.execute(task.select()).one()
        for _ in range(4):
            connection.execute(task.insert().values({**first._mapping, "id": uuid4()}))

    # If I follow the links to the end
    pages, address = [], "/"
    while address and len(pages) < 5:
        page = Markup(visitor.get(address).text)
        hrefs = [link["href"] or "" for link in page.of("a")]
        pages.append({href for href in hrefs if href.startswith("/tasks/")})
        address = next((href for href in hrefs if "after=" in href), "")

    # I expect each task once
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len(set.union(*pages)) == 5


def test_new_calls_are_looked_for_on_the_first_page(
    visitor: FlaskClient, task_id: UUID, client: FlaskClient, engine: Engine, project: Project
) -> None:
    know(engine, project, PATH, "", "Another prompt: {{ticket}}")
    page = visitor.get(f"/?q=ticket&after={task_id}").text
    (link,) = re.findall(r'data-news=[^>]*><a href="([^"]*)"', page)
    assert link == "/?q=ticket"


def test_a_task_shows_template_slots_values_and_calls(visitor: FlaskClient, task_id: UUID) -> None:
    page = Markup(visitor.get(f"/tasks/{task_id}").text)

    for words in ("Sort this ticket for the team returns.", "v1", "gpt-5", "4 calls", "Most frequent values", "42"):
        assert words in page.text
    assert any("/traces/" in (link["href"] or "") for link in page.of("a"))


def test_a_task_says_how_often_mining_agrees_with_what_calls_declare(
    visitor: FlaskClient, task_id: UUID, client: FlaskClient
) -> None:
    _send(client, _ticket(77), metadata={"llm.prompt_template.template": "another {text}"})
    page = visitor.get(f"/tasks/{task_id}").text
    assert "mining agrees with <b>0</b> of 1 call that declares a template" in page


def test_a_slot_has_the_same_colour_in_template_call_and_list(
    visitor: FlaskClient, task_id: UUID, client: FlaskClient
) -> None:
    trace_id = client.get("/api/v1/traces").get_json()["items"][0]["id"]

    template_colours = _slot_colours(visitor.get(f"/tasks/{task_id}").text)

    assert template_colours
    assert _slot_colours(visitor.get(f"/traces/{trace_id}").text) == template_colours
    assert _slot_colours(visitor.get("/").text) == template_colours


def _slot_colours(page: str) -> dict[str, str]:
    """Slot names with their colours; fails for a name drawn in two colours."""
    pairs = set(re.findall(r'<span class="slot (c\d)"><span class="brace">\{\{</span>([^<]+)<', page))
    colours = {name: colour for colour, name in pairs}
    assert len(colours) == len(pairs)
    return colours


def test_an_edited_prompt_shows_the_words_that_changed(
    visitor: FlaskClient, client: FlaskClient, engine: Engine, project: Project
) -> None:
    # Given a prompt and its edit, both called
    task_id = know(
        engine, project, PATH, "", "Answer with one word, in lower case. Never guess.\n\n{{ticket}}\n\nAnswer:"
    )
    edited = know(engine, project, PATH, "", "Answer with one word and a reason. Never guess.\n\n{{ticket}}\n\nAnswer:")
    with transaction(engine) as connection:
        connection.execute(update(template).where(template.c.task_id == edited).values(task_id=task_id))
    _send(client, "Answer with one word, in lower case. Never guess.\n\nMy tent leaks\n\nAnswer:")
    _send(client, "Answer with one word and a reason. Never guess.\n\nMy boots leak\n\nAnswer:")

    # If I look at the task
    page = visitor.get(f"/tasks/{task_id}").text

    # I expect the removed and the added words
    assert "Changes" in page
    assert re.findall(r"<del>(.*?)</del>", page) == [", in lower case"]
    assert re.findall(r"<ins>(.*?)</ins>", page) == [" and a reason"]


def test_a_new_model_is_a_version_whose_template_did_not_change(
    visitor: FlaskClient, task_id: UUID, client: FlaskClient
) -> None:
    _send(client, _ticket(77), model="gpt-6")

    page = Markup(visitor.get(f"/tasks/{task_id}?version=2").text)

    assert "The template is the same" in page.text
    assert "gpt-6" in page.text


def test_one_call_with_another_model_hides_no_value_and_no_cost_of_the_others(
    visitor: FlaskClient, task_id: UUID, client: FlaskClient
) -> None:
    _send(client, _ticket(77), model="gpt-6")

    texts = {
        query: Markup(visitor.get(f"/tasks/{task_id}?{query}").text).text
        for query in ("", "version=2", "version=1&model=gpt-5", "of=version", "model=none-such")
    }

    counts = {query: re.findall(r"in the newest (\d+) calls?", shown) for query, shown in texts.items()}
    assert counts == {
        "": ["5"],
        "version=2": ["5"],
        "version=1&model=gpt-5": ["4"],
        "of=version": ["1"],
        "model=none-such": ["5"],
    }
    slot = visitor.get(f"/tasks/{task_id}").text.split("/slots/")[1].split("?")[0]
    page = Markup(visitor.get(f"/tasks/{task_id}/slots/{slot}").text).text
    assert "of v1, v2" in page
    assert "5calls" in page


def test_a_call_shows_its_prompt_to_the_character(visitor: FlaskClient, task_id: UUID, client: FlaskClient) -> None:
    text = _ticket(5) + "\t \u200b\n  <b>&amp;</b> "
    (trace_id,) = _send(client, text, output=[{"role": "assistant", "content": "returns"}])

    page = visitor.get(f"/traces/{trace_id}").text

    prompt = page.split('<div class="prompt" data-copy>')[1].split("</div>")[0]
    assert Markup(prompt).text == text
    assert "returns" in page.split('id="output"')[1]


def test_the_values_of_a_call_stand_in_its_prompt(visitor: FlaskClient, task_id: UUID, client: FlaskClient) -> None:
    trace_id = client.get("/api/v1/traces").get_json()["items"][0]["id"]
    variables = client.get(f"/api/v1/traces/{trace_id}").get_json()["variables"]

    page = visitor.get(f"/traces/{trace_id}").text

    assert variables
    for name, value in variables.items():
        assert re.search(rf'<span class="value c\d" title="{name}">{re.escape(value)}</span>', page)


def test_an_ungrouped_call_says_what_it_waits_for(
    visitor: FlaskClient, client: FlaskClient, engine: Engine, settings: Settings, project: Project
) -> None:
    # Given a call that waits
    (trace_id,) = _send(client, "What is a good name for a shop that sells tents?")
    assert "waits for a run" in visitor.get(f"/traces/{trace_id}").text
    assert trace_id in visitor.get("/ungrouped?state=owed").text

    # If a run reads it and finds nothing
    _group(engine, settings, project)

    # I expect the pages to say so
    assert "No template matches this call" in visitor.get(f"/traces/{trace_id}").text
    assert trace_id in visitor.get("/ungrouped?state=considered").text
    assert trace_id not in visitor.get("/ungrouped?state=owed").text


def test_a_call_without_a_text_prompt_is_listed(visitor: FlaskClient, client: FlaskClient) -> None:
    item = {"path": PATH, "model": "gpt-5", "input": [{"role": "user", "content": [{"type": "input_image"}]}]}
    trace_id = client.post("/api/v1/traces", json=item).get_json()["id"]

    assert trace_id in visitor.get("/ungrouped?state=none").text
    assert "no text prompt" in visitor.get(f"/traces/{trace_id}").text


def test_a_huge_text_is_folded_and_cut_with_a_word_about_it(visitor: FlaskClient, client: FlaskClient) -> None:
    (trace_id,) = _send(client, "word " * 60_000)

    page = visitor.get(f"/traces/{trace_id}").text

    assert "296,000 more characters" in page
    assert "the API has all 300,000" in page
    assert len(page) < 400_000


def test_pages_can_write_nothing(web: Flask, visitor: FlaskClient, task_id: UUID) -> None:
    with (
        web.test_request_context(),
        pytest.raises(DatabaseDownError) as refused,
        access.reading() as connection,
    ):
        connection.execute(task.delete())
    assert "read-only transaction" in str(refused.value.__cause__)


def test_the_pipeline_says_that_no_worker_is_alive(visitor: FlaskClient, client: FlaskClient) -> None:
    _send(client, _ticket(1))

    page = Markup(visitor.get("/pipeline").text)

    assert "No worker is alive" in page.text
    assert "celery -A tasks worker" in page.text


def test_the_pipeline_shows_the_worker_and_the_runs_of_this_project(
    visitor: FlaskClient, task_id: UUID, engine: Engine, web: Flask
) -> None:
    # Given a worker that is alive, a run of ours, and a stranger
    with transaction(engine) as connection:
        heartbeats.beat(connection, "worker@here", "worker")
    stranger = web.test_client()
    _log_in(stranger, new_key(engine, "another"))

    # I expect our page to show the worker and the run, and the stranger's page no path of ours
    page = Markup(visitor.get("/pipeline").text)
    assert "worker@here" in page.text
    assert PATH in page.text
    assert "committed" in page.text
    assert PATH not in stranger.get("/pipeline").text


def test_the_pipeline_names_a_quarantined_path(visitor: FlaskClient, client: FlaskClient, engine: Engine) -> None:
    _send(client, _ticket(1))
    with transaction(engine) as connection:
        connection.execute(update(grouping_key).values(quarantined_at=func.now(), attempts=8))

    page = Markup(visitor.get("/pipeline").text)
    assert "Quarantined paths" in page.text
    assert f"celery -A tasks quarantine clear shop {PATH}" in page.text
    assert "8 failed runs" in Markup(visitor.get("/ungrouped").text).text


def test_a_command_to_paste_is_quoted_for_the_shell(visitor: FlaskClient, client: FlaskClient) -> None:
    _send(client, _ticket(1), path="/a'; rm -rf ~ #")

    assert """promptlode regroup '/a'"'"'; rm -rf ~ #'""" in Markup(visitor.get("/ungrouped").text).text


# --- hostile texts


def test_hostile_texts_are_text_on_every_page(
    visitor: FlaskClient, client: FlaskClient, engine: Engine, settings: Settings, project: Project
) -> None:
    # Given hostile text in every field that a caller, a model or a template can fill
    fields = {
        "model": HOSTILE,
        "external_id": None,
        "conversation_id": HOSTILE,
        "user_id": HOSTILE,
        "instructions": HOSTILE,
        "output": [{"role": HOSTILE, "content": HOSTILE}, {"type": HOSTILE}],
        "error": {"message": HOSTILE},
        "metadata": {HOSTILE: HOSTILE},
        "tools": [{"name": HOSTILE}],
        "temperature": 0.5,
        "response_format": {"type": HOSTILE},
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    _send(client, *(f"{_ticket(n)} {HOSTILE} {n}" for n in range(4)), path="/" + HOSTILE, **fields)
    (odd,) = _send(client, HOSTILE, path="/free/" + HOSTILE)
    _group(engine, settings, project, "/" + HOSTILE)
    task_id = _only_task(engine)
    with transaction(engine) as connection:
        connection.execute(update(task).values(name=HOSTILE, description=HOSTILE))
        stored = connection.execute(template.select()).one()
        connection.execute(update(template).values(slots=[HOSTILE] * len(stored.slots)))
        changes.note_versions(connection)
    trace_id = client.get("/api/v1/traces").get_json()["items"][-1]["id"]

    # If I look at every page that shows some of it
    addresses = [
        "/",
        f"/?q={HOSTILE}&path={HOSTILE}",
        f"/tasks/{task_id}",
        "/ungrouped",
        f"/ungrouped?path=/free/{HOSTILE}",
        "/changes",
        f"/changes?path=/{HOSTILE}&kind={HOSTILE}",
    ]
    for address in [*addresses, f"/traces/{trace_id}", f"/traces/{odd}"]:
        answer = visitor.get(address)
        page = Markup(answer.text)

        # I expect no element, attribute or expression of the hostile text to live
        assert answer.status_code == 200, address
        assert [script["src"].split("?")[0] for script in page.of("script") if script["src"]] == ["/assets/pages.js"]
        assert len(page.of("script")) == 1, address
        assert {image["src"].split("?")[0] for image in page.of("img") if image["src"]} == {"/assets/icon.svg"}
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        assert not page.of("iframe")
        assert "OWNED" not in answer.text, address


def test_a_text_that_turns_the_line_around_cannot_leave_its_place(visitor: FlaskClient, client: FlaskClient) -> None:
    (trace_id,) = _send(client, "invoice\u202egnp.exe", path="/pay\u202eback")

    page = visitor.get(f"/traces/{trace_id}").text

    assert "U+202E" in page, "it is named where the prompt is shown"
    assert page.count("\u202e") == page.count('data-shown="U+202E">\u202e</i>'), "and stands nowhere else"


def test_no_template_trusts_a_text() -> None:
    for file in (Path(pages.__file__).parent / "templates").rglob("*.html"):
        source = file.read_text()
        assert "|safe" not in source.replace(" ", ""), file
        assert "autoescape" not in source, file
        assert "style=" not in source, f"{file}: the content security policy forbids inline style"
        assert not re.search(r"<script(?![^>]*\bsrc=)", source), f"{file}: and inline script"


# --- whose pages


@pytest.mark.parametrize("kind", ["tasks", "traces"])
def test_another_projects_ids_do_not_exist(
    web: Flask, engine: Engine, client: FlaskClient, task_id: UUID, kind: str
) -> None:
    # Given somebody of another project
    stranger = web.test_client()
    _log_in(stranger, new_key(engine, "another"))
    trace_id = client.get("/api/v1/traces").get_json()["items"][0]["id"]
    address = f"/{kind}/{task_id if kind == 'tasks' else trace_id}"

    # If he asks for an id of ours, I expect the answer that an id of nobody gets
    answer, unknown = stranger.get(address), stranger.get(f"/{kind}/{uuid4()}")
    assert answer.status_code == unknown.status_code == 404
    assert answer.text == unknown.text
    assert str(task_id) not in stranger.get("/").text


@pytest.mark.parametrize(
    "address",
    [
        "/tasks/x",
        "/traces/x",
        "/ungrouped?after=x",
        "/?after=x",
        "/?after=0001-01-01T00:00:00%2B23:59_00000000-0000-0000-0000-000000000000",  # before the first year, in UTC
    ],
)
def test_a_broken_address_is_not_found(visitor: FlaskClient, address: str) -> None:
    answer = visitor.get(address)

    assert answer.status_code == 404
    assert answer.mimetype == "text/html"


def test_a_version_that_a_task_does_not_have_is_not_found(visitor: FlaskClient, task_id: UUID) -> None:
    assert visitor.get(f"/tasks/{task_id}?version=99").status_code == 404


@pytest.mark.parametrize("address", ["/", "/tasks/x", "/traces/x", "/ungrouped?state=owed"])
def test_a_browser_without_a_login_is_sent_to_the_login(web: Flask, address: str) -> None:
    answer = web.test_client().get(address)

    assert answer.status_code == 302
    assert answer.location.startswith("/login")


def test_login_leads_back_to_the_page_that_was_asked_for(web: Flask, engine: Engine, project: Project) -> None:
    browser = web.test_client()
    redirect = browser.get("/ungrouped?state=owed")
    target = re.search(r'name="next" value="([^"]+)"', browser.get(redirect.location).text)
    assert target

    answer = _log_in(browser, new_key(engine, project.name), next=target.group(1))

    assert answer.location == "/ungrouped?state=owed"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "x", "/a\nb"])
def test_login_leads_to_no_other_site(web: Flask, engine: Engine, project: Project, target: str) -> None:
    assert _log_in(web.test_client(), new_key(engine, project.name), next=target).location == "/"


@pytest.mark.parametrize("key", ["pl_wrong", "", "x" * 100_000, HOSTILE])
def test_a_wrong_key_is_refused_and_not_repeated(web: Flask, project: Project, key: str) -> None:
    answer = _log_in(web.test_client(), key)

    assert answer.status_code == 403
    assert "unknown or was revoked" in answer.text
    assert not key or key not in answer.text


def test_a_key_that_may_only_ingest_sees_no_pages(web: Flask, engine: Engine, project: Project) -> None:
    assert _log_in(web.test_client(), new_key(engine, project.name, "ingest")).status_code == 403


def test_a_revoked_key_is_out_at_the_next_click(visitor: FlaskClient, engine: Engine) -> None:
    with transaction(engine) as connection:
        for (key_id,) in connection.execute(api_key.select().with_only_columns(api_key.c.id)).all():
            keys.revoke(connection, key_id)

    assert visitor.get("/").status_code == 302


def test_a_browser_that_logged_out_is_out(visitor: FlaskClient) -> None:
    visitor.post("/logout", data={"form_token": _form_token(visitor, "/")})

    assert visitor.get("/").status_code == 302


@pytest.mark.parametrize("token", [{}, {"form_token": ""}, {"form_token": "made up"}, {"form_token": "é"}])
@pytest.mark.parametrize("address", ["/login", "/logout"])
def test_a_form_of_another_site_is_refused(visitor: FlaskClient, address: str, token: dict[str, str]) -> None:
    assert visitor.post(address, data={"key": "pl_x", **token}).status_code == 400
    assert visitor.get("/").status_code == 200, "and nothing happened"


def test_the_session_cookie_is_for_us_alone(web: Flask, engine: Engine, project: Project) -> None:
    key = new_key(engine, project.name)

    cookie = _log_in(web.test_client(), key).headers["Set-Cookie"]

    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert key not in cookie


@pytest.mark.parametrize("address", ["/", "/login", "/tasks/x", "/assets/pages.css", "/ungrouped"])
def test_every_answer_says_what_a_browser_may_do(visitor: FlaskClient, address: str) -> None:
    with visitor.get(address) as answer:
        headers = answer.headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; script-src 'self'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_no_page_is_kept_on_the_way(visitor: FlaskClient) -> None:
    assert visitor.get("/").headers["Cache-Control"] == "private, no-store"


def test_an_asset_is_kept_until_its_address_changes(visitor: FlaskClient) -> None:
    (sheet,) = [link["href"] or "" for link in Markup(visitor.get("/").text).of("link") if link["rel"] == "stylesheet"]

    with visitor.get(sheet) as marked, visitor.get(sheet.replace("v=", "v=old")) as old:
        assert "immutable" in marked.headers["Cache-Control"]
        assert old.headers["Cache-Control"] == "private, no-store"


def test_the_api_keeps_its_own_errors(visitor: FlaskClient) -> None:
    assert visitor.get("/api/v1/tasks").mimetype == "application/problem+json"


def test_without_a_secret_key_the_login_says_what_to_set(settings: Settings, webs: Callable[..., Flask]) -> None:
    answer = webs(settings.model_copy(update={"secret_key": ""})).test_client().get("/login")

    assert answer.status_code == 503
    assert "SECRET_KEY" in answer.text


def test_a_database_that_is_away_is_a_page_that_says_so(
    visitor: FlaskClient, web: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = web.extensions["promptlode.pages"]
    away = create_engine(services.engine.url.set(port=1))
    monkeypatch.setitem(web.extensions, "promptlode.pages", access.PageServices(services.settings, away, away))

    answer = visitor.get("/")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "database does not answer" in answer.text


def test_a_page_that_takes_too_long_says_so(visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(connection: Connection, *_: object, **__: object) -> None:
        connection.execute(text("SET LOCAL statement_timeout = 10"))
        connection.execute(text("SELECT pg_sleep(5)"))

    monkeypatch.setattr("app.reading.worklist.list_tasks", slow)

    answer = visitor.get("/")

    assert answer.status_code == 503
    assert "took too long" in answer.text


def test_a_fault_of_ours_is_a_page_that_tells_nothing_of_our_insides(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr("app.reading.worklist.list_tasks", broken)

    answer = visitor.get("/")

    assert answer.status_code == 500
    assert answer.mimetype == "text/html"
    assert "secret" not in answer.text


# --- local mode


def test_local_mode_opens_the_pages_to_this_machine(local_web: Flask, task_id: UUID) -> None:
    page = local_web.test_client().get("/", base_url="http://127.0.0.1:8000")

    assert page.status_code == 200
    assert f"/tasks/{task_id}" in page.text
    assert "Log out" not in page.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example", "[::2]"])
def test_local_mode_is_closed_to_a_site_that_points_its_name_here(local_web: Flask, task_id: UUID, host: str) -> None:
    assert local_web.test_client().get("/", base_url=f"http://{host}").status_code == 302


def test_local_mode_shows_the_project_that_was_called_last_and_lets_choose(
    local_web: Flask, engine: Engine, web: Flask, task_id: UUID
) -> None:
    # Given a second project that was called later
    _send(client_with(web, new_key(engine, "another")), "hello", path="/other")
    browser = local_web.test_client()
    assert "1 call waits" in Markup(browser.get("/").text).text

    # If I choose the first
    page = browser.get("/").text
    first = re.search(r'<option value="([^"]+)">shop<', page)
    assert first
    browser.post("/project", data={"project": first.group(1), "form_token": _form_token(browser, "/")})

    # I expect its tasks
    assert f"/tasks/{task_id}" in browser.get("/").text


def test_local_mode_follows_a_link_into_a_project_that_was_not_called_last(
    local_web: Flask, engine: Engine, web: Flask, task_id: UUID
) -> None:
    # Given a second project that was called later
    _send(client_with(web, new_key(engine, "another")), "hello", path="/other")
    browser = local_web.test_client()

    # If I follow a link to a task of the first
    assert browser.get(f"/tasks/{task_id}").status_code == 200

    # I expect to stay in its project
    assert f"/tasks/{task_id}" in browser.get("/").text


def test_local_mode_without_a_project_says_how_to_make_one(local_web: Flask) -> None:
    assert "promptlode keys create" in local_web.test_client().get("/").text
