"""A POST of one trace that is answered before Flask gets the same answer, rows, counters and logs as from Flask."""

import gzip
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import Engine, func, select, text
from structlog.testing import capture_logs

from app import cache
from app.config import Settings, with_driver
from app.errors import DatabaseDownError
from app.http.services import EXTENSION
from app.intake import shared_commit
from app.local.postgres import PostgresServer
from app.store import groups, privacy, projects, tables, together
from app.store.engine import make_engine, transaction
from app.store.projects import Project
from app.web import create_app
from tasks.coalescing.protocol import key_of
from tests.app.api_helpers import know, new_key, wait_for
from tests.app.front_client import URL, in_front
from tests.app.front_twins import KNOWN, Twins
from tests.app.log_records import KINDS

HELLO = {"model": "m", "path": "/p", "input": "Hi"}
TICKET = {
    "model": "m",
    "path": "/known",
    "messages": [
        {"role": "system", "content": KNOWN[0]},
        {"role": "user", "content": 'Sort this ticket: Where is\n"it"? \\u0041 {x} of plan free.'},
    ],
}


def _with(**fields: Any) -> dict[str, Any]:
    return HELLO | fields


GOOD: list[Any] = [
    HELLO,
    TICKET,
    TICKET | {"model": "other", "temperature": 0.5},
    TICKET | {"messages": [*TICKET["messages"], {"role": "assistant", "content": "Sorted as a question of delivery."}]},  # type: ignore[misc]
    TICKET
    | {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Read this long text of mine, please."},
                    {"type": "image_url", "image_url": {"url": "x"}},
                ],
            }
        ]
    },
    _with(input=[]),
    _with(input='日本語 "quoted" \\ back\tslash\r\n {x} {{y}} \' $1 %s \u2028'),
    _with(output='a "text"\\', usage={"input_tokens": 3, "more": 1.50}, error={"b": 1, "a": 2}),
    _with(output=0, error="down", metadata={"z": 1, "a": {"n": None, "t": True}}),
    _with(output=False, tools=[{"type": "function"}], tool_choice="auto", reasoning={"effort": "low"}, seed=7),
    _with(started_at=1767225600.25, completed_at="2026-01-01T00:00:02+02:00", user_id="u", conversation_id="c"),
    _with(external_id="once"),
    _with(external_id="once", input="Another text"),
    _with(path="/users/123/chat"),
    _with(input="My key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD and 4111 1111 1111 1111"),
    _with(external_id="4111111111111111"),
    _with(input="x" * 30_000),
    _with(input="x" * 100_000),
    {"traces": [HELLO, TICKET, {"model": "m"}]},
    *(make("Where is my refund, please?") for _, make in KINDS),
]

BAD: list[bytes] = [
    b"", b"{", b"null", b"3", b"[]", b'{"a": 1} x', b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"a": "\x01"}', b"[" * 2000, b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"model": "m"}', b'{"model": "m", "path": "", "input": "Hi"}', b'{"model": 1, "path": "/p", "input": {"a": 1}}',
    b'{"traces": []}', b'{"traces": 3}', b'{"resourceSpans": []}',
    *(b'{"model": "m", "path": "/p", "input": "Hi", "metadata": {"x": ' + value + b"}}"
      for value in (b"NaN", b'"\\ud800"', b'"a\\u0000b"', b"1" * 400, b"1e999", b"[" * 70 + b"]" * 70)),
    b'{"model": "m", "path": "/p", "input": "Hi", "started_at": "2100-01-01"}',
    b'{"model": "m", "path": "/p", "messages": [3], "temperature": -1}',
]  # fmt: skip


def test_any_body_is_answered_and_stored_as_by_flask(twins: Twins) -> None:
    for body in (*GOOD, *BAD, *GOOD):
        by_flask, by_front = twins.send(body)
        assert by_front == by_flask, body
    by_flask_rows, by_front_rows = twins.rows()
    assert by_front_rows == by_flask_rows
    assert len(by_front_rows) > 30
    by_flask_counted, by_front_counted = twins.counted()
    assert by_front_counted == by_flask_counted


