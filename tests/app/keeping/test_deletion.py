"""Deleted calls are gone from every table, from Redis and from other processes' caches, also while a run goes on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.config import Settings
from app.intake.record import Ingest
from app.intake.trace import read_trace
from app.keeping import deletion
from app.keeping.deletion import NothingSelectedError
from app.store import privacy
from app.store.deletion import DeletedRows, Selector
from app.store.engine import transaction
from app.store.ids import first_id_of, new_id
from app.store.projects import Project
from app.web import create_app
from tests.app.api_helpers import assert_problem, client_with, new_key
from tests.app.grouping_world import BEGIN, Group, World, during_mining, summary, triage, words

MARK = "mxqz7marker"


def dump(engine: Engine) -> str:
    """Every row of every table, and the values that the planner's statistics keep."""
    with engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()  # as autovacuum does: the samples of a table outlive its rows
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        rows = [str(row) for table in tables for row in connection.execute(text(f"SELECT * FROM {table}"))]
        samples = connection.execute(text("SELECT pg_stats::text FROM pg_stats WHERE schemaname = 'public'"))
        return "\n".join([*rows, *samples.scalars()])


def dump_of_redis(client: redis.Redis) -> str:
    """Every key of Redis with its content."""
    read: dict[str, Callable[[str], Any]] = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1),
    }
    return "\n".join(f"{key} {read[str(client.type(key))](key)}" for key in client.scan_iter())


def marked(number: int, **fields: Any) -> dict[str, Any]:
    """A call with the marker in every field that may hold a text."""
    return {
        "model": f"model-{MARK}",
        "external_id": f"{MARK}-{number}",
        "input": f"{MARK} wants the {MARK} report of this week.\n\nTopic: {words(number)}\nTone: {MARK} {number % 2}",
        "instructions": f"You work for {MARK}.",
        "output": MARK,
        "tools": [{"type": "function", "name": MARK}],
        "tool_choice": {"name": MARK},
        "reasoning": {"effort": MARK},
        "response_format": {"type": MARK},
        "usage": {"input_tokens": 1, MARK: 1},
        "conversation_id": f"c-{MARK}",
        "user_id": f"u-{MARK}",
        "error": MARK,
        "metadata": {MARK: MARK},
        MARK: MARK,
    } | fields


def plain(number: int) -> dict[str, Any]:
    return {"model": "m", "path": "/chat", "input": triage(number), "user_id": "u-1", "conversation_id": "c-1"}


def delete(group: Group, **conditions: Any) -> DeletedRows:
    deleted = deletion.delete(group.world.engine, group.project_id, Selector(**conditions))
    assert deleted.complete
    return deleted.removed


# --- nothing is left


@pytest.mark.parametrize("body", [{"user_id": f"u-{MARK}"}, {"conversation_id": f"c-{MARK}"}, {"path": f"/{MARK}"}])
def test_no_dump_of_the_servers_tells_what_was_deleted(
    admin: FlaskClient, world: World, redis_client: redis.Redis, body: dict[str, Any]
) -> None:
    for number in range(12):
        assert admin.post("/api/v1/traces", json=marked(number, path=f"/{MARK}")).status_code == 201
        assert admin.post("/api/v1/traces", json=plain(number)).status_code == 201
    mine, theirs = world.group(f"/{MARK}"), world.group("/chat")
    assert mine.run().outcome == theirs.run().outcome == "committed"
    assert mine.tasks
    assert MARK in dump(world.engine)
    assert str(mine.id) in dump_of_redis(redis_client)

    answer = admin.post("/api/v1/deletions", json=body)

    assert answer.json == {"traces": 12, "versions": 1, "templates": 1, "tasks": 1, "paths": 1, "complete": True}
    assert MARK not in dump(world.engine)
    redis_dump = dump_of_redis(redis_client)
    assert MARK not in redis_dump
    assert str(mine.id) not in redis_dump
    assert str(theirs.id) in redis_dump
    assert theirs.calls_by_version() == [[12]]


