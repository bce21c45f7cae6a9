"""The pages of slots, of the calls with a value, and of versions that became values, with hostile names and values."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, update

from app.config import Settings
from app.reading import slot_values
from app.reading.languages import language_of
from app.reading.ranges import Range
from app.reading.slot_values import SlotPlace
from app.reading.template_calls import TemplateCalls
from app.store import rollup
from app.store.engine import transaction
from app.store.projects import Project
from app.store.tables import implementation, task, template, trace
from tests.app.api_helpers import know
from tests.app.grouping_world import World, triage, triage_edited

HOSTILE = "</td><script>alert('x')</script>\"><img src=x onerror=alert(1)>{{'owned'.upper()}}\u202egnp.exe\x1b[31m\x07"
LONG = "A sentence of 200 kB. " * 9_500
FORMULA = '=HYPERLINK("http://evil")'
YEARS_OFF = datetime(1971, 1, 1, tzinfo=UTC)

Post = Callable[..., Any]


@pytest.fixture
def local(settings: Settings, webs: Callable[..., Flask]) -> Flask:
    return webs(settings.model_copy(update={"local_mode": True, "secret_key": ""}))


@pytest.fixture
def page(local: Flask, project: Project) -> Callable[..., str]:
    """The text of a page that answers 200 and holds no markup of a caller's."""
    browser = local.test_client()

    def look(path: str, **query: str) -> str:
        answer = browser.get(path, query_string=query)
        assert answer.status_code == 200, f"{path} answered {answer.status_code}"
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        return answer.text

    return look


@pytest.fixture
def mails(engine: Engine, project: Project, client: FlaskClient) -> str:
    """A task whose calls hold one troublesome value each. Returns the task's id."""
    task_id = know(engine, project, "/mail", "", "Mail: {{mail}}")
    times = [{}, {}, {}, {"started_at": YEARS_OFF.isoformat(), "completed_at": datetime.now(UTC).isoformat()}, {}]
    usage = {"input_tokens": 10**18}
    for value, more in zip((HOSTILE, LONG, FORMULA, "plain", ""), times, strict=True):
        body = {"model": HOSTILE[:60], "path": "/mail", "input": f"Mail: {value}"} | more
        assert client.post("/api/v1/traces", json=body).status_code == 201
    assert client.post("/api/v1/traces", json=body).status_code == 201
    assert client.post("/api/v1/traces", json=body | {"usage": usage}).status_code == 422
    assert client.post("/api/v1/traces", json=body | {"usage": {"output_tokens": -5}}).status_code == 422
    with transaction(engine) as connection:
        rollup.add_up(connection)
    return str(task_id)


def test_a_slot_shows_hostile_values_as_text(page: Callable[..., str], mails: str) -> None:
    shown = page(f"/tasks/{mails}/slots/mail", since="1970-01-01")
    assert "&lt;script&gt;" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert len(shown) < 100_000


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-03-09", "until": "2026-03-01"},
        {"since": "tomorrow"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31"},
        {"range": HOSTILE},
        {"q": HOSTILE},
        {"q": "\x00"},
    ],
)
def test_a_range_or_a_search_that_makes_no_sense_breaks_no_slot_page(
    page: Callable[..., str], mails: str, query: dict[str, str]
) -> None:
    shown = page(f"/tasks/{mails}/slots/mail", **query)
    assert ("These are the last seven days" in shown) == ("q" not in query)


@pytest.mark.parametrize("value", [HOSTILE, LONG[:5000], FORMULA, "", "\u202e", "%", "\\", "'"])
def test_calls_are_found_by_a_hostile_value(page: Callable[..., str], mails: str, value: str) -> None:
    shown = page(f"/tasks/{mails}/calls", **{"slot.mail": value})
    assert shown.count("<tr>") == {HOSTILE: 2, FORMULA: 2, "": 3}.get(value, 0)


def test_calls_are_asked_for_by_slots_that_nobody_has(page: Callable[..., str], mails: str) -> None:
    assert "No such call" in page(f"/tasks/{mails}/calls", **{"slot.<script>alert(1)</script>": "x"})


def test_downloads_hold_every_value_whole_and_no_formula(local: Flask, page: Callable[..., str], mails: str) -> None:
    browser = local.test_client()
    lines = browser.get(f"/tasks/{mails}/slots/mail/values.jsonl?since=1970-01-01").data.splitlines()
    values = {json.loads(line)["value"] for line in lines}
    assert {HOSTILE, LONG.strip(), FORMULA, "plain", ""} == {value.strip() for value in values}
    table = browser.get(f"/tasks/{mails}/slots/mail/values.csv?since=1970-01-01").text
    csv.field_size_limit(1_000_000)
    cells = [row[0] for row in csv.reader(io.StringIO(table))]
    assert f"'{FORMULA}" in cells
    assert FORMULA not in cells