def test_headers_that_ask_for_something_else_are_answered_as_by_flask(twins: Twins) -> None:
    small = orjson.dumps(HELLO)
    for headers, body in (
        ({"content-type": "text/plain"}, small),
        ({"content-type": "application/JSON; charset=utf-8"}, small),
        ({"content-encoding": "gzip"}, gzip.compress(small)),
        ({"content-encoding": "gzip"}, b"no gzip"),
        ({"content-encoding": "br"}, small),
        ({"content-encoding": " Identity "}, small),
        ({"accept": "text/html"}, small),
    ):
        for _ in range(2):
            by_flask, by_front = twins.send(body, **headers)
            assert by_front == by_flask, headers
    by_flask_rows, by_front_rows = twins.rows()
    assert by_front_rows == by_flask_rows


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = (
    "model",
    "path",
    "input",
    "messages",
    "instructions",
    "output",
    "tools",
    "metadata",
    "usage",
    "external_id",
    "other",
)


def test_any_json_is_answered_and_stored_as_by_flask(twins: Twins) -> None:
    @examples(max_examples=15)
    @given(st.dictionaries(st.sampled_from(_FIELDS), _json, max_size=5))
    def look(fields: dict[str, Any]) -> None:
        by_flask, by_front = twins.send(HELLO | fields)
        assert by_front == by_flask

    look()
    by_flask_rows, by_front_rows = twins.rows()
    assert by_front_rows == by_flask_rows


def test_each_call_is_counted_against_every_rate_once(environment: dict[str, str], engine: Engine) -> None:
    limited = Settings(
        database_url=environment["DATABASE_URL"], redis_url=environment["REDIS_URL"], rate_traces=1, rate_ingest=2
    )
    key = new_key(engine, "shop")
    app = create_app(limited)
    with in_front(app, limited) as front:
        answers = [front.post(key, HELLO).status for _ in range(12)]
        assert answers == [201] * 10 + [429] * 2
        refused = front.post(key, HELLO)
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) > 0
    app.extensions[EXTENSION].engine.dispose()


def test_a_key_that_is_revoked_or_may_not_ingest_is_refused_as_by_flask(twins: Twins) -> None:
    reading = new_key(twins.engine, "front", "read")
    assert [twins.front.post(reading, HELLO).status for _ in range(2)] == [403, 403]
    assert [twins.front.post("pl_wrong", HELLO).status for _ in range(2)] == [401, 401]


def test_a_revoked_key_writes_nothing_from_that_moment_on(twins: Twins) -> None:
    _warm(twins)
    with transaction(twins.engine) as connection:
        connection.execute(tables.api_key.update().values(revoked_at=func.now()))
    assert [twins.front.post(twins.front_key, HELLO).status for _ in range(2)] == [401, 401]


def test_a_project_that_has_moved_costs_its_neighbours_nothing(twins: Twins) -> None:
    _warm(twins)
    moved_key = new_key(twins.engine, "moving")
    _warm(twins, moved_key)
    moved = tables.project_move.insert().values(project_id=_project(twins.engine, "moving"), state="moved", peer="")
    with transaction(twins.engine) as connection:
        connection.execute(moved)
    answers = twins.front.post_together([(twins.front_key, HELLO), (moved_key, HELLO)] * 3)
    assert [answer.status for answer in answers] == [201, 503] * 3


def test_requests_are_logged_and_asked_for_as_by_flask(twins: Twins, redis_client: Redis) -> None:
    bodies = [HELLO, HELLO, TICKET, HELLO]
    with capture_logs() as by_flask:
        for body in bodies:
            twins.flask.post(URL, json=body)
    with capture_logs() as by_front:
        for body in bodies:
            twins.front.post(twins.front_key, body)
    events = [
        [(entry["event"], entry["log_level"], entry.get("path")) for entry in logs] for logs in (by_flask, by_front)
    ]
    assert events[0] == events[1]
    counted = [
        {
            name: value
            for name, value in redis_client.hgetall(key_of(_group(twins.engine, name))).items()
            if name[:2] == "n_"
        }
        for name in ("flask", "front")
    ]
    assert counted[0] == counted[1]


def _group(engine: Engine, project: str, path: str = "/p") -> Any:
    with transaction(engine) as connection:
        owner = projects.get_or_create(connection, project)
        return groups.get_or_create(connection, owner.id, [path])[path].id


# Calls of one moment


def _stored(engine: Engine, **of: Any) -> int:
    with transaction(engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.trace).filter_by(**of)).scalar_one()


def _warm(twins: Twins, *keys: str) -> None:
    """Waits until groups, keys and policies are cached and a connection is open."""
    for key in keys or (twins.front_key,):
        for body in (HELLO, TICKET) * 2:
            assert twins.front.post(key, body).status == 201