def test_a_run_in_its_middle_does_not_bring_it_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    group.send((f"Tell {MARK} about it: {words(number)}" for number in range(5)), user_id=MARK)
    group.send(map(triage, range(5)))
    during_mining(monkeypatch, lambda: delete(group, user_id=MARK))
    assert group.run().outcome == "fenced"
    assert MARK not in dump(world.engine)
    assert group.run().outcome == "committed"
    assert group.calls_by_version() == [[5]]


def test_a_run_that_was_fenced_off_is_no_failed_attempt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = world.group()
    ids = group.send(map(triage, range(5)))
    during_mining(monkeypatch, lambda: delete(group, trace_id=ids[0]))
    group.run()
    assert (group.row.attempts, group.row.not_before) == (0, None)


# --- what goes, what stays


def test_a_template_stays_while_one_call_of_it_does(world: World) -> None:
    group = world.group()
    ids = group.send(map(triage, range(5)))
    group.run()
    for call_id in ids[:4]:
        assert delete(group, trace_id=call_id) == DeletedRows(traces=1)
    assert group.calls_by_version() == [[1]]
    assert delete(group, trace_id=ids[4]) == DeletedRows(traces=1, versions=1, templates=1, tasks=1, paths=1)


def test_a_version_goes_with_its_last_call(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    group.run()
    group.send([triage(9)], model=MARK, user_id=MARK)
    assert delete(group, user_id=MARK) == DeletedRows(traces=1, versions=1)
    assert MARK not in dump(world.engine)


def test_a_template_that_was_widened_goes_though_its_calls_stay_with_the_wider_one(world: World) -> None:
    group = world.group()
    group.send(
        (f"Plan the trip of {MARK} to the town below.\n\nTown: {words(number)}" for number in range(3)), user_id=MARK
    )
    group.run()
    names = ["Berta Klein", "Carl Weiss", "Doris Sommer", "Emil Lang", "Fritz Berg", "Gerda Wald"]
    group.send(
        f"Plan the trip of {name} to the town below.\n\nTown: {words(40 + place)}" for place, name in enumerate(names)
    )
    group.run()
    assert any(template_row.retired_at for template_row in group.templates), (
        "the case needs a template that was replaced"
    )
    delete(group, user_id=MARK)
    assert MARK not in dump(world.engine)
    assert group.ungrouped == 0
    group.assert_exact()


def test_an_enum_forgets_the_values_that_no_call_has_any_more(world: World) -> None:
    group = world.group()
    prompt = "Answer the question in the tone {}.\n\nQuestion: {}"
    group.send(prompt.format(("kind", "stern", MARK)[number % 3], words(number)) for number in range(30))
    group.run()
    assert MARK in str(group.templates[0].slot_kinds)
    with_mark = [row.id for row in world.rows(text(f"SELECT id FROM trace WHERE '{MARK}' = ANY(variables)"))]
    for call_id in with_mark:
        delete(group, trace_id=call_id)
    (kind,) = [kind for kind in group.templates[0].slot_kinds if kind["kind"] == "enum"]
    assert sorted(kind["values"]) == ["kind", "stern"]


def test_a_name_made_of_a_deleted_template_is_made_anew(world: World) -> None:
    group = world.group()
    ending = "Write for people who were not there, in plain words and short sentences.\n\n<notes>\n{}\n</notes>"
    first, second = f"Summarise what {MARK} and the board decided.\n", "Summarise the minutes of the meeting.\n"
    group.send((first + ending.format(words(number)) for number in range(12)), user_id=MARK)
    group.run()
    group.send(second + ending.format(words(40 + number)) for number in range(12))
    group.run()
    (task,) = group.tasks
    assert len(group.versions(task.id)) == 2
    assert MARK in task.name
    assert delete(group, user_id=MARK) == DeletedRows(traces=12, versions=1, templates=1)
    assert MARK not in dump(world.engine)
    assert [version.number for version in group.versions(task.id)] == [2]


def test_a_name_that_a_person_gave_stays(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)), user_id="u")
    group.run()
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE task SET name = 'Mine', name_by_person = true"))
    delete(group, user_id="u")
    assert group.tasks == []


