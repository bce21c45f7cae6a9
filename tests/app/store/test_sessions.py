"""Calls of one agent run are told to the miner as one session."""

import pytest

from app.store.calls import otel_trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("external_id", "expected"),
    [(f"{TRACE}:{SPAN}", TRACE), (TRACE, None), (f"{TRACE}:x", None), ("order:7", None), (f"{TRACE.upper()}:{SPAN}", None), (None, None)],
)  # fmt: skip
def test_the_trace_of_a_span_is_in_its_external_id(external_id: str | None, expected: str | None) -> None:
    assert otel_trace_of(external_id) == expected
