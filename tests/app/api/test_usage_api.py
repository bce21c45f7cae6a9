"""The API's answers about usage, costs, values, differences and reasons."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.api.usage_shapes import rounded_dollars
from app.store import rollup
from app.store.engine import transaction
from app.store.projects import Project
from tests.app.api_helpers import assert_problem, know, versions

NOW = datetime.now(UTC)
AGO = NOW - timedelta(hours=2)
USAGE = {"input_tokens": 1_000_000, "output_tokens": 100_000, "cached_tokens": 400_000}
PRICE = {"model": "house", "input": 2.0, "output": 10.0, "cached": 0.5}
COST = 0.6 * 2 + 0.4 * 0.5 + 0.1 * 10
"""Dollars of a call with USAGE at PRICE."""

EMPTY_MAIL = [{"role": "system", "content": "Classify the mail."}, {"role": "user", "content": ""}]

Send = Callable[..., Any]


@pytest.fixture
def send(engine: Engine, project: Project, client: FlaskClient, admin: FlaskClient) -> Send:
    """Sends a call of a known template, made two hours ago. Returns the call's row."""
    know(engine, project, "/mail", "Sort the mail of {{shop}}.", "Mail: {{mail}}")
    know(engine, project, "/say", "", "Say {{word}} twice.")
    admin.put("/api/v1/prices", json=PRICE)

    def send(**fields: Any) -> Any:
        times = {"started_at": AGO.isoformat(), "completed_at": (AGO + timedelta(seconds=2)).isoformat()}
        body = {"model": "house", "path": "/mail", "instructions": "Sort the mail of Fernhill.", "input": "Mail: Hi"}
        row = client.post("/api/v1/traces", json=body | times | {"usage": USAGE} | fields).json
        with transaction(engine) as connection:
            rollup.add_up(connection)
        return row

    return send


def listed(client: FlaskClient, query: str = "") -> list[Any]:
    answer = client.get(f"/api/v1/tasks?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json["items"]


def test_a_date_at_the_end_of_the_calendar_is_refused_by_its_name(client: FlaskClient) -> None:
    answer = client.get("/api/v1/tasks?since=9999-12-31")
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["loc"] == ["query", "since"]


def test_a_task_says_what_its_calls_cost_in_the_last_day(client: FlaskClient, send: Send) -> None:
    send()
    send(error="overloaded")
    send(started_at=(NOW - timedelta(days=3)).isoformat(), completed_at=None)
    task = next(task for task in listed(client) if task["path"] == "/mail")
    assert task["cost"] == pytest.approx(2 * COST)
    assert task["cost_estimated"] is False
    assert task["tokens"]["input"] == 2_000_000
    assert (task["errors"], task["calls_in_range"], task["calls"]) == (1, 2, 3)
    assert task["latency"] == {"p50": 2.0, "p95": 2.0}


def test_a_range_says_which_calls_count(client: FlaskClient, send: Send) -> None:
    send()
    since = (NOW - timedelta(days=2)).isoformat().replace("+00:00", "Z")
    assert listed(client, f"path=/mail&since={since}")[0]["calls_in_range"] == 1
    assert listed(client, "path=/mail&since=1w")[0]["calls_in_range"] == 1
    assert listed(client, f"path=/mail&until={since}")[0]["calls_in_range"] == 0


@pytest.mark.parametrize(
    ("sort", "first"), [("cost", "/mail"), ("calls", "/say"), ("errors", "/mail"), ("p95", "/say"), ("name", "/say")]
)
def test_tasks_are_sorted(engine: Engine, client: FlaskClient, send: Send, sort: str, first: str) -> None:
    send(error="late")
    slow = {"path": "/say", "instructions": None, "input": "Say yes twice.", "usage": {"input_tokens": 1}}
    send(**slow, completed_at=(AGO + timedelta(seconds=60)).isoformat())
    send(**slow)
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE task SET name = 'Another' FROM grouping_key k WHERE k.id = group_id AND path = '/say'")
        )
    order = [task["path"] for task in listed(client, f"sort={sort}")]
    assert order[0] == first
    directions = [[task["path"] for task in listed(client, f"sort={sort}&order={order}")] for order in ("asc", "desc")]
    assert directions[0] == directions[1][::-1]