def test_calls_of_the_same_moment_share_a_statement_also_of_two_projects(twins: Twins, statements: list[int]) -> None:
    other_key = new_key(twins.engine, "other")
    _warm(twins, twins.front_key, other_key)
    del statements[:]
    answers = twins.front.post_together([(twins.front_key, HELLO), (other_key, HELLO), (twins.front_key, TICKET)] * 8)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 24
    assert sum(statements) == 24
    assert max(statements) > 8
    assert _stored(twins.engine, project_id=_project(twins.engine, "other")) == 12


def _project(engine: Engine, name: str) -> Any:
    with transaction(engine) as connection:
        return projects.get_or_create(connection, name).id


def test_an_external_id_twice_in_one_statement_is_stored_once(twins: Twins) -> None:
    _warm(twins)
    before = _stored(twins.engine)
    answers = twins.front.post_together([(twins.front_key, _with(external_id="twice"))] * 5)
    assert sorted(answer.status for answer in answers) == [200] * 4 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert _stored(twins.engine) == before + 1


def test_a_version_that_changed_sends_its_own_calls_the_slow_way_alone(twins: Twins, statements: list[int]) -> None:
    _warm(twins)
    know(twins.engine, Project(_project(twins.engine, "front"), "front"), "/p", "", "Hello {{name}}, how are you?")
    del statements[:]
    answers = twins.front.post_together(
        [(twins.front_key, _with(input="Hello Ada, how are you?")), (twins.front_key, TICKET)] * 3
    )
    assert {answer.status for answer in answers} == {201}
    assert [answer.json["variables"] for answer in answers[::2]] == [{"name": "Ada"}] * 3
    assert statements[0] == 6


def test_a_row_that_postgresql_refuses_never_costs_its_neighbours(twins: Twins) -> None:
    """The implementation is gone: its foreign key fails the statement of all calls."""
    _warm(twins)
    with transaction(twins.engine) as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(tables.implementation.delete())
    answers = twins.front.post_together([(twins.front_key, TICKET), *[(twins.front_key, HELLO)] * 5])
    assert {answer.status for answer in answers} == {201}
    assert answers[0].json["implementation_id"]


def test_a_statement_that_waits_holds_up_nobody_who_comes_later(twins: Twins) -> None:
    """Another transaction is about to take the external id."""
    _warm(twins)
    project_id = _project(twins.engine, "front")
    take = tables.trace_external_id.insert().values(project_id=project_id, external_id="taken", trace_id=project_id)
    with twins.engine.connect() as connection:
        connection.execute(take)
        waiting = twins.front.start(twins.front_key, _with(external_id="taken"))
        wait_for(lambda: _waits_for_a_lock(twins.engine))
        assert {twins.front.post(twins.front_key, HELLO).status for _ in range(5)} == {201}
        assert not waiting.done()
        connection.rollback()
    assert waiting.result(180).status == 201


def _waits_for_a_lock(engine: Engine) -> bool:
    with transaction(engine) as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")))


def test_a_caller_that_hangs_up_meanwhile_has_its_call_stored_once(twins: Twins) -> None:
    _warm(twins)
    before = _stored(twins.engine)
    project_id = _project(twins.engine, "front")
    take = tables.trace_external_id.insert().values(project_id=project_id, external_id="gone", trace_id=project_id)
    with twins.engine.connect() as connection:
        connection.execute(take)
        waiting = twins.front.start(twins.front_key, _with(external_id="gone"))
        wait_for(lambda: _waits_for_a_lock(twins.engine))
        assert waiting.cancel()
        connection.rollback()
    wait_for(lambda: _stored(twins.engine) == before + 1)
    assert twins.front.post(twins.front_key, _with(external_id="gone")).status == 200


def test_many_calls_at_once_are_answered_each_with_its_own_result(twins: Twins) -> None:
    _warm(twins)
    bodies = [
        TICKET
        | {"messages": [TICKET["messages"][0], {"role": "user", "content": f"Sort this ticket: {n} of plan p{n}."}]}
        for n in range(150)
    ]  # type: ignore[index]
    answers = twins.front.post_together([(twins.front_key, body) for body in bodies])
    assert [answer.json["variables"] for answer in answers] == [{"ticket": str(n), "plan": f"p{n}"} for n in range(150)]


# Servers that fail


def test_while_postgresql_is_down_callers_are_told_to_come_back_and_then_served(
    own_postgres: PostgresServer, redis_url: str
) -> None:
    settings = Settings(database_url=with_driver(own_postgres.url()), redis_url=redis_url)
    app, engine = create_app(settings), make_engine(settings)
    key = new_key(engine, "shop")
    with in_front(app, settings) as front:
        assert [front.post(key, HELLO).status for _ in range(2)] == [201] * 2
        own_postgres.kill()
        for answer in front.post_together([(key, HELLO)] * 3):
            assert answer.status == 503
            assert int(answer.headers["retry-after"]) > 0
        own_postgres.restart()
        wait_for(lambda: front.post(key, HELLO).status == 201)
    app.extensions[EXTENSION].engine.dispose()
    engine.dispose()