def test_clocks_and_counts_beyond_belief_make_no_page_lie(page: Callable[..., str], mails: str) -> None:
    for path in ("/", f"/tasks/{mails}"):
        shown = page(path, range="24h")
        assert "1,000,000,000" not in shown
        assert "nan" not in re.sub(r"[a-z]+nan|nan[a-z]+", "", shown.lower())


# --- versions that became values


@pytest.fixture
def became(engine: Engine, project: Project, client: FlaskClient) -> str:
    """A task with two versions that turned out to be values of one place, as a run leaves the task.

    Returns the task's id.
    """
    old = know(engine, project, "/say", "", "Say it in French: {{text}}")
    client.post("/api/v1/traces", json={"model": "m", "path": "/say", "input": "Say it in French: Hi"})
    wide = know(engine, project, "/say", "", "Say it in {{language}}: {{text}}")
    with transaction(engine) as connection:
        templates = {row[0]: row[1] for row in connection.execute(select(template.c.task_id, template.c.id))}
        moment = func.clock_timestamp()
        connection.execute(
            update(template)
            .where(template.c.id == templates[old])
            .values(retired_at=moment, replaced_by=templates[wide])
        )
    client.post("/api/v1/traces", json={"model": "m", "path": "/say", "input": "Say it in Dutch: Hi"})
    with transaction(engine) as connection:
        connection.execute(update(template).values(task_id=old))
        connection.execute(
            update(implementation).where(implementation.c.template_id == templates[wide]).values(task_id=old, version=3)
        )
        first = connection.execute(select(implementation).where(implementation.c.version == 1)).mappings().one()
        second = dict(first) | {"id": wide, "version": 2, "settings_digest": "another"}
        connection.execute(implementation.insert().values(second))
        emptied = implementation.c.version < 3
        connection.execute(update(implementation).where(emptied).values(emptied_at=func.clock_timestamp()))
        connection.execute(task.delete().where(task.c.id == wide))
    return str(old)


def test_a_link_to_a_version_that_became_a_value_leads_on_and_says_why(
    local: Flask, engine: Engine, became: str
) -> None:
    with transaction(engine) as connection:
        connection.exec_driver_sql(
            "UPDATE trace SET implementation_id = (SELECT id FROM implementation WHERE version = 3)"
        )
    answer = local.test_client().get(f"/tasks/{became}?version=2&range=30d")
    assert answer.headers["Location"] == f"/tasks/{became}?version=3&was=2&range=30d"
    hostile = "task_id=x&endpoint=y&_external=1&_scheme=z"
    answered = local.test_client().get(f"/tasks/{became}?version=2&{hostile}")
    assert answered.headers["Location"] == f"/tasks/{became}?version=3&was=2&{hostile}"
    shown = local.test_client().get(answer.headers["Location"]).text
    words = re.sub(r"<[^>]+>", "", shown)
    assert "v2 has no calls of its own any more. 2 texts at one place (v1, v2): a variable" in words
    assert "so they became values of {{language}}" in words


def test_a_version_that_never_was_is_not_found(local: Flask, became: str) -> None:
    for number in ("4", "0", "99999999999", "one", "-1"):
        assert local.test_client().get(f"/tasks/{became}?version={number}").status_code == 404


# --- languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my parcel? I ordered it in the first week of March and it has not come.", "English"),
        ("Wo ist mein Paket? Ich habe es in der ersten Woche bestellt und es ist noch nicht da.", "German"),
        ("Où est mon colis ? Je l'ai commandé dans la première semaine et il n'est pas là.", "French"),
        ("¿Dónde está mi paquete? Lo pedí la primera semana y no ha llegado, pero me dicen que sí.", "Spanish"),
        ("荷物はどこですか。三月の最初の週に注文しましたが、まだ届いていません。", "Japanese"),
        ("我的包裹在哪里？我三月第一周订购的，还没有收到，请尽快告诉我原因。", "Chinese"),
        ("Где моя посылка? Я заказал её в первую неделю марта.", "Cyrillic letters"),
        ("ORDER-3321-XK ORDER-3322-XL ORDER-9933-ZZ", None),
        ("plan free trade", None),
        ("", None),
    ],
)
def test_the_language_of_values_is_said_where_it_is_sure(text: str, language: str | None) -> None:
    assert language_of([text]) == language


def test_the_page_of_a_slot_says_the_language_of_its_values(
    page: Callable[..., str], engine: Engine, project: Project, client: FlaskClient
) -> None:
    task_id = know(engine, project, "/frage", "", "Frage: {{frage}}")
    began = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    body = {"model": "m", "path": "/frage", "started_at": began}
    client.post("/api/v1/traces", json=body | {"input": "Frage: Wo ist mein Paket, und wann wird es bei mir sein?"})
    assert ">German</span>" in page(f"/tasks/{task_id}/slots/frage")