def test_pages_of_a_sorted_list_have_every_task_once(client: FlaskClient, send: Send) -> None:
    first = client.get("/api/v1/tasks?sort=cost&limit=1").json
    second = client.get(f"/api/v1/tasks?sort=cost&limit=1&cursor={first['next_cursor']}").json
    assert {first["items"][0]["path"], second["items"][0]["path"]} == {"/mail", "/say"}
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("q=twice say", {"/say"}),
        ("q=FERNHILL mail", {"/mail"}),
        ("q=house", {"/mail"}),
        ("q=shop", {"/mail"}),
        ("q=nowhere say", set()),
        ("q=%25", set()),
        ("model=house", {"/mail"}),
        ("model=another", set()),
        ("user_id=ada", {"/mail"}),
        ("user_id=bob", set()),
        ("user_id=ada&since=2020-01-01", {"/mail"}),
        ("conversation_id=c1", {"/mail"}),
        ("user_id=ada&until=2020-01-01", set()),
        ("label=plan=pro", {"/mail"}),
        ("label=seats=7&since=2020-01-01", {"/mail"}),
        ("label=plan=free", set()),
        ("label=plan=pro&until=2020-01-01", set()),
        ("label=plan=pro&user_id=bob", set()),
    ],
)
def test_tasks_are_found_by_words_models_and_callers(
    client: FlaskClient, send: Send, query: str, paths: set[str]
) -> None:
    send(user_id="ada", conversation_id="c1", metadata={"plan": "pro", "seats": 7})
    assert {task["path"] for task in listed(client, query)} == paths


def test_a_text_that_is_no_label_is_refused_and_calls_without_a_label_are_not_counted(
    client: FlaskClient, send: Send
) -> None:
    send()
    send(metadata={"plan": "pro"})
    assert [task["calls_in_range"] for task in listed(client, "label=plan=pro")] == [1]
    problem = assert_problem(client.get("/api/v1/tasks?label=plan"), 422)
    assert problem["errors"][0]["loc"] == ["query", "label"]


def test_usage_comes_by_hour_and_day_and_version(client: FlaskClient, send: Send) -> None:
    task_id = send()["task_id"]
    send()
    send(model="gpt-4o", usage={"input_tokens": 1000, "output_tokens": 0})
    for by in ("hour", "day"):
        answer = client.get(f"/api/v1/tasks/{task_id}/usage?by={by}").json
        assert [(item["version"], item["calls"]) for item in answer["items"]] == [(1, 2), (2, 1)]
        assert answer["items"][0]["cost"] == pytest.approx(2 * COST)
        assert answer["items"][1]["cost"] == pytest.approx(0.0025)
        assert answer["total"]["calls"] == 3
    hours = client.get(f"/api/v1/tasks/{task_id}/usage?by=hour&version=2").json["items"]
    assert [(item["version"], item["start"]) for item in hours] == [(2, AGO.strftime("%Y-%m-%dT%H:00:00Z"))]
    assert_problem(client.get(f"/api/v1/tasks/{task_id}/usage?version=9"), 404)


def test_a_model_without_a_price_costs_nothing_and_says_so(client: FlaskClient, send: Send) -> None:
    send(model="own-model")
    task = listed(client, "path=/mail")[0]
    assert (task["cost"], task["cost_estimated"]) == (0.0, True)


def test_a_call_without_usage_makes_the_cost_an_estimate(client: FlaskClient, send: Send) -> None:
    send(usage=None)
    task = listed(client, "path=/mail")[0]
    assert task["cost"] > 0
    assert task["cost_estimated"] is True


def test_calls_of_a_model_that_is_free_cost_nothing_for_sure(
    client: FlaskClient, admin: FlaskClient, send: Send
) -> None:
    admin.put("/api/v1/prices", json={"model": "own-model", "input": 0.0, "output": 0.0})
    send(model="own-model", usage=None)
    task = listed(client, "path=/mail")[0]
    assert (task["cost"], task["cost_estimated"]) == (0.0, False)