def test_the_calls_that_stay_are_matched_and_mined_as_before(world: World) -> None:
    group = world.group()
    ids = group.send(map(triage, range(5)))
    group.run()
    delete(group, trace_id=ids[0])
    group.send([triage(7)])
    group.send(map(summary, range(4)))
    assert group.calls_by_version() == [[5]]
    group.run()
    assert sorted(group.calls_by_version()) == [[4], [5]]


def test_another_process_matches_no_template_that_is_gone(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)), user_id="u")
    group.run()
    group.send([triage(6)], user_id="u")  # from here on this process has the template in its cache
    delete(group, user_id="u")
    group.send([triage(7)])
    (row,) = world.rows(text("SELECT implementation_id, template_id, variables FROM trace"))
    assert tuple(row) == (None, None, None)


# --- which calls


def test_all_given_conditions_must_hold(world: World) -> None:
    group, other_group = world.group("/a"), world.group("/b")
    group.send(["one", "two"], user_id="u")
    group.send(["three"], user_id="v")
    other_group.send(["four"], user_id="u")
    assert delete(group, user_id="u", path="/a").traces == 2
    assert (group.owed, other_group.owed) == (1, 1)


def test_a_time_range_is_of_when_calls_were_made_with_its_first_moment(world: World) -> None:
    group = world.group()
    for number in range(6):
        group.send([f"call {number}"])  # a minute apart
    begin = BEGIN + timedelta(minutes=1)
    assert delete(group, since=begin, until=begin + timedelta(minutes=2)).traces == 2
    assert group.owed == 4


def test_calls_since_the_beginning_of_time_are_all_calls(world: World) -> None:
    group = world.group()
    group.send(["any"])
    assert delete(group, since=datetime(1, 1, 1, tzinfo=UTC)).traces == 1


def test_a_call_that_was_made_a_day_ahead_is_found(world: World) -> None:
    group = world.group()
    ahead = datetime.now(UTC) + timedelta(hours=23)
    group.send(["early"], started_at=ahead.isoformat())
    assert delete(group, since=ahead).traces == 1


def test_ids_of_a_moment_are_not_below_its_first() -> None:
    before = datetime.now(UTC)
    assert first_id_of(before) <= new_id() < first_id_of(datetime.now(UTC) + timedelta(seconds=1))


def test_no_call_of_another_project_is_deleted(world: World) -> None:
    group, other_group = world.group(), world.group(project="another")
    group.send(["mine"], user_id="u")
    theirs = other_group.send(["theirs"], user_id="u")
    assert delete(group, user_id="u").traces == 1
    assert delete(group, trace_id=theirs[0]).traces == 0
    assert other_group.owed == 1


def test_an_external_id_names_a_call_of_its_own_project_alone(world: World) -> None:
    group, other_group, third = world.group(), world.group(project="another"), world.group(project="third")
    for group_of_call in (other_group, group):  # the id of the other project is the older one
        group_of_call.send(["hello"], external_id="order-1")
    assert delete(third, external_id="order-1").traces == 0
    assert delete(group, external_id="order-1").traces == 1
    assert (group.owed, other_group.owed) == (0, 1)
    assert delete(other_group, external_id="order-1").traces == 1


def test_nothing_is_deleted_for_a_selector_that_says_nothing(world: World) -> None:
    group = world.group()
    group.send(["one"])
    with pytest.raises(NothingSelectedError):
        delete(group)
    assert group.owed == 1


def test_a_deletion_that_runs_out_of_time_says_so_and_goes_on_when_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "DELETED_CALLS", 2)
    group = world.group()
    group.send(f"call {number}" for number in range(5))
    first = deletion.delete(world.engine, group.project_id, Selector(), delete_all=True, seconds=0)
    assert (first.removed.traces, first.complete) == (2, False)
    second = deletion.delete(world.engine, group.project_id, Selector(), delete_all=True)
    assert (second.removed, second.complete) == (DeletedRows(traces=3, paths=1), True)


def test_a_very_long_user_id_is_stored_and_deleted(admin: FlaskClient) -> None:
    name = "é" * 200_000
    assert admin.post("/api/v1/traces", json=plain(1) | {"user_id": name}).status_code == 201
    assert admin.post("/api/v1/deletions", json={"user_id": name}).json["traces"] == 1


# --- over HTTP


