"""POST /api/v1/traces: stored, matched, idempotent."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, update

from app.config import Settings
from app.intake.record import Ingest
from app.store import tables
from app.store.engine import transaction
from app.store.projects import Project
from app.web import create_app
from tests.app.api_helpers import client_with, know, new_key

URL = "/api/v1/traces"
SMALLEST = {"model": "gpt-5", "path": "/chat", "input": "Hi"}


def count(engine: Engine, table: Any) -> int:
    with transaction(engine) as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_trace_is_stored_before_the_answer(client: FlaskClient, engine: Engine) -> None:
    answer = client.post(URL, json=SMALLEST)
    assert answer.status_code == 201
    with transaction(engine) as connection:
        assert connection.execute(select(tables.trace.c.id)).scalar_one() == UUID(answer.json["id"])


def test_an_unmatched_trace_has_neither_task_nor_variables(client: FlaskClient) -> None:
    answer = client.post(URL, json=SMALLEST).json
    assert set(answer) == {"id", "external_id", "task_id", "implementation_id", "variables", "grouping"}
    assert (answer["task_id"], answer["implementation_id"], answer["variables"]) == (None, None, None)
    assert answer["grouping"] in ("requested", "coalesced", "deferred")


# --- known templates


def test_a_call_of_a_known_template_is_matched_in_the_same_transaction(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    task_id = know(engine, project, "/chat", "Answer in {{language}}.", "Q: {{question}}")
    answer = client.post(URL, json=SMALLEST | {"instructions": "Answer in French.", "input": "Q: Who?"}).json
    assert answer["grouping"] == "matched"
    assert answer["task_id"] == str(task_id)
    assert answer["variables"] == {"language": "French", "question": "Who?"}


def test_a_template_serves_the_first_call_after_it_was_saved(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    know(engine, project, "/chat", "", "A: {{a}}")
    assert client.post(URL, json=SMALLEST | {"input": "B: 1"}).json["grouping"] != "matched"
    know(engine, project, "/chat", "", "B: {{b}}")
    assert client.post(URL, json=SMALLEST | {"input": "B: 2"}).json["variables"] == {"b": "2"}


def test_a_template_of_another_path_or_project_is_not_matched(
    client: FlaskClient, other_client: FlaskClient, engine: Engine, project: Project
) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    body = SMALLEST | {"input": "Q: Who?"}
    assert client.post(URL, json=body | {"path": "/other"}).json["task_id"] is None
    assert other_client.post(URL, json=body).json["task_id"] is None


def test_a_new_model_or_setting_makes_the_next_version_and_a_seed_does_not(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    bodies = [
        SMALLEST | {"input": "Q: Who?"} | changes
        for changes in ({}, {"seed": 1, "max_output_tokens": 5}, {"model": "other"}, {"temperature": 0}, {})
    ]
    implementations = [client.post(URL, json=body).json["implementation_id"] for body in bodies]
    assert implementations[0] == implementations[1] == implementations[4]
    assert len(set(implementations)) == 3
    with transaction(engine) as connection:
        assert set(connection.execute(select(tables.implementation.c.version)).scalars()) == {1, 2, 3}


def test_a_batch_that_meets_a_new_model_twice_makes_one_version(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    client.post(URL, json={"traces": [SMALLEST | {"input": f"Q: {number}"} for number in range(5)]})
    assert count(engine, tables.implementation) == 1


def test_a_field_beside_traces_counts_for_each_trace_that_lacks_it(client: FlaskClient) -> None:
    traces = [{"input": "Q: 1"}, {"input": "Q: 2", "path": "/own", "user_id": "ann"}, "no trace"]
    shared = {"model": "gpt-5", "path": "/shared", "user_id": "bob", "external_id": "one", "further": 1}
    results = client.post(URL, json=shared | {"traces": traces}).json["results"]
    assert [result["status"] for result in results] == [201, 201, 422]
    stored = [client.get(f"{URL}/{result['id']}").json for result in results[:2]]
    assert [(trace["path"], trace["model"], trace["user_id"], trace["external_id"]) for trace in stored] == [
        ("/shared", "gpt-5", "bob", None),
        ("/own", "gpt-5", "ann", None),
    ]


def test_a_wrong_field_beside_traces_is_named_for_each_trace_that_lacks_it(client: FlaskClient) -> None:
    traces = [{"input": "Q: 1"}, {"input": "Q: 2", "path": "/own"}]
    results = client.post(URL, json={"model": "gpt-5", "path": 7, "traces": traces}).json["results"]
    assert [result["status"] for result in results] == [422, 201]
    assert results[0]["error"]["errors"][0]["loc"] == ["traces", 0, "path"]


def test_a_field_that_a_trace_has_as_null_is_taken_from_beside_traces(client: FlaskClient) -> None:
    every_field = {"input": "Q: 1", "path": None, "user_id": None, "output": None}
    results = client.post(URL, json={"model": "gpt-5", "path": "/shared", "traces": [every_field]}).json["results"]
    assert [result["status"] for result in results] == [201]
    assert client.get(f"{URL}/{results[0]['id']}").json["path"] == "/shared"


def test_fields_beside_traces_that_would_be_stored_as_many_bytes_are_refused(
    client: FlaskClient, engine: Engine
) -> None:
    shared = SMALLEST | {"instructions": "x" * 500_000}
    few, many = ([{"input": f"Q: {number}"} for number in range(size)] for size in (2, 100))
    assert client.post(URL, json=shared | {"traces": few}).status_code == 207
    refused = client.post(URL, json=shared | {"traces": many})
    assert (refused.status_code, "send fewer traces" in refused.json["detail"]) == (413, True)
    assert count(engine, tables.trace) == len(few)


def test_an_implementation_that_is_gone_is_made_again(client: FlaskClient, engine: Engine, project: Project) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    body = SMALLEST | {"input": "Q: Who?"}
    first = client.post(URL, json=body).json["implementation_id"]
    with transaction(engine) as connection:
        connection.execute(tables.implementation.delete())
    for posted in (body, {"traces": [body] * 30}):
        assert client.post(URL, json=posted).status_code in (201, 207)
    with transaction(engine) as connection:
        (now,) = connection.execute(select(tables.implementation.c.id)).scalars()
    assert str(now) != first


def test_a_group_that_is_gone_is_made_again(client: FlaskClient, engine: Engine) -> None:
    client.post(URL, json=SMALLEST)
    with transaction(engine) as connection:
        connection.execute(tables.grouping_key.delete())
    assert client.post(URL, json=SMALLEST).status_code == 201


# --- grouping


def test_grouping_is_off_for_a_trace_without_text(client: FlaskClient) -> None:
    assert client.post(URL, json={"model": "gpt-5", "path": "/chat"}).json["grouping"] == "off"


def test_grouping_is_off_when_it_is_disabled(settings: Settings, engine: Engine) -> None:
    app = create_app(settings.model_copy(update={"task_grouping_enabled": False}))
    assert client_with(app, new_key(engine, "shop")).post(URL, json=SMALLEST).json["grouping"] == "off"


def test_a_quarantined_group_is_deferred(client: FlaskClient, engine: Engine) -> None:
    client.post(URL, json=SMALLEST)
    with transaction(engine) as connection:
        connection.execute(update(tables.grouping_key).values(quarantined_at=func.now()))
    assert client.post(URL, json=SMALLEST).json["grouping"] == "deferred"


# --- external ids


def test_a_trace_sent_twice_is_stored_once_and_the_first_wins(client: FlaskClient) -> None:
    first = client.post(URL, json=SMALLEST | {"external_id": "a"})
    second_answer = client.post(URL, json=SMALLEST | {"external_id": "a", "path": "/other", "model": "other"})
    assert (first.status_code, second_answer.status_code) == (201, 200)
    assert first.json["id"] == second_answer.json["id"]
    assert client.get(f"{URL}/{first.json['id']}").json["path"] == "/chat"


def test_a_large_batch_holds_an_external_id_twice_and_one_that_is_known(client: FlaskClient) -> None:
    known = client.post(URL, json=SMALLEST | {"external_id": "0"}).json["id"]
    bodies = [SMALLEST | {"external_id": str(number % 25)} for number in range(50)]
    results = client.post(URL, json={"traces": bodies}).json["results"]
    assert results[0]["id"] == known
    assert [result["status"] for result in results] == [200] + [201] * 24 + [200] * 25
    assert [result["id"] for result in results[:25]] == [result["id"] for result in results[25:]]


def test_a_matched_trace_sent_again_is_answered_with_its_variables(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    body = SMALLEST | {"input": "Q: Who?", "external_id": "a"}
    assert client.post(URL, json=body).json == client.post(URL, json=body).json


def test_an_unmatched_trace_sent_again_is_asked_for_again(client: FlaskClient) -> None:
    body = SMALLEST | {"external_id": "a"}
    client.post(URL, json=body)
    assert client.post(URL, json=body).json["grouping"] in ("requested", "coalesced", "deferred")


def test_two_projects_may_use_the_same_external_id(client: FlaskClient, other_client: FlaskClient) -> None:
    body = SMALLEST | {"external_id": "a"}
    answers = [client.post(URL, json=body), other_client.post(URL, json=body)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json["id"] != answers[1].json["id"]


def test_the_same_external_id_twice_in_a_batch_is_stored_once(client: FlaskClient, engine: Engine) -> None:
    body = SMALLEST | {"external_id": "a"}
    results = client.post(URL, json={"traces": [body, body | {"input": "other"}]}).json["results"]
    assert [result["status"] for result in results] == [201, 200]
    assert results[0]["id"] == results[1]["id"]
    assert count(engine, tables.trace) == 1


def test_threads_that_send_the_same_external_id_store_it_once(web: Flask, engine: Engine) -> None:
    key, together = new_key(engine, "shop"), threading.Barrier(8)

    def send(_: int) -> Any:
        together.wait(180)
        return client_with(web, key).post(URL, json=SMALLEST | {"external_id": "a"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1


def test_batches_that_overlap_in_opposite_order_do_not_block_each_other(web: Flask, engine: Engine) -> None:
    key, together = new_key(engine, "shop"), threading.Barrier(4)
    bodies = [SMALLEST | {"external_id": f"{number}", "path": f"/{number % 7}"} for number in range(200)]

    def send(turn: int) -> int:
        together.wait(180)
        batch = bodies if turn % 2 else bodies[::-1]
        return client_with(web, key).post(URL, json={"traces": batch}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(4))) == [207] * 4
    assert count(engine, tables.trace) == 200


def test_threads_that_meet_a_new_model_make_one_version(web: Flask, engine: Engine, project: Project) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    key, together = new_key(engine, "shop"), threading.Barrier(6)

    def send(number: int) -> str:
        together.wait(180)
        return client_with(web, key).post(URL, json=SMALLEST | {"input": f"Q: {number}"}).json["implementation_id"]

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(send, range(6)))) == 1
    assert count(engine, tables.implementation) == 1


# --- batches


def test_a_batch_answers_one_result_each_in_order_and_keeps_the_good(client: FlaskClient, engine: Engine) -> None:
    batch = [SMALLEST | {"external_id": "a"}, {"path": "/chat"}, 3, SMALLEST | {"external_id": "b"}]
    answer = client.post(URL, json={"traces": batch})
    results = answer.json["results"]
    assert answer.status_code == 207
    assert [(result["index"], result["status"]) for result in results] == [(0, 201), (1, 422), (2, 422), (3, 201)]
    assert [results[0]["external_id"], results[3]["external_id"]] == ["a", "b"]
    assert results[1]["error"]["errors"] == [{"loc": ["traces", 1, "model"], "message": "Is required."}]
    assert count(engine, tables.trace) == 2


def test_a_batch_of_a_thousand_is_stored_whole(client: FlaskClient, engine: Engine) -> None:
    answer = client.post(URL, json={"traces": [SMALLEST] * 1000})
    assert {result["status"] for result in answer.json["results"]} == {201}
    assert count(engine, tables.trace) == 1000


def test_one_batch_after_the_other_is_stored_whole_whatever_it_brings(
    client: FlaskClient, engine: Engine, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first calls make the versions; later calls are matched and copied, until one call brings a new version."""
    ways = []
    record = Ingest._record

    def noting(ingest: Ingest, *arguments: Any) -> Any:
        ways.append(arguments[3])
        return record(ingest, *arguments)

    monkeypatch.setattr(Ingest, "_record", noting)
    know(engine, project, "/known", "", "Q: {{question}}")
    for number, model in enumerate(("a", "a", "a", "b", "b", "b")):
        calls = [
            {"model": model, "path": "/known", "input": f"Q: {number} {n}?", "external_id": f"{number} {999 - n}"}
            for n in range(40)
        ]
        answer = client.post(URL, json={"traces": [*calls, SMALLEST, calls[3]]}).json["results"]
        assert [result["status"] for result in answer] == [201] * 41 + [200]
        assert [result["variables"]["question"] for result in answer[:40]] == [f"{number} {n}?" for n in range(40)]
        assert answer[41]["id"] == answer[3]["id"]
        assert len({result["implementation_id"] for result in answer[:40]}) == 1
    assert (count(engine, tables.trace), count(engine, tables.implementation)) == (6 * 41, 2)
    at_once = "copy while matching"
    assert ways == ["copy", "copy", at_once, at_once, "copy", "copy", at_once]
    next_batch = [
        {"model": "b", "path": "/known", "input": "Q: 5 0?", "external_id": f"5 {n}"} for n in (999, *range(45))
    ]
    for calls in (next_batch, next_batch[::-1], [*next_batch, SMALLEST]):
        answer = client.post(URL, json={"traces": calls}).json["results"]
        assert len({result["id"] for result in answer}) == len(calls)
    assert (count(engine, tables.trace), count(engine, tables.implementation)) == (6 * 41 + 45 + 1, 2)
    assert ways[7:] == [at_once, "copy"] * 3


def test_a_batch_of_bad_traces_alone_stores_nothing(client: FlaskClient, engine: Engine) -> None:
    assert client.post(URL, json={"traces": [{}, None]}).status_code == 207
    assert count(engine, tables.trace) == 0


@pytest.mark.parametrize("path", ["/chat", "日本語", " a ", "/a?b=c&d", "x" * 512])
def test_any_path_of_up_to_512_characters_is_a_group(client: FlaskClient, path: str) -> None:
    client.post(URL, json=SMALLEST | {"path": path})
    (item,) = client.get(URL, query_string={"path": path}).json["items"]
    assert item["path"] == path


def test_the_traces_of_a_batch_keep_their_order(client: FlaskClient) -> None:
    results = client.post(URL, json={"traces": [SMALLEST] * 300}).json["results"]
    assert [result["id"] for result in results] == sorted(result["id"] for result in results)