def test_the_price_of_every_model_holds_where_no_other_does(
    client: FlaskClient, admin: FlaskClient, send: Send
) -> None:
    send(model="own-model", usage={"input_tokens": 1_000_000})
    admin.put("/api/v1/prices", json={"model": "*", "input": 7, "output": 0.0} | {"input": 7.0})
    assert listed(client, "path=/mail")[0]["cost"] == pytest.approx(7)
    prices = {price["model"]: price for price in client.get("/api/v1/prices").json["items"]}
    assert (prices["house"]["source"], prices["*"]["input"], prices["own-model"]["input"]) == ("set", 7, 7)


def test_prices_come_in_pages_as_every_list(client: FlaskClient, admin: FlaskClient) -> None:
    for model in ("a", "b", "c"):
        admin.put("/api/v1/prices", json=PRICE | {"model": model})
    first = client.get("/api/v1/prices?limit=2").json
    further = client.get(f"/api/v1/prices?limit=2&cursor={first['next_cursor']}").json
    assert [price["model"] for price in first["items"]] == ["a", "b"]
    assert ([price["model"] for price in further["items"]], further["next_cursor"]) == (["c"], None)


def test_a_price_that_is_taken_back_is_the_published_one(admin: FlaskClient) -> None:
    admin.put("/api/v1/prices", json=PRICE | {"model": "gpt-4o"})
    assert admin.delete("/api/v1/prices?model=gpt-4o").json == {
        "model": "gpt-4o",
        "input": 2.5,
        "output": 10.0,
        "cached": 1.25,
        "source": "published",
    }
    assert_problem(admin.delete("/api/v1/prices?model=gpt-4o"), 404)


@pytest.mark.parametrize(
    "wrong", [{"input": -1.0}, {"output": None}, {"cached": -0.5}, {"input": 1e300}, {"input": "2"}, {"model": ""}]
)
def test_a_price_that_makes_no_sense_is_refused(admin: FlaskClient, wrong: dict[str, Any]) -> None:
    answer = assert_problem(admin.put("/api/v1/prices", json=PRICE | wrong), 422)
    assert answer["errors"][0]["loc"] == list(wrong)


def test_only_an_admin_sets_prices(client: FlaskClient) -> None:
    assert_problem(client.put("/api/v1/prices", json=PRICE), 403)


def test_the_bill_of_a_prompt_is_all_of_its_input(client: FlaskClient, send: Send) -> None:
    version = send(input="Mail: " + "x" * 94)["implementation_id"]
    cost = client.get(f"/api/v1/implementations/{version}/cost").json
    items = [cost["fixed"], cost["around"], *cost["slots"]]
    assert sum(item["share"] for item in items) == pytest.approx(1)
    assert sum(item["cost"] for item in items) + cost["output_cost"] == pytest.approx(cost["cost"])
    assert cost["cost"] == pytest.approx(COST)
    assert [slot["name"] for slot in cost["slots"]] == ["mail", "shop"]
    assert cost["slots"][0]["share"] == pytest.approx(94 / 126)
    assert cost["cache"]["cached_seen"] == 400_000


@pytest.mark.parametrize(
    "content", ["Mail: Hi", [{"type": "text", "text": "Mail: Hi", "cache_control": {"type": "ephemeral"}}], "Mail: "]
)
def test_the_messages_of_a_prompt_are_not_around_it(client: FlaskClient, send: Send, content: Any) -> None:
    messages = [{"role": "system", "content": "Sort the mail of Fernhill."}, {"role": "user", "content": content}]
    later_turns = [{"role": "assistant", "content": "x" * 10_000}, {"role": "user", "content": "Thanks"}]
    nothing_beside = send(instructions=None, input=None, messages=messages)
    cost = client.get(f"/api/v1/implementations/{nothing_beside['implementation_id']}/cost").json
    assert cost["around"]["share"] == 0
    with_turns = send(instructions=None, input=None, messages=[*messages, *later_turns])
    cost = client.get(f"/api/v1/implementations/{with_turns['implementation_id']}/cost").json
    assert 0.98 < cost["around"]["share"] < 1


def test_an_empty_message_of_a_prompt_is_not_around_it(
    engine: Engine, project: Project, client: FlaskClient, send: Send
) -> None:
    know(engine, project, "/classify", "Classify the mail.", "{{message}}")
    version = send(path="/classify", instructions=None, input=None, messages=EMPTY_MAIL)["implementation_id"]
    assert client.get(f"/api/v1/implementations/{version}/cost").json["around"]["share"] == 0


