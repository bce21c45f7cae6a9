"""An input is stored without the texts of its prompt, and reads back in every byte."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake.prompts import prompt_of
from app.sample import traces
from app.store.inputs import MARK, packed, unpacked

LONG = "Sort the mail into billing, returns or other."
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60) | st.sampled_from(
    ["", "\n\n", LONG, f"{LONG}\n\n{LONG}", "0:1:2", "é漢😀" * 20]
)
PART = st.one_of(
    TEXT, st.fixed_dictionaries({"type": st.sampled_from(["text", "input_text", "image_url"]), "text": TEXT})
)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
        "content": st.none() | TEXT | st.lists(PART, max_size=3),
    },
    optional={"name": TEXT, "tool_calls": st.lists(st.dictionaries(TEXT, TEXT, max_size=1), max_size=1)},
).flatmap(lambda message: st.permutations(list(message.items())).map(dict))
INPUT = st.fixed_dictionaries(
    {},
    optional={
        "instructions": TEXT,
        "input": TEXT | st.lists(MESSAGE, max_size=4),
        "messages": st.lists(MESSAGE, max_size=4),
    },
)


def kept(body: dict[str, Any]) -> tuple[Any, Any]:
    """(the stored form of an input, the input that is read back)."""
    prompt = prompt_of(body)
    stored = orjson.loads(orjson.dumps(packed(body, prompt.source, prompt.parts)))
    return stored, unpacked(stored, prompt.source, prompt.parts)


@given(INPUT)
def test_any_input_reads_back_in_every_byte(body: dict[str, Any]) -> None:
    _, read = kept(body)
    assert orjson.dumps(read) == orjson.dumps(body)


def test_the_sample_traffic_reads_back_in_every_byte() -> None:
    for call in traces(0):
        body = {name: call[name] for name in ("instructions", "input", "messages") if call.get(name) is not None}
        assert orjson.dumps(kept(body)[1]) == orjson.dumps(body)


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ({"input": LONG}, 0),
        ({"instructions": LONG, "input": "My parcel is late."}, 0),
        ({"messages": [{"role": "user", "content": LONG}]}, 1),
        ({"messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "Hi"}]}, 1),
        ({"instructions": LONG, "input": [{"role": "user", "content": "Hi"}]}, 1),
        ({"messages": [{"role": "developer", "content": LONG}, {"role": "user", "content": "Hi"}]}, 2),
        ({"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": LONG}]}]}, 3),
    ],
)
def test_a_usual_input_is_a_number(body: dict[str, Any], number: int) -> None:
    assert kept(body)[0] == number


def test_of_a_conversation_the_later_turns_are_kept() -> None:
    question, answer = (
        {"role": "user", "content": LONG},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
    )
    assert kept({"messages": [question, answer]})[0] == [1, answer]


def test_texts_of_other_inputs_are_references() -> None:
    first, second = (
        {"role": "user", "content": LONG},
        {"role": "user", "content": [{"type": "text", "text": LONG + LONG}]},
    )
    answer = {"role": "assistant", "content": "What the model said is no prompt."}
    stored, _ = kept({"messages": [first, second, answer]})
    size = len(LONG)
    texts = [f"{MARK}1:0:{size}", f"{MARK}1:{size + 2}:{3 * size + 2}"]
    assert stored["messages"][0]["content"] == texts[0]
    assert stored["messages"][1]["content"] == [{"type": "text", "text": texts[1]}]
    assert stored["messages"][2] == answer


def test_the_order_of_keys_is_kept() -> None:
    stored, read = kept({"messages": [{"content": LONG, "role": "user"}]})
    assert stored == {"messages": [{"content": f"{MARK}1", "role": "user"}]}
    assert list(read["messages"][0]) == ["content", "role"]
