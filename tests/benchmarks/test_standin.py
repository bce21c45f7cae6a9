"""The stand-in server that answers framework chains while they are recorded."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from benchmarks.frameworks.standin import running

TOOL = {
    "type": "function",
    "function": {
        "name": "save",
        "parameters": {
            "type": "object",
            "properties": {
                "people": {"type": "array", "items": {"$ref": "#/$defs/Person"}},
                "urgent": {"type": "boolean"},
            },
            "$defs": {
                "Person": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    },
                }
            },
        },
    },
}


@pytest.fixture
def server():
    with running() as server:
        yield server


def chat(url, text, **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **fields}
    request = Request(f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)["choices"][0]["message"]


def test_an_exchange_is_kept_under_the_path_of_its_call_site(server):
    message = chat(server.url("/shop/summary"), "Sum this up.")

    assert [(exchange["path"], exchange["request"]["messages"][0]["content"]) for exchange in server.exchanges] == [
        ("/shop/summary", "Sum this up.")
    ]
    assert server.exchanges[0]["response"]["choices"][0]["message"] == message


def test_equal_requests_get_equal_answers(server):
    text = "What is said here?\n" + "The old bridge leads over the river to the mill. " * 9

    assert chat(server.url("/a"), text) == chat(server.url("/b"), text)


def test_a_tool_is_called_with_arguments_of_its_schema(server):
    call = chat(server.url("/x"), "Ada and Bob were here.", tools=[TOOL])["tool_calls"][0]["function"]
    arguments = json.loads(call["arguments"])

    assert call["name"] == "save"
    assert isinstance(arguments["urgent"], bool)
    assert all(isinstance(p["name"], str) and isinstance(p["age"], int) for p in arguments["people"])


def test_a_judge_answers_in_the_schema_that_was_asked_for(server):
    schema = TOOL["function"]["parameters"] | {
        "properties": {"verdict": {"enum": ["yes", "no"]}, "reasons": {"type": "array", "items": {"type": "string"}}}
    }
    format = {"type": "json_schema", "json_schema": {"name": "Verdict", "schema": schema}}
    answer = json.loads(
        chat(
            server.url("/x"),
            "Is it so?\n**\nText:\nThe old bridge leads over the river to the mill.",
            response_format=format,
        )["content"]
    )

    assert answer["verdict"] in ("yes", "no")
    assert set(answer["reasons"]) == {"The old bridge leads over the river to the mill."}


def test_the_fields_of_a_program_are_filled_in_by_their_types(server):
    question = (
        "Your input fields are:\n1. `question` (str):\nYour output fields are:\n1. `thought` (str): \n2. `tool` (Literal['finish']): \n"
        "3. `arguments` (dict[str, Any]): \n4. `sure` (bool):\nAll interactions will be structured"
    )
    fields = chat(server.url("/x"), question)["content"].split("\n\n")

    assert [field.partition("\n")[0] for field in fields] == [
        "[[ ## thought ## ]]",
        "[[ ## tool ## ]]",
        "[[ ## arguments ## ]]",
        "[[ ## sure ## ]]",
    ]
    assert [field.partition("\n")[2] for field in fields[1:3]] == ["finish", "{}"]
    assert fields[3].partition("\n")[2] in ("True", "False")


def test_another_address_is_not_found(server):
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{server.url('/x')}/embeddings", b"{}"), timeout=60)

    assert refused.value.code == 404
    refused.value.close()
    assert server.exchanges == []
