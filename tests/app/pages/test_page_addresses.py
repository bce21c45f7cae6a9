"""What a page says of its address: one rule for every parameter of every page, and no link of ours that breaks it."""

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.store import changes
from app.store.engine import transaction
from app.store.tables import implementation, template, trace
from tests.app.grouping_world import World, triage, triage_edited

RANGE = "since=2026-01-01&until=2026-01-02"
"""The clock of the world begins on the first of January."""

_FIRST_VERSION = (
    select(implementation.c.id, implementation.c.task_id, template.c.slots)
    .join_from(implementation, template, template.c.id == implementation.c.template_id)
    .order_by(implementation.c.version)
)

Address = Callable[[str], str]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"local_mode": True})


@pytest.fixture
def grown(world: World) -> World:
    """A task of two versions, one of them with two models, and calls that no template matches."""
    group = world.group(path="/mail")
    group.send(map(triage, range(12)))
    group.run()
    group.send(map(triage, range(12, 16)), model="gpt-5")
    group.send(map(triage_edited, range(20, 40)))
    group.send(["Hello there, how is your day?"])
    group.run()
    world.group(path="/chat").send(["What is the weather like?"])
    with transaction(world.engine) as connection:
        changes.note_versions(connection)
    return world


@pytest.fixture
def address(grown: World) -> Address:
    """An address of which TASK, VERSION and CALL are of the grown project."""
    with transaction(grown.engine) as connection:
        version = connection.execute(_FIRST_VERSION).first()
        call = connection.execute(select(trace).where(trace.c.implementation_id.isnot(None))).first()
    assert version is not None
    assert call is not None
    ids = {"TASK": version.task_id, "VERSION": version.id, "CALL": call.id, "SLOT": version.slots[0]}
    return lambda text: re.sub(r"[A-Z]{4,}", lambda name: str(ids[name.group()]), text)


PAGES = (
    "/",
    "/tasks/TASK",
    "/tasks/TASK/slots/SLOT",
    "/tasks/TASK/calls",
    "/traces/CALL",
    "/changes",
    "/ungrouped",
    "/decisions",
    "/pipeline",
    "/changes/webhooks",
    "/implementations/VERSION/split",
    "/regroup?path=/mail",
)


def _notes(page: str) -> list[str]:
    return [unescape(sentence) for sentence in re.findall(r'<p class="note bad" role="alert">(.*?)</p>', page)]


def _with(page: str, query: str) -> str:
    return f"{page}{'&' if '?' in page else '?'}{query}"


def test_each_page_names_the_parameters_that_it_does_not_read(web: Flask, address: Address) -> None:
    for page in PAGES:
        answer = web.test_client().get(address(_with(page, "rnage=24h&zz=&")))
        assert answer.status_code == 200, page
        assert _notes(answer.text) == ["rnage is ignored: this page has no such parameter."], page


TOLD = (
    ("/?sort=cost&sort=name", "sort has several values: the first one counts, the others are ignored."),
    ("/?q=" + "x" * 600, "q is read as its first 512 characters, without NUL."),
    ("/?q=a%00b", "q is read as its first 512 characters, without NUL."),
    ("/?q=%ff", "q is misread: percent-encode the bytes of UTF-8."),
    ("/?range=24h&since=2026-01-01", "range is ignored beside since and until."),
    ("/?since=yesterday", "A date is written like 2026-03-01. These are the last seven days."),
    ("/changes?projects=some", "projects=some is ignored: projects is one of all."),
    ("/tasks/TASK?settings=zz", "settings=zz is ignored: settings is one of all."),
    ("/tasks/TASK?metric=zz", "metric=zz is ignored: metric is one of calls, cost."),
    ("/tasks/TASK?of=zz", "of=zz is ignored: of is one of version."),
    ("/tasks/TASK?version=1&model=zz", "model=zz is ignored: model is one of gpt-5-mini, gpt-5."),
    (
        "/tasks/TASK?version=1&of=version&model=gpt-5",
        "model=gpt-5 is ignored: of=version is one version, of one model.",
    ),
    ("/tasks/TASK?against=zz", "against=zz is ignored: the task has no such version."),
    ("/?since=\u0662026-01-01", "A date is written like 2026-03-01. These are the last seven days."),
    ("/?since=\u0663d", "A date is written like 2026-03-01. These are the last seven days."),
    ("/tasks/TASK?was=\u0663", "was=\u0663 is ignored: was is the number of a version."),
    ("/tasks/TASK?was=zz", "was=zz is ignored: was is the number of a version."),
    ("/tasks/TASK/slots/SLOT?of=zz", "of=zz is ignored: of is one of version."),
    (
        "/tasks/TASK/slots/SLOT?version=1&model=" + "z" * 600,
        f"model={'z' * 60} is ignored: model is one of gpt-5-mini, gpt-5.",
    ),
    ("/tasks/TASK/calls?slot.zz=1", "The task has no slot zz. Its slots: SLOT."),
    ("/login?next=/&zz=1", "zz is ignored: this page has no such parameter."),
)