def test_one_trace_is_deleted_by_its_id(admin: FlaskClient) -> None:
    trace_id = admin.post("/api/v1/traces", json=plain(1)).json["id"]
    assert admin.delete(f"/api/v1/traces/{trace_id}").json["traces"] == 1
    assert_problem(admin.get(f"/api/v1/traces/{trace_id}"), 404)
    assert_problem(admin.delete(f"/api/v1/traces/{trace_id}"), 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"everything": True, "path": "/p"},
        {"user": "u"},
        {"everything": 1},
        {"user_id": None},
        {"everything": False},
        {"since": "yesterday"},
        {"since": "2026-02-01", "until": "2026-01-01"},
        [],
        {"path": ""},
    ],
)
def test_a_request_that_does_not_say_what_is_refused_and_deletes_nothing(admin: FlaskClient, body: Any) -> None:
    admin.post("/api/v1/traces", json=plain(1))
    assert_problem(admin.post("/api/v1/deletions", json=body), 422)
    assert len(admin.get("/api/v1/traces").json["items"]) == 1


def test_only_an_admin_key_deletes_and_only_in_its_own_project(
    admin: FlaskClient, client: FlaskClient, web: Flask, engine: Engine
) -> None:
    trace_id = client.post("/api/v1/traces", json=plain(1)).json["id"]
    assert_problem(client.delete(f"/api/v1/traces/{trace_id}"), 403)
    assert_problem(client.post("/api/v1/deletions", json={"everything": True}), 403)
    stranger = client_with(web, new_key(engine, "another", "admin"))
    assert_problem(stranger.delete(f"/api/v1/traces/{trace_id}"), 404)
    assert stranger.post("/api/v1/deletions", json={"everything": True}).json["traces"] == 0
    assert stranger.delete(f"/api/v1/traces/{trace_id}").data == stranger.delete(f"/api/v1/traces/{uuid4()}").data
    assert client.get(f"/api/v1/traces/{trace_id}").status_code == 200


def test_it_is_deleted_though_redis_is_down(settings: Settings, engine: Engine) -> None:
    down = create_app(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"}))
    client = client_with(down, new_key(engine, "shop", "admin"))
    client.post("/api/v1/traces", json=plain(1))
    assert client.post("/api/v1/deletions", json={"everything": True}).json["paths"] == 1


def test_ingest_beside_a_deletion_fails_nobody_and_leaves_no_call_without_its_text(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)), user_id="u")
    group.run()

    def send(worker: int) -> int:
        ingest = Ingest(world.engine, grouping_enabled=True)
        bodies = [
            {"model": f"m-{number % 3}", "path": group.path, "input": triage(number), "user_id": "u"}
            for number in range(40)
        ]
        return sum(len(ingest.record(group.project_id, [read_trace(body)] * (1 + worker % 2))) for body in bodies)

    def remove(_: int) -> int:
        return sum(delete(group, user_id="u").traces for _ in range(12))

    with ThreadPoolExecutor(4) as threads:
        sendings = [threads.submit(send, worker) for worker in range(3)]
        removed = threads.submit(remove, 0)
        total = sum(sending.result() for sending in sendings)
        deleted = removed.result()
    calls_left = world.rows(text("SELECT template_id, variables, prompt_parts FROM trace"))
    assert deleted + len(calls_left) == 5 + total
    assert all(
        (row.prompt_parts is None) == (row.template_id is not None) == (row.variables is not None) for row in calls_left
    )


def test_calls_whose_names_were_redacted_are_found_by_the_names_as_they_were_sent(
    settings: Settings, engine: Engine, project: Project
) -> None:
    names = {"user_id": "ann@example.com", "conversation_id": "of ann@example.com", "path": "/mail/ann@example.com"}

    def send_and_delete(name: str) -> Any:
        admin = client_with(create_app(settings), new_key(engine, project.name, "admin"))
        assert admin.post("/api/v1/traces", json=plain(1) | names).status_code == 201
        return admin.post("/api/v1/deletions", json={name: names[name]}).json["traces"]

    assert send_and_delete("user_id") == 1
    with transaction(engine) as connection:
        privacy.save(connection, project.id, {"email": True})
    assert [send_and_delete(name) for name in names] == [1, 1, 1]