def test_other_texts_of_a_slot_are_the_texts_that_are_not_shown(page: Callable[..., str], world: World) -> None:
    group = world.group()
    for make, numbers in ((triage, range(12)), (triage_edited, range(20, 40))):
        group.send(map(make, numbers))
        group.run()
    [task_row] = group.tasks
    shown = page(f"/tasks/{task_row.id}/slots/ticket", version="1")
    other_texts = shown.split("other texts:")[1].split("</span>")[0]
    assert re.findall(r">(v\d+)</a>", other_texts) == ["v2"]


BECAME_CONSTANT = "It may have become fixed text."


@pytest.mark.parametrize(("is_of_day", "notes"), [(True, 0), (False, 1)], ids=["a date", "a value of each call"])
def test_a_date_is_not_said_to_have_become_fixed_text(
    page: Callable[..., str], engine: Engine, project: Project, client: FlaskClient, is_of_day: bool, notes: int
) -> None:
    # Given 30 calls on each of three days, and on a fourth whose calls have one value
    task_id = know(engine, project, "/report", "", "Report: {{report}}")
    last = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for days in range(4):
        for number in range(30):
            moment = last - timedelta(days=days) + timedelta(minutes=number)
            value = f"{moment:%Y-%m-%d}" if is_of_day or days == 0 else f"number {days * 30 + number}"
            call = {"model": "m", "path": "/report", "input": f"Report: {value}", "started_at": moment.isoformat()}
            assert client.post("/api/v1/traces", json=call).json["task_id"]

    # Then the page of that day says whether the slot became fixed text
    day = f"{last:%Y-%m-%d}"
    assert page(f"/tasks/{task_id}/slots/report", since=day, until=day).count(BECAME_CONSTANT) == notes


def test_the_page_of_a_task_shows_200_slots_and_says_how_to_see_the_others(
    page: Callable[..., str], engine: Engine, project: Project, client: FlaskClient
) -> None:
    # Given a task with 203 slots, of which the last three have the shortest values
    task_id = know(engine, project, "/form", "", "".join(f"field {n}: {{{{s{n}}}}}\n" for n in range(203)))
    prompt = "".join(f"field {n}: {'value' if n < 200 else 'v'}\n" for n in range(203))
    assert client.post("/api/v1/traces", json={"model": "m", "path": "/form", "input": prompt}).json["task_id"]

    # Then the bill and the calls show the first 200, and say where all of them are
    shown = page(f"/tasks/{task_id}")
    assert shown.count('title="Look into this slot"') == 200
    assert shown.count('data-slot="') == 200
    assert "/slots/s199?" in shown
    assert "/slots/s200?" not in shown
    assert re.search(
        r"Shown are the 200 slots with the most characters; <code>GET [^<]*/cost</code> has all 203", shown
    )
    assert "Shown are the values of the first 200 slots of the template; the page of a call" in shown
    assert "Shown are the first 200 slots of the template; <code>PATCH" in shown


def test_a_template_of_many_slots_has_fewer_calls_on_a_page(
    page: Callable[..., str], engine: Engine, project: Project, client: FlaskClient
) -> None:
    # Given a template of 300 slots, and one of 3, with eight calls each
    counts = {}
    for slots in (300, 3):
        path = f"/form/{'many' if slots == 300 else 'few'}"
        task_id = know(engine, project, path, "", "".join(f"field {n}: {{{{s{n}}}}}\n" for n in range(slots)))
        for _ in range(8):
            prompt = "".join(f"field {n}: value\n" for n in range(slots))
            assert client.post("/api/v1/traces", json={"model": "m", "path": path, "input": prompt}).json["task_id"]
        counts[slots] = page(f"/tasks/{task_id}").count('data-label="Took"')

    # Then a page has 5 and 8 of them
    assert counts == {300: 5, 3: 8}


def test_calls_of_one_moment_are_neighbours_in_the_order_in_which_they_were_stored(
    engine: Engine, project: Project, client: FlaskClient
) -> None:
    # Given calls of one moment with two values in turn, and a database that keeps those with one value behind the others
    task_id = know(engine, project, "/turns", "", "Turn: {{turn}}")
    moment = datetime.now(UTC) - timedelta(hours=1)
    call = {"model": "m", "path": "/turns", "started_at": moment.isoformat()}
    calls = [call | {"input": f"Turn: {('heads', 'tails')[number % 2]}"} for number in range(40)]
    assert client.post("/api/v1/traces", json={"traces": calls}).status_code == 207
    with transaction(engine) as connection:
        of_tails = update(trace).where(trace.c.variables == ["tails"])
        for seen_at in (moment - timedelta(hours=1), moment):
            connection.execute(of_tails.values(seen_at=seen_at))

        # Then no call has the value of the one before
        template_id = connection.scalars(select(template.c.id).where(template.c.task_id == task_id)).one()
        place = SlotPlace(TemplateCalls(project.id, template_id), 0)
        summary = slot_values.summary(connection, place, Range())
    assert (summary.calls, summary.distinct, summary.alike) == (40, 2, 0)