def test_figures_of_a_template_count_the_calls_of_all_its_models_or_of_one(client: FlaskClient, send: Send) -> None:
    priced_call = send(input="Mail: a")
    unpriced_call = send(input="Mail: b", model="a model without a price")

    def calls(query: str, version: Any = unpriced_call) -> tuple[int, float, int]:
        address = f"/api/v1/implementations/{version['implementation_id']}"
        bill = client.get(f"{address}/cost?{query}").json
        values = client.get(f"{address}/slots/mail/values?{query}").json["items"]
        return bill["calls"], round(bill["fixed"]["cost"] + sum(slot["cost"] for slot in bill["slots"]), 6), len(values)

    paid = round(COST - 1.0, 6)  # the input of the call with a price
    assert calls("") == (1, 0, 1)
    assert calls("of=template") == calls("of=template", priced_call) == (2, paid, 2)
    assert calls("of=template&model=house") == (1, paid, 1)
    refused = client.get(f"/api/v1/implementations/{priced_call['implementation_id']}/cost?model=house")
    assert "of=template" in assert_problem(refused, 422)["errors"][0]["message"]


def test_the_cache_is_told_what_stands_before_the_first_slot(
    engine: Engine, project: Project, client: FlaskClient, send: Send
) -> None:
    know(engine, project, "/long", "Answer {{name}} politely.\n\n" + "Rules. " * 1000, "Question: {{question}}")
    system = "Answer {} politely.\n\n" + "Rules. " * 1000
    for name in ("Ada", "Bob"):
        body = {"path": "/long", "instructions": system.format(name), "input": f"Question: {name}?"}
        version = send(**body, usage={"input_tokens": 2_000, "output_tokens": 1})["implementation_id"]
    cache = client.get(f"/api/v1/implementations/{version}/cost").json["cache"]
    assert cache["prefix_tokens"] < 10
    assert cache["cached_possible"] == 0
    assert cache["reordered_prefix_tokens"] > 1_900
    assert cache["saving"] == pytest.approx(2 * cache["reordered_prefix_tokens"] * 1.5 / 1_000_000)
    assert cache["reordered"] == [
        {"role": "system", "text": "Rules. " * 1000},
        {"role": "user", "text": "Answer {{name}} politely.\n\nQuestion: {{question}}"},
    ]


def test_values_of_a_slot_are_counted(client: FlaskClient, send: Send) -> None:
    for mail in ("Hi", "Where?", "Hi"):
        version = send(input=f"Mail: {mail}")["implementation_id"]
    values = f"/api/v1/implementations/{version}/slots/mail/values"
    assert [(item["value"], item["calls"]) for item in client.get(values).json["items"]] == [("Hi", 2), ("Where?", 1)]
    assert [item["value"] for item in client.get(f"{values}?q=WHERE").json["items"]] == ["Where?"]
    assert client.get(f"{values}?until=2020-01-01").json["items"] == []
    first = client.get(f"{values}?limit=1").json
    assert client.get(f"{values}?limit=1&cursor={first['next_cursor']}").json["items"][0]["value"] == "Where?"
    assert_problem(client.get(f"/api/v1/implementations/{version}/slots/none/values"), 404)


def test_calls_are_found_by_the_value_of_a_slot(client: FlaskClient, send: Send) -> None:
    wanted = send(input="Mail: Where?", user_id="ada")["id"]
    send(user_id="bob")

    def ids_of(query: str) -> list[str]:
        return [item["id"] for item in client.get(f"/api/v1/traces?{query}").json["items"]]

    assert ids_of("slot.mail=Where?") == [wanted]
    assert ids_of("slot.ｍａｉｌ=Where?") == [wanted]
    assert ids_of("slot.mail=Where?&slot.shop=Fernhill") == [wanted]
    assert ids_of("slot.mail=Where?&slot.shop=") == []
    assert ids_of("slot.plan=free") == []
    assert ids_of("user_id=ada&model=house&since=2020-01-01") == [wanted]
    assert ids_of("user_id=ada&until=2020-01-01") == []


