"""Every script of the coalescing protocol takes arguments that nobody should send: a group's hash stays whole, and
expires.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ResponseError

from tasks.coalescing import protocol
from tasks.coalescing.protocol import source

FOLDER = Path(protocol.__file__).parent
TRANSITIONS = {"request": 4, "claim": 3, "heartbeat": 1, "finish": 4, "wake": 3}
"""Arguments of its own that each transition has."""

OTHERS = {"due_take": 0, "due_add": 2, "turns": 5, "turns_note": 3}
"""Scripts with a key of another kind, and their arguments after the first."""

KEY = "promptlode:attacked"
STATES = ("idle", "parked", "queued", "running")

numbers = st.integers(0, 2**53).map(str) | st.floats(0, 1e12).map(str)
texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["0", "1", "committed", "failed", "ann", "-1"]
)
anything = (
    texts
    | numbers
    | st.sampled_from(["nan", "inf", "-inf", "1e400", "0x10", "\x00", "'; return redis.call('FLUSHALL')"])
)
calls = st.lists(
    st.sampled_from(sorted(TRANSITIONS)).flatmap(
        lambda name: st.tuples(
            st.just(name), st.lists(anything, min_size=TRANSITIONS[name], max_size=TRANSITIONS[name])
        )
    ),
    max_size=6,
)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)


@pytest.fixture
def raw(redis_client: Redis) -> Redis:
    return redis_client


def run(redis: Redis, script: str, key: str, arguments: list[Any]) -> None:
    """Calls a script, which may refuse its arguments only by an error of its own."""
    try:
        redis.eval(script, 1, key, *arguments)
    except ResponseError as error:
        if "script" not in str(error).lower():
            raise


def test_no_script_is_left_out() -> None:
    assert {file.stem for file in FOLDER.glob("*.lua")} == {"state", *TRANSITIONS, *OTHERS}


def test_a_hash_stays_whole_whatever_transitions_are_told(raw: Redis) -> None:
    terms = ["5000", "100", "100", "100", "50", "100", "3", "20"]

    @QUICK
    @given(calls=calls, patience=numbers)
    def attack(calls: list[tuple[str, list[str]]], patience: str) -> None:
        raw.flushall()
        for name, arguments in calls:
            run(raw, source("state") + source(name), KEY, [*terms, patience, *arguments])
        fields = raw.hgetall(KEY)
        assert raw.keys() == ([KEY] if fields else [])
        assert fields.get("state", "idle") in STATES
        assert float(fields.get("done", 0)) <= float(fields.get("seq", 0))
        assert not fields or 0 < raw.pttl(KEY) <= 5000

    attack()


@pytest.mark.parametrize("name", OTHERS)
def test_a_sorted_set_ends_and_nothing_else_is_touched(raw: Redis, name: str) -> None:
    @QUICK
    @given(arguments=st.lists(anything, min_size=OTHERS[name], max_size=OTHERS[name]))
    def attack(arguments: list[str]) -> None:
        raw.flushall()
        run(raw, source(name), KEY, ["5000", *arguments])
        assert set(raw.keys()) <= {KEY}
        assert raw.ping()

    attack()
