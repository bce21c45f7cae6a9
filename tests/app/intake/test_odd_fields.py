"""A side field of a wrong kind never costs a call."""

from typing import Any

import pytest

from app.intake.lenient import UNREAD, read_leniently
from app.intake.trace import InvalidTraceError

BODY = {"model": "m", "path": "/p", "input": "Hi"}


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("temperature", "0.7", 0.7),
        ("temperature", "", None),
        ("max_output_tokens", 256.0, 256),
        ("max_output_tokens", "256", 256),
        ("max_output_tokens", "", None),
        ("max_output_tokens", "inf", None),
        ("max_output_tokens", "Infinity", None),
        ("reasoning", "", None),
        ("tool_choice", "", None),
        ("response_format", "", None),
    ],
)
def test_a_setting_is_taken_for_what_it_plainly_means(field: str, value: Any, stored: Any) -> None:
    read = read_leniently(BODY | {field: value})
    assert read.incoming.columns["settings"].get(field) == stored
    assert read.unreadable_fields == {}


@pytest.mark.parametrize("field", ["user_id", "conversation_id", "external_id"])
@pytest.mark.parametrize(
    ("value", "stored"), [(7, "7"), (7.0, "7"), (0, "0"), ("", None), (" ", None), ("u", "u"), (1.5, "1.5")]
)
def test_an_id_that_is_a_number_is_its_text(field: str, value: Any, stored: Any) -> None:
    assert read_leniently(BODY | {field: value}).incoming.columns[field] == stored


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "warm"),
        ("temperature", "1_0"),
        ("temperature", "nan"),
        ("temperature", "\u0663"),
        ("max_output_tokens", "1_000"),
        ("max_output_tokens", "\u0663"),
        ("temperature", True),
        ("temperature", -1),
        ("temperature", float("nan")),
        ("max_output_tokens", -1),
        ("max_output_tokens", 1.5),
        ("user_id", {"id": 7}),
        ("user_id", True),
        ("conversation_id", ["a"]),
        ("tools", "none"),
        ("tools", [3]),
        ("tool_choice", 3),
        ("reasoning", True),
        ("response_format", ["json"]),
        ("error", 3),
        ("started_at", "soon"),
        ("completed_at", "9999-01-01T00:00:00Z"),
        ("output", "a\0b"),
        ("usage", 3),
        ("external_id", "x" * 600),
    ],
)
def test_a_value_that_cannot_be_read_is_kept_under_metadata_with_the_reason(field: str, value: Any) -> None:
    read = read_leniently(BODY | {field: value})
    assert list(read.unreadable_fields) == [field]
    unread = read.incoming.columns["metadata"][UNREAD]
    assert unread[field]["reason"] == read.unreadable_fields[field]
    assert read.incoming.prompt.parts == ("", "Hi")


def test_one_count_that_is_odd_costs_none_of_the_others() -> None:
    read = read_leniently(BODY | {"usage": {"input_tokens": 3.0, "output_tokens": "4", "total_tokens": -1}})
    assert read.incoming.columns["usage"] == {"input_tokens": 3, "output_tokens": 4}
    assert read.incoming.columns["metadata"][UNREAD]["usage.total_tokens"]["value"] == -1


def test_several_odd_fields_are_all_named() -> None:
    read = read_leniently(BODY | {"temperature": "warm", "max_output_tokens": -1, "metadata": {"a": 1}})
    assert set(read.unreadable_fields) == {"temperature", "max_output_tokens"}
    assert read.incoming.columns["metadata"]["a"] == 1


@pytest.mark.parametrize(
    "wrong", [{"model": ""}, {"model": 3}, {"path": ""}, {"messages": "x"}, {"input": "a\0b"}, {"instructions": 3}]
)
def test_the_prompt_the_model_and_the_path_refuse_a_call(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidTraceError) as refused:
        read_leniently(BODY | {"temperature": "warm"} | wrong)
    assert [problem.loc[0] for problem in refused.value.problems] == list(wrong)


def test_a_call_without_odd_fields_keeps_its_body() -> None:
    read = read_leniently(BODY | {"temperature": 0.5, "usage": {"input_tokens": 3}, "user_id": "u"})
    assert (read.unreadable_fields, read.incoming.columns["metadata"]) == ({}, None)


def test_an_end_before_the_beginning_is_kept_under_metadata_with_the_reason() -> None:
    early, later = "2026-03-01T10:00:00Z", "2026-03-01T10:00:05Z"
    read = read_leniently(BODY | {"started_at": later, "completed_at": early})
    assert read.unreadable_fields == {"completed_at": "Must not be before started_at."}
    assert read.incoming.columns["completed_at"] is None
    assert read.incoming.columns["metadata"][UNREAD]["completed_at"]["value"] == early
    assert read_leniently(BODY | {"started_at": early, "completed_at": early}).unreadable_fields == {}