def _end_connections_of_loops(engine: Engine) -> int:
    """Ends the front's idle connections. Returns their number."""
    ends = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE 'EXECUTE store%'"
    with transaction(engine) as connection:
        return len(connection.execute(text(ends)).all())


def test_a_connection_that_postgresql_ended_between_two_calls_goes_unnoticed(twins: Twins) -> None:
    _warm(twins)
    assert _end_connections_of_loops(twins.engine)
    assert [twins.front.post(twins.front_key, HELLO).status for _ in range(3)] == [201] * 3


def test_a_connection_that_dies_during_a_statement_is_told_to_its_callers_alone(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether PostgreSQL stored the calls: they are not sent again."""
    _warm(twins)
    insert, before = together.insert_current, _stored(twins.engine)

    async def dying(connection: Any, rows: Any) -> Any:
        assert _end_connections_of_loops(twins.engine)
        return await insert(connection, rows)

    with monkeypatch.context() as patch:
        patch.setattr(together, "insert_current", dying)
        answers = twins.front.post_together([(twins.front_key, HELLO)] * 3)
        assert [answer.status for answer in answers] == [503] * 3
        assert "external_id" in answers[0].json["detail"]
    assert _stored(twins.engine) == before
    assert twins.front.post(twins.front_key, HELLO).status == 201


def test_calls_go_the_slow_way_when_no_connection_is_to_be_had(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    _warm(twins)
    monkeypatch.setattr(shared_commit.SharedCommit, "_new_connection", _nothing)
    _end_connections_of_loops(twins.engine)
    assert [twins.front.post(twins.front_key, HELLO).status for _ in range(3)] == [201] * 3


async def _nothing(_: Any) -> None:
    return None


def test_while_redis_is_down_calls_are_taken_and_deferred(database_url: str, own_valkey: Any, engine: Engine) -> None:
    settings = Settings(database_url=database_url, redis_url=own_valkey.url())
    app = create_app(settings)
    key = new_key(engine, "shop")
    with in_front(app, settings) as front:
        assert front.post(key, HELLO).json["grouping"] == "requested"
        own_valkey.stop()
        answers = front.post_together([(key, HELLO)] * 5)
        assert {(answer.status, answer.json["grouping"]) for answer in answers} == {(201, "deferred")}
    app.extensions[EXTENSION].engine.dispose()


# Cached values grow old


def test_values_that_will_soon_be_too_old_are_looked_up_beside_the_calls(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Policies and keys are due from their first moment on, so every call is an occasion to look ahead."""
    _warm(twins)
    monkeypatch.setattr(cache, "AGEING_SHARE_OF_LIFETIME", 1.0)
    with transaction(twins.engine) as connection:
        privacy.save(connection, _project(twins.engine, "front"), {"email": True})
    mail = _with(input="Write to ada@example.com, please.")
    wait_for(
        lambda: twins.front.post(twins.front_key, mail).status == 201 and "[redacted:email]" in str(twins.rows()[1])
    )


def test_a_key_is_looked_up_beside_the_calls_that_come_with_it(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    _warm(twins)
    authenticator, keys_looked_up = twins.front_app.extensions[EXTENSION].authenticator, []
    holder = authenticator.holder
    monkeypatch.setattr(
        authenticator, "holder", lambda key, **options: keys_looked_up.append(key) or holder(key, **options)
    )
    assert twins.front.post(twins.front_key, HELLO).status == 201
    assert keys_looked_up == []
    monkeypatch.setattr(cache, "AGEING_SHARE_OF_LIFETIME", 1.0)
    assert twins.front.post(twins.front_key, HELLO).status == 201
    wait_for(lambda: keys_looked_up == [twins.front_key])


def test_looking_ahead_in_vain_costs_no_call(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> None:
        raise DatabaseDownError

    _warm(twins)
    monkeypatch.setattr(cache, "AGEING_SHARE_OF_LIFETIME", 1.0)
    monkeypatch.setattr(twins.front_app.extensions[EXTENSION].ingest.policies, "look_up", broken)
    assert [twins.front.post(twins.front_key, HELLO).status for _ in range(5)] == [201] * 5
