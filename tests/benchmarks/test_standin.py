"""The stand-in server: what framework chains talk to when they are recorded."""

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
            "properties": {"people": {"type": "array", "items": {"$ref": "#/$defs/Person"}}, "urgent": {"type": "boolean"}},
            "$defs": {
                "Person": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
                }
            },
        },
    },
}


@pytest.fixture
def server():
    with running() as server:
        yield server


def chat(url, text, **more):
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    request = Request(f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)["choices"][0]["message"]


def test_an_exchange_is_kept_under_the_path_of_its_call_site(server):
    message = chat(server.url("/shop/summary"), "Sum this up.")

    assert [(each["path"], each["request"]["messages"][0]["content"]) for each in server.exchanges] == [("/shop/summary", "Sum this up.")]
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


def test_another_address_is_not_found(server):
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{server.url('/x')}/embeddings", b"{}"), timeout=10)

    assert refused.value.code == 404
    refused.value.close()
    assert server.exchanges == []