def test_a_value_without_effect_is_told(web: Flask, address: Address) -> None:
    for page, sentence in TOLD:
        answer = web.test_client().get(address(page))
        assert answer.status_code == 200, page
        assert address(sentence) in _notes(answer.text), page


def test_an_answer_that_cannot_say_so_is_refused(web: Flask, address: Address) -> None:
    for page in (
        "/tasks/TASK/slots/SLOT/values.csv?of=zz",
        "/tasks/TASK/slots/SLOT/values.jsonl?rnage=24h",
        "/changes.atom?kind=zz",
        "/changes.atom?kind=task.new&kind=version.new",
        "/news?after=CALL&taks=TASK",
    ):
        answer = web.test_client().get(address(page))
        assert answer.status_code == 422, page
        assert "ignored" in answer.text


def test_a_feed_ignores_what_feed_readers_add_to_its_address(web: Flask, grown: World) -> None:
    feed = web.test_client()
    entries = [feed.get(f"/changes.atom?kind=task.new{added}").text.count("<entry>") for added in ("", "&_=1764500000")]
    assert entries == [1, 1]


def test_an_id_that_does_not_exist_is_404(web: Flask, address: Address) -> None:
    for page in (
        "/?after=zz",
        "/tasks/TASK?version=zz",
        "/tasks/TASK?after=zz",
        "/tasks/TASK/slots/SLOT?version=99",
        "/tasks/TASK/calls?after=zz",
        "/tasks/TASK/merge?into=zz",
        "/changes?after=zz",
        "/ungrouped?after=zz",
        "/decisions?task=zz",
        "/decisions?after=zz",
        "/regroup?path=/none",
        "/news?after=zz",
    ):
        assert web.test_client().get(address(page)).status_code == 404, page


def test_hundreds_of_unknown_parameters_are_told_in_a_few_sentences(web: Flask, grown: World) -> None:
    notes = _notes(web.test_client().get("/?" + urlencode({f"a{number}": 1 for number in range(300)})).text)
    assert len(notes) == 6
    assert notes[-1] == "So are 295 more."


def test_no_link_and_no_form_repeats_a_parameter_that_the_page_does_not_read(web: Flask, address: Address) -> None:
    for page in PAGES:
        answer = web.test_client().get(address(_with(page, "rnage=24h&" + RANGE)))
        assert answer.text.count("rnage") == 1, page


def test_the_calls_without_a_prompt_are_those_of_the_path(web: Flask, grown: World) -> None:
    grown.group(path="/voice").send([None])
    local = web.test_client()
    assert local.get("/ungrouped?state=none&path=/voice").text.count("<tr>") > 0
    assert "Every call has a text prompt" in local.get("/ungrouped?state=none&path=/mail").text


def test_the_address_without_an_id_keeps_its_parameters(web: Flask, grown: World) -> None:
    assert web.test_client().get("/tasks?sort=cost&q=a").headers["Location"] == "/?sort=cost&q=a"


class _Addresses(HTMLParser):
    """The addresses that a page leads to: of its links, and of its forms as a browser sends them at once."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self._fields: list[tuple[str, str]] | None = None
        self._action = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "a" and values.get("href", "").startswith(("/", "?")):
            self.addresses.append(values["href"])
        elif tag == "form" and values.get("method", "get") == "get":
            self._fields, self._action = [], values.get("action", "")
        elif tag in {"input", "select", "button"} and self._fields is not None and "name" in values:
            self._fields.append((values["name"], values.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._fields is not None:
            self.addresses.append(f"{self._action}?{urlencode(self._fields)}")
            self._fields = None


def test_no_link_and_no_form_of_a_page_has_a_parameter_without_effect(web: Flask, address: Address) -> None:
    local, opened = web.test_client(), set()
    waiting = [*map(address, PAGES), f"/?{RANGE}", address(f"/tasks/TASK?{RANGE}"), f"/changes?{RANGE}"]
    while waiting:
        page = waiting.pop()
        parts = urlsplit(page)
        shape = (re.sub(r"[0-9a-f-]{36}", "ID", parts.path), frozenset(parse_qs(parts.query)))
        if shape in opened or parts.path.startswith(("/api", "/docs", "/static")):
            continue
        opened.add(shape)
        answer = local.get(page)
        assert answer.status_code in {200, 302}, page
        assert _notes(answer.text) == [], page
        if answer.mimetype == "text/html":
            waiting += [urljoin(parts.path, link) for link in _Addresses(answer.text).addresses]
    assert len(opened) > 60
