"""The usage of versions, kept per hour and day, equals a query over the calls after any storing, moving and removing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select, text, update

from app.keeping import deletion, retention
from app.reading import usage
from app.reading.usage import Range, UsageScope
from app.store import rollup
from app.store.call_facts import BILLED, Usage
from app.store.engine import transaction
from app.store.projects import Project
from app.store.tables import call_usage, implementation, trace, usage_mark
from tests.app.api_helpers import assert_problem, know
from tests.app.grouping_world import World, summary, triage, triage_edited

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODY = {"model": "m", "path": "/mail", "input": "Mail: where is it?"}


def added_up(engine: Engine) -> None:
    """Adds up all marked calls, in small steps."""
    with transaction(engine) as connection:
        while rollup.add_up(connection, limit=3):
            pass


def assert_true(engine: Engine) -> None:
    """Asserts that stored usage equals a query over the calls."""
    added_up(engine)
    with transaction(engine) as connection:
        for span in ("hour", "day", "week"):
            assert rollup.stored_cells(connection, span) == rollup.recounted(connection, span)


@pytest.fixture
def version(engine: Engine, project: Project) -> None:
    know(engine, project, "/mail", "", "Mail: {{mail}}")


def used(engine: Engine, project: Project, **wanted: Any) -> Usage:
    added_up(engine)
    with transaction(engine) as connection:
        by_version = usage.of_versions(connection, UsageScope(project.id, **wanted))
    return sum(by_version.values(), Usage())


def at(moment: datetime, seconds: float = 1.0, **fields: Any) -> dict[str, Any]:
    times = {"started_at": moment.isoformat(), "completed_at": (moment + timedelta(seconds=seconds)).isoformat()}
    return BODY | times | fields


def test_tokens_failures_and_times_are_those_of_the_calls(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    stated = {"input_tokens": 900, "output_tokens": 30, "cached_tokens": 512, "reasoning_tokens": 8}
    client.post("/api/v1/traces", json=at(NOON, 0.2, usage=stated, output="It is here."))
    client.post("/api/v1/traces", json=at(NOON, 7.0, usage=stated, error="overloaded"))
    total = used(engine, project)
    assert (total.calls, total.failures, total.estimated) == (2, 1, 0)
    assert (total.input_tokens, total.output_tokens, total.cached_tokens, total.reasoning_tokens) == (
        1800,
        60,
        1024,
        16,
    )
    assert (total.answered, total.output_characters, total.timed) == (1, 11, 2)
    assert (total.fastest_ms, total.slowest_ms) == (200, 7000)


def test_a_call_without_usage_is_estimated_by_its_texts_and_counted_as_such(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    client.post("/api/v1/traces", json=BODY | {"input": "Mail: " + "x" * 394, "output": "y" * 40})
    total = used(engine, project)
    assert (total.calls, total.estimated, total.input_tokens, total.output_tokens) == (1, 1, 100, 10)


def test_a_failed_call_that_says_nothing_costs_nothing(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    client.post("/api/v1/traces", json=BODY | {"error": "overloaded"})
    total = used(engine, project)
    assert (total.failures, total.estimated, total.input_tokens, total.output_tokens) == (1, 0, 0, 0)


@pytest.mark.parametrize("absurd", [10**18, 10**9])
def test_usage_beyond_belief_is_refused_by_its_field(client: FlaskClient, absurd: int) -> None:
    answer = client.post("/api/v1/traces", json=BODY | {"usage": {"input_tokens": 3, "cached_tokens": absurd}})
    (error,) = assert_problem(answer, 422)["errors"]
    assert error == {"loc": ["usage", "cached_tokens"], "message": "Must be less than or equal to 999999999."}


def test_usage_beyond_belief_of_a_call_that_is_stored_is_estimated(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    """Earlier releases stored such figures."""
    for _ in range(12):
        assert client.post("/api/v1/traces", json=BODY).status_code == 201
    stated = {"input_tokens": 10**18, "output_tokens": 5, "cached_tokens": 10**18}
    with transaction(engine) as connection:
        connection.execute(update(trace).values(usage=stated))
    total = used(engine, project)
    assert (total.estimated, total.input_tokens, total.output_tokens) == (12, 12 * 5, 60)
    assert total.cached_tokens <= total.input_tokens


def test_clocks_that_differ_make_no_latency(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    client.post("/api/v1/traces", json=at(datetime(1971, 1, 1, tzinfo=UTC), 1_000_000_000))
    client.post("/api/v1/traces", json=at(NOON, -3))
    assert (used(engine, project).calls, used(engine, project).timed) == (2, 0)


def test_usage_as_chat_completions_states_it_counts_too(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    stated = {"prompt_tokens": 70, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 64}}
    client.post("/api/v1/traces", json=BODY | {"usage": stated, "output": "ok"})
    total = used(engine, project)
    assert (total.estimated, total.input_tokens, total.output_tokens, total.cached_tokens) == (0, 70, 3, 64)


@pytest.mark.parametrize(
    ("since", "until", "calls"),
    [
        (None, None, 6),
        (NOON, None, 4),
        (NOON, NOON + timedelta(hours=1), 2),
        (NOON + timedelta(minutes=30), NOON + timedelta(hours=1), 1),
        (NOON + timedelta(minutes=30), NOON + timedelta(minutes=30, microseconds=1), 1),
        (NOON - timedelta(days=3), NOON + timedelta(minutes=30), 3),
        (NOON - timedelta(days=3, minutes=1), NOON + timedelta(days=3, minutes=1), 6),
        (NOON + timedelta(days=4), None, 0),
    ],
)
def test_a_range_is_exact_to_the_microsecond(
    engine: Engine,
    project: Project,
    client: FlaskClient,
    version: None,
    since: datetime | None,
    until: datetime | None,
    calls: int,
) -> None:
    ages = [
        timedelta(days=-3),
        timedelta(days=-2),
        *(timedelta(minutes=minutes) for minutes in (0, 30)),
        timedelta(days=1),
    ]
    for age in [*ages, timedelta(days=3, seconds=1)]:
        client.post("/api/v1/traces", json=at(NOON + age))
    assert used(engine, project, range=Range(since, until)).calls == calls


def test_a_quantile_lies_between_the_fastest_and_the_slowest(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    for seconds in (1.0, 1.0, 1.0):
        client.post("/api/v1/traces", json=at(NOON, seconds))
    assert used(engine, project).latency_ms(0.95) == 1000
    assert Usage().latency_ms(0.5) is None


def test_quantiles_are_some_ten_percent_exact(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    bodies = [at(NOON, 0.1 * number) for number in range(1, 101)]
    client.post("/api/v1/traces", json={"traces": bodies})
    total = used(engine, project)
    assert total.latency_ms(0.5) == pytest.approx(5_000, rel=0.15)
    assert total.latency_ms(0.95) == pytest.approx(9_500, rel=0.15)


def test_calls_of_a_user_are_added_up_alone(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    for user in ("ada", "ada", "bob"):
        client.post("/api/v1/traces", json=at(NOON, user_id=user))
    assert used(engine, project, user_id="ada").calls == 2
    assert used(engine, project, user_id="ada", range=Range(NOON + timedelta(seconds=1))).calls == 0


@pytest.mark.parametrize("hours", [1, 4, 24, 36])
def test_calls_are_in_the_stretch_in_which_they_were_made(
    engine: Engine, project: Project, client: FlaskClient, version: None, hours: int
) -> None:
    ages = (0, 3, 5, 26, 50)
    for age in ages:
        client.post("/api/v1/traces", json=at(NOON + timedelta(hours=age)))
    added_up(engine)
    width = timedelta(hours=hours)
    with transaction(engine) as connection:
        bins = usage.in_bins(connection, UsageScope(project.id, range=Range(NOON - timedelta(days=4))), NOON, width)
    numbers = [usage_bin.number for usage_bin in bins for _ in range(usage_bin.used.calls)]
    assert sorted(numbers) == [age // hours for age in ages]


def test_a_bill_reads_the_same_sums_from_less(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    for hours in (0, 30, 200):
        client.post("/api/v1/traces", json=at(NOON + timedelta(hours=hours), output="It is here."))
    added_up(engine)
    wanted = UsageScope(project.id, Range(NOON - timedelta(minutes=1), NOON + timedelta(hours=201)))
    with transaction(engine) as connection:
        ((mail, total),) = usage.of_versions(connection, wanted).items()
        billed = usage.of_versions(connection, wanted, timed=False)
        of_task = usage.of_versions(connection, replace(wanted, task_ids=[mail.task_id]))
        of_models = usage.of_models(connection, wanted)
    assert of_task == {mail: total}
    assert total.calls == 3
    assert list(of_models.values()) == list(billed.values())
    assert all(getattr(billed[mail], name) == getattr(total, name) for name in BILLED)


def test_calls_marked_while_others_are_added_up_are_added_up_next(
    engine: Engine, client: FlaskClient, version: None
) -> None:
    client.post("/api/v1/traces", json=at(NOON))
    with transaction(engine) as coming:
        row = dict(coming.execute(select(trace)).mappings().one())
        coming.execute(insert(trace).values(row | {"id": UUID(int=row["id"].int + 1), "external_id": None}))
        added_up(engine)
    with transaction(engine) as connection:
        assert [hour.calls for hour in rollup.stored_cells(connection, "hour").values()] == [1]
    assert_true(engine)


def test_it_is_told_how_many_marks_were_taken_also_where_several_are_of_one_day(
    engine: Engine, client: FlaskClient, version: None
) -> None:
    for hours in range(3):
        client.post("/api/v1/traces", json=at(NOON + timedelta(hours=hours)))
    with transaction(engine) as connection:
        assert [rollup.add_up(connection, limit=2) for _ in range(3)] == [2, 1, 0]


def test_a_backlog_is_added_up_one_version_after_the_other(
    engine: Engine, project: Project, client: FlaskClient, version: None
) -> None:
    """So each day and each week of a backlog is added up once, not with each of its hours."""
    know(engine, project, "/chat", "", "Chat: {{chat}}")
    for hours in range(2):
        moment = NOON + timedelta(hours=hours)
        for call in (at(moment), at(moment, path="/chat", input="Chat: hello")):
            client.post("/api/v1/traces", json=call)
    with transaction(engine) as connection:
        assert rollup.add_up(connection, limit=2) == 2
        assert len({version for version, _ in rollup.stored_cells(connection, "hour")}) == 1
    assert_true(engine)


def test_two_processes_never_add_up_at_the_same_time(engine: Engine, client: FlaskClient, version: None) -> None:
    client.post("/api/v1/traces", json=at(NOON))
    with transaction(engine) as first, transaction(engine) as second:
        assert rollup.add_up(first) == 1
        assert rollup.add_up(second) == 0
    assert_true(engine)


def test_a_call_that_is_changed_later_is_added_up_anew(engine: Engine, client: FlaskClient, version: None) -> None:
    client.post("/api/v1/traces", json=at(NOON))
    assert_true(engine)
    with transaction(engine) as connection:
        connection.execute(update(trace).values(usage={"input_tokens": 7}, seen_at=NOON + timedelta(days=1)))
    assert_true(engine)


def test_nothing_is_kept_of_a_version_that_is_gone(engine: Engine, client: FlaskClient, version: None) -> None:
    client.post("/api/v1/traces", json=at(NOON))
    added_up(engine)
    with transaction(engine) as connection:
        connection.execute(delete(trace))
        connection.execute(delete(implementation))
    added_up(engine)
    with transaction(engine) as connection:
        assert connection.execute(select(call_usage)).all() == []
        assert connection.execute(select(usage_mark)).all() == []


# --- anything, in any order

PROMPTS = (triage, triage_edited, summary)
STEPS = st.one_of(
    st.tuples(st.just("calls"), st.sampled_from(PROMPTS), st.integers(1, 12), st.integers(0, 50)),
    st.tuples(st.just("run")),
    st.tuples(st.just("all")),
    st.tuples(st.just("add up"), st.integers(1, 3)),
    st.tuples(st.just("delete"), st.integers(0, 5)),
    st.tuples(st.just("expire"), st.integers(0, 3)),
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_kept_usage_is_that_of_the_calls_after_anything(world: World, steps: list[tuple[Any, ...]]) -> None:
    with transaction(world.engine) as connection:
        connection.execute(text("TRUNCATE project CASCADE"))
        connection.execute(text("TRUNCATE trace, call_usage, usage_mark, call_count, trace_external_id"))
    group = world.group("/anything")
    for step in steps:
        carry_out(world, group, *step)
    assert_true(world.engine)


def carry_out(world: World, group: Any, action: str, *details: Any) -> None:
    if action == "calls":
        prompt, count, hours = details
        group.take([body(prompt, number, hours) for number in range(count)])
    elif action in {"run", "all"}:
        if action == "all":
            group.want("all")
        group.run()
    elif action == "add up":
        with transaction(world.engine) as connection:
            rollup.add_up(connection, limit=details[0])
    elif action == "delete":
        chosen = deletion.Selector(user_id=f"user {details[0]}")
        deletion.delete(world.engine, group.project_id, chosen)
    else:
        with transaction(world.engine) as connection:
            connection.execute(text("UPDATE project SET retention_days = 1"))
        retention.expire(world.engine, 0, now=datetime.now(UTC) + timedelta(days=details[0]))


def body(prompt: Any, number: int, hours: int) -> dict[str, Any]:
    moment = NOON + timedelta(hours=hours, minutes=7 * number)
    body = {"model": "m", "path": "/anything", "input": prompt(number + hours), "user_id": f"user {number % 6}"}
    if number % 3:
        body |= {"usage": {"input_tokens": number * 10, "output_tokens": number, "cached_tokens": number}}
    if number % 2:
        body |= {"started_at": moment.isoformat(), "completed_at": (moment + timedelta(seconds=number)).isoformat()}
    return body | ({"error": "late"} if number % 5 == 4 else {"output": "fine " * number})
