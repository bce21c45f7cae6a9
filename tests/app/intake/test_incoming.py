"""One trace of a caller: the kept values, the refused values and the words of each refusal."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.checks import Loc, TraceLimits, is_surely_storable, unstorable
from app.intake.quick_check import _CHECK_BY_FIELD, is_surely_right
from app.intake.trace import MOST_PROBLEMS, Incoming, InvalidTraceError, read_trace, settings_digest
from app.intake.trace_fields import TraceIn

SMALLEST = {"model": "gpt-5", "path": "/chat"}


def problems(**fields: Any) -> dict[Loc, str]:
    """The errors of a trace with these fields, a model and a path."""
    with pytest.raises(InvalidTraceError) as caught:
        read_trace(SMALLEST | fields)
    return {problem.loc: problem.message for problem in caught.value.problems}


def read(**fields: Any) -> Incoming:
    return read_trace(SMALLEST | fields)


def test_a_model_and_a_path_are_enough() -> None:
    assert read_trace(SMALLEST).path == "/chat"


def test_further_fields_are_kept_under_metadata() -> None:
    assert read(seed=7, metadata={"team": "a"}).columns["metadata"] == {"seed": 7, "team": "a"}


def test_the_callers_own_metadata_wins_over_a_further_field_of_that_name() -> None:
    assert read(team="b", metadata={"team": "a"}).columns["metadata"] == {"team": "a"}


def test_values_are_kept_as_they_were_sent() -> None:
    messages = [{"content": "x", "name": "n", "role": "user"}]
    columns = read(messages=messages, usage={"total_tokens": 3, "input_tokens": 1}).columns
    assert list(columns["input"]["messages"][0]) == ["content", "name", "role"]
    assert list(columns["usage"]) == ["total_tokens", "input_tokens"]


@pytest.mark.parametrize("name", ["model", "path"])
def test_a_trace_without_its_two_names_is_refused(name: str) -> None:
    with pytest.raises(InvalidTraceError) as caught:
        read_trace({key: value for key, value in SMALLEST.items() if key != name})
    assert [(problem.loc, problem.message) for problem in caught.value.problems] == [((name,), "Is required.")]


@pytest.mark.parametrize("body", [None, 3, "x", [], [{"model": "m", "path": "p"}]])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(InvalidTraceError):
        read_trace(body)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", 5),
        ("model", ""),
        ("path", None),
        ("path", "/" * 513),
        ("path", " \t"),
        ("external_id", "x" * 513),
        ("external_id", 12),
        ("instructions", ["a"]),
        ("input", 3),
        ("input", ["a"]),
        ("messages", "hi"),
        ("messages", [{"role": 3}]),
        ("messages", [{"role": "user", "content": 3}]),
        ("tools", {}),
        ("temperature", "warm"),
        ("temperature", -1),
        ("temperature", 1e300),
        ("temperature", True),
        ("max_output_tokens", -5),
        ("max_output_tokens", 2**63),
        ("reasoning", 3),
        ("usage", []),
        ("conversation_id", 3),
        ("user_id", {}),
        ("started_at", "yesterday"),
        ("started_at", -1e300),
        ("started_at", "1969-12-31T23:59:59Z"),
        ("completed_at", "0001-01-01T00:00:00+14:00"),
        ("completed_at", "9999-12-31T23:59:59-14:00"),
        ("error", 4),
        ("metadata", [1]),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    assert list(problems(**{field: value})) == [(field,)]


@pytest.mark.parametrize("count", [-1, 2**63, 1.5, "3", True])
def test_a_token_count_must_be_a_whole_number_that_postgresql_can_hold(count: object) -> None:
    assert list(problems(usage={"input_tokens": count})) == [("usage", "input_tokens")]


@pytest.mark.parametrize("field", ["instructions", "input", "further", "metadata", "output"])
@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_text_that_cannot_be_stored_is_refused_wherever_it_stands(field: str, text: str) -> None:
    value = {"deep": [text]} if field in ("metadata", "output", "further") else text
    assert next(iter(problems(**{field: value})))[0] == field


def test_a_field_name_that_cannot_be_stored_is_refused() -> None:
    assert list(problems(metadata={"a\x00": 1})) == [("metadata",)]


@pytest.mark.parametrize("field", ["user_id", "conversation_id"])
@pytest.mark.parametrize("blank", ["", " ", "\u200b"])
def test_a_blank_id_of_a_person_or_session_names_none(field: str, blank: str) -> None:
    assert read_trace(SMALLEST | {field: blank}).columns[field] is None


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 2**64, -(2**63) - 1])
def test_a_number_that_json_or_postgresql_cannot_hold_is_refused(number: float) -> None:
    assert list(problems(metadata={"n": number})) == [("metadata", "n")]


def test_a_text_may_be_as_long_as_the_limit_in_bytes_and_no_longer() -> None:
    limits = TraceLimits(text_bytes=6)
    assert read_trace(SMALLEST | {"input": "ééé"}, limits)
    with pytest.raises(InvalidTraceError):
        read_trace(SMALLEST | {"input": "éééx"}, limits)


def nested(levels: int) -> Any:
    value: Any = "end"
    for _ in range(levels):
        value = [value]
    return value


def test_a_trace_may_be_nested_as_deep_as_the_limit_and_no_deeper() -> None:
    assert read(metadata={"deep": nested(62)})  # the trace and metadata are the first two levels
    assert problems(metadata={"deep": nested(63)})
    assert problems(metadata={"deep": nested(100_000)})


def test_a_date_may_be_a_day_ahead_and_no_more() -> None:
    now = datetime.now(UTC)
    assert read(started_at=(now + timedelta(hours=23)).isoformat())
    assert problems(started_at="yesterday")["started_at",].startswith("Must be a date, like 2026-03-01")
    assert list(problems(started_at=(now + timedelta(hours=25)).isoformat())) == [("started_at",)]


def test_dates_are_kept_in_utc() -> None:
    assert read(started_at="2026-01-01T02:00:00+02:00").columns["started_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert read(started_at="2026-01-01T00:00:00").columns["started_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert read(started_at=1767225600).columns["started_at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_every_wrong_field_is_named_at_once() -> None:
    assert set(problems(model=1, usage={"input_tokens": -1}, x="\x00")) == {
        ("model",),
        ("usage", "input_tokens"),
        ("x",),
    }


def test_no_message_shows_the_value() -> None:
    assert "secret" not in str(
        problems(started_at="secret", temperature="secret", input="secret\x00", error=["secret"])
    )


def test_only_settings_that_count_make_an_implementation_different() -> None:
    plain = settings_digest({"temperature": 0.5, "max_output_tokens": 10}, None)
    assert settings_digest({"max_output_tokens": 99, "temperature": 0.5, "reasoning": None}, []) == plain
    assert settings_digest({"temperature": 0.6}, None) != plain
    assert settings_digest({"temperature": 0.5}, [{"name": "search"}]) != plain


def test_key_order_does_not_make_an_implementation_different() -> None:
    format_one, format_two = {"type": "json", "strict": True}, {"strict": True, "type": "json"}
    assert settings_digest({"response_format": format_one}, None) == settings_digest(
        {"response_format": format_two}, None
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = ["model", "path", "external_id", "instructions", "input", "messages", "output", "tools", "tool_choice", "x"]
FIELDS = st.sampled_from([*NAMES, "temperature", "usage", "started_at", "metadata", "error"])


@given(st.dictionaries(FIELDS, JSON) | JSON)
def test_any_body_is_either_read_or_refused_with_reasons(body: Any) -> None:
    try:
        outcome: Any = read_trace(body).path
    except InvalidTraceError as error:
        outcome = error.problems
    assert outcome


# --- the quick proof that nothing is wrong, against the walk through every value

LEAVES = (
    st.none()
    | st.floats()
    | st.integers(-(2**65), 2**65)
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(["\x00", "\\u0000", "\ud800", "{[" * 3, "null"])
)
BODIES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=8)


@given(BODIES)
def test_a_body_that_is_quickly_found_storable_is_storable(body: object) -> None:
    limits = TraceLimits(text_bytes=16, depth=3)
    assert not (is_surely_storable(body, limits) and list(unstorable(body, limits)))


@given(BODIES)
def test_a_body_of_a_strict_parser_needs_no_look_for_nan(body: object) -> None:
    try:
        parsed = orjson.loads(json.dumps({"metadata": {"x": body}}))
    except orjson.JSONDecodeError:  # NaN, an infinite number, a lone surrogate
        return
    limits = TraceLimits(depth=5)
    assert _outcome(SMALLEST | parsed, limits, is_json=True) == _outcome(SMALLEST | parsed, limits, is_json=False)


def _outcome(body: object, limits: TraceLimits, *, is_json: bool) -> object:
    try:
        return read_trace(body, limits, is_json=is_json).columns
    except InvalidTraceError as error:
        return error.problems


def test_an_ordinary_trace_is_quickly_found_storable() -> None:
    body = SMALLEST | {"messages": [{"role": "user", "content": "Hi, {name}!"}], "usage": {"input_tokens": 3}}
    assert is_surely_storable(body, TraceLimits())


@pytest.mark.parametrize(
    "further",
    [
        {"user_id": None, "metadata": {"cache": None}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}] * 200},
        {"instructions": "x" * 5_000, "metadata": {"rows": [{}] * 9_000}},
        {"instructions": "Answer null.", "started_at": datetime.now(UTC)},
    ],
    ids=["null", "many small objects", "a long text and many empty objects", "a time and the word null"],
)
def test_bodies_of_agents_are_quickly_found_storable(further: dict[str, object]) -> None:
    assert is_surely_storable(SMALLEST | further, TraceLimits())


def test_nan_beside_a_time_is_not_found_storable() -> None:
    assert not is_surely_storable(
        SMALLEST | {"started_at": datetime.now(UTC), "temperature": float("nan")}, TraceLimits()
    )


@pytest.mark.parametrize("name", ["input", "messages", "tools"])
def test_a_list_with_too_many_items_is_refused(name: str) -> None:
    with pytest.raises(InvalidTraceError) as caught:
        read_trace(SMALLEST | {name: [{"role": "user"}] * 11}, TraceLimits(items=10))
    assert "at most 10" in str(caught.value.problems)


def test_a_body_of_a_million_faults_is_answered_with_a_hundred() -> None:
    with pytest.raises(InvalidTraceError) as caught:
        read_trace(SMALLEST | {"metadata": {"x": [float("nan")] * 1_000_000}})
    assert len(caught.value.problems) == MOST_PROBLEMS


_right = st.one_of(
    st.text(max_size=3), st.integers(-1, 3), st.floats(), st.booleans(), st.none(), st.just([]), st.just({}),
    st.just({"input_tokens": 3, "more": 1}), st.just({"input_tokens": -3}), st.just([{"role": "user", "content": "Hi"}]),
    st.just([{"role": 3, "content": "Hi"}]), st.just([{"type": "function", "content": 3}]), st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    st.just(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)), st.just(datetime(2100, 1, 1, tzinfo=UTC)), st.just("x" * 513), st.just(2**63),
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(TraceIn.model_fields, _right)))
def test_a_text_that_looks_right_at_a_glance_is_right_and_stays_as_it_is(fields: dict[str, Any]) -> None:
    body = {"model": "m", "path": "/p"} | fields
    if is_surely_right(body):
        checked = TraceIn.model_validate(body)
        for name in ("model", "path", "external_id", "conversation_id", "user_id", "started_at", "completed_at"):
            assert getattr(checked, name) == body.get(name)


def test_every_field_is_looked_at_but_the_one_that_may_be_anything() -> None:
    assert _CHECK_BY_FIELD.keys() == TraceIn.model_fields.keys() - {"output"}