def test_a_slot_that_a_task_does_not_have_is_refused_with_its_slots(client: FlaskClient, send: Send) -> None:
    row = send()
    for chosen in (f"task_id={row['task_id']}", f"implementation_id={row['implementation_id']}"):
        problem = assert_problem(client.get(f"/api/v1/traces?{chosen}&slot.nosuch=x"), 422)
        assert problem["errors"][0]["loc"] == ["query", "slot.nosuch"]
        assert "mail, shop" in problem["errors"][0]["message"]
    assert_problem(client.get("/api/v1/traces?slot.=x"), 422)
    assert client.get(f"/api/v1/traces?task_id={row['id']}&slot.nosuch=x").json["items"] == []


def test_a_diff_shows_words_and_usage_of_both_versions(client: FlaskClient, send: Send) -> None:
    task_id = send()["task_id"]
    send(model="gpt-4o")
    diff = client.get(f"/api/v1/tasks/{task_id}/diff?from=1&to=2").json
    assert (diff["from"]["model"], diff["to"]["model"], diff["changed"]) == ("house", "gpt-4o", False)
    assert diff["from"]["usage"]["cost"] == pytest.approx(COST)
    assert {piece["slot"] for part in diff["template"] for piece in part["pieces"]} == {None, "shop", "mail"}
    assert_problem(client.get(f"/api/v1/tasks/{task_id}/diff?from=1&to=3"), 404)
    assert_problem(client.get(f"/api/v1/tasks/{task_id}/diff?from=1"), 422)


def test_a_call_says_where_it_leaves_the_nearest_template(client: FlaskClient, send: Send) -> None:
    matched = send()
    why = client.get(f"/api/v1/traces/{matched['id']}/why").json
    assert (why["state"], why["nearest"]["version"], why["nearest"]["leaves"]) == ("matched", 1, None)
    away = send(instructions="Sort the mail of Fernhill!", input="Mail: Hi")
    why = client.get(f"/api/v1/traces/{away['id']}/why").json
    assert (why["state"], why["nearest"]["task_id"]) == ("owed", matched["task_id"])
    assert why["nearest"]["leaves"]["role"] == "system"
    assert why["nearest"]["leaves"]["expected"] == "."
    alone = send(instructions="Guten Tag", input="Wie geht es dir?")
    summary = client.get(f"/api/v1/traces/{alone['id']}/why").json["summary"]
    assert "2 calls of the path have no template: three calls of one prompt" in summary
    empty = send(instructions=None, input=None)
    assert client.get(f"/api/v1/traces/{empty['id']}/why").json["state"] == "no prompt"


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-01-02&until=2026-01-01",
        "since=yesterday",
        "since=0001-01-01T00:00:00%2B10:00",
        "sort=price",
        "order=up",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client: FlaskClient, query: str) -> None:
    assert_problem(client.get(f"/api/v1/tasks?{query}"), 422)


def test_ranges_that_are_too_long_are_refused(client: FlaskClient, send: Send) -> None:
    task_id = send()["task_id"]
    for query in ("by=hour&since=2026-01-01", "by=day&since=1999-01-01", "by=day&until=2026-01-01", "by=week"):
        assert_problem(client.get(f"/api/v1/tasks/{task_id}/usage?{query}"), 422)


def test_nothing_of_another_project_is_shown(client: FlaskClient, other_client: FlaskClient, send: Send) -> None:
    row = send()
    for path in (
        f"tasks/{row['task_id']}/usage",
        f"tasks/{row['task_id']}/diff?from=1&to=1",
        f"implementations/{row['implementation_id']}/cost",
        f"implementations/{row['implementation_id']}/slots/mail/values",
        f"traces/{row['id']}/why",
    ):
        assert_problem(other_client.get(f"/api/v1/{path}"), 404)
    assert listed(other_client, "sort=cost") == []
    assert other_client.get("/api/v1/prices").json["items"] == []
    assert other_client.get("/api/v1/traces?slot.mail=Hi").json["items"] == []
    assert versions(client, row["task_id"])


def test_a_cost_has_no_noise_of_floating_point() -> None:
    assert rounded_dollars(0.1 + 0.2) == 0.3
