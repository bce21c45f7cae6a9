"""OpenAI's own client, recorded: its answers stay as they are, and its calls are stored.

The client is imported by the tests that use it: it takes a second, and every worker of the tests imports this module.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from promptlode_client import Client, at
from promptlode_client.openai import wrap_with
from pydantic import BaseModel

from tests.client.serving import COMPLETION, RESPONSE

if TYPE_CHECKING:
    from openai import OpenAI

Stored = Callable[[], list[Any]]
MESSAGES: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
PROMPT = [{"role": "system", "text": "Be brief."}, {"role": "user", "text": "Hi"}]
SAID = {"role": "assistant", "content": "Hello there"}


@pytest.fixture
def plain(openai_url: str) -> Any:
    from openai import OpenAI

    with OpenAI(base_url=openai_url, api_key="x", max_retries=0) as openai:
        yield openai


@pytest.fixture
def wrapped(client: Client, openai_url: str) -> Any:
    from openai import OpenAI

    with OpenAI(base_url=openai_url, api_key="x", max_retries=0) as openai:
        yield wrap_with(client, openai, "/chat")


def sent(client: Client, stored: Stored) -> Any:
    """The only call that was recorded."""
    assert client.flush(60)
    (trace,) = stored()
    return trace


def test_a_completion_is_the_same_and_is_stored(
    plain: "OpenAI", wrapped: "OpenAI", client: Client, stored: Stored
) -> None:
    request: Any = {"model": "gpt-5", "messages": MESSAGES, "max_tokens": 9, "user": "u", "temperature": 0}
    answer = wrapped.chat.completions.create(**request)
    assert answer == plain.chat.completions.create(**request)
    trace = sent(client, stored)
    assert (trace["prompt"], trace["path"], trace["user_id"]) == (PROMPT, "/chat", "u")
    assert trace["output"][0].items() >= SAID.items()
    assert (trace["usage"]["input_tokens"], trace["max_output_tokens"], trace["temperature"]) == (4, 9, 0)


def test_a_response_is_the_same_and_is_stored(
    plain: "OpenAI", wrapped: "OpenAI", client: Client, stored: Stored
) -> None:
    request: Any = {"model": "gpt-5", "instructions": "Be brief.", "input": "Hi"}
    answer = wrapped.responses.create(**request)
    assert answer == plain.responses.create(**request)
    trace = sent(client, stored)
    assert trace["prompt"] == PROMPT
    assert trace["output"][0]["content"][0]["text"] == "Hello there"
    assert trace["usage"]["cached_tokens"] == 1


def test_a_stream_of_a_completion_is_the_same_and_is_stored_whole(
    plain: "OpenAI", wrapped: "OpenAI", client: Client, stored: Stored
) -> None:
    streams = [
        openai.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True) for openai in (plain, wrapped)
    ]
    assert type(streams[0]) is type(streams[1])
    assert list(streams[0]) == list(streams[1])
    (message,) = sent(client, stored)["output"]
    assert message["content"] == "Hello there"
    assert message["tool_calls"][0] == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "find", "arguments": '{"q": 1}'},
    }


def test_a_stream_of_a_response_is_the_same_and_is_stored_whole(
    plain: "OpenAI", wrapped: "OpenAI", client: Client, stored: Stored
) -> None:
    streams = [openai.responses.create(model="gpt-5", input="Hi", stream=True) for openai in (plain, wrapped)]
    assert list(streams[0]) == list(streams[1])
    trace = sent(client, stored)
    assert trace["output"][0]["content"][0]["text"] == "Hello there"
    assert trace["usage"]["input_tokens"] == RESPONSE["usage"]["input_tokens"]  # type: ignore[index]


def test_of_a_stream_that_is_left_early_what_was_read_is_stored(
    wrapped: "OpenAI", client: Client, stored: Stored
) -> None:
    with wrapped.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True) as stream:
        next(stream)
    assert sent(client, stored)["output"] == [{"role": "assistant", "content": "Hello"}]


def test_the_helper_that_follows_a_stream_works(wrapped: "OpenAI", client: Client, stored: Stored) -> None:
    with wrapped.chat.completions.stream(model="gpt-5", messages=MESSAGES) as stream:
        stream.until_done()
    assert sent(client, stored)["output"][0]["content"] == "Hello there"


class Verdict(BaseModel):
    label: str


def test_a_call_with_a_format_of_the_answer_is_stored_with_it(
    wrapped: "OpenAI", client: Client, stored: Stored
) -> None:
    with pytest.raises(ValueError, match="Verdict"):  # the stand-in's answer is no JSON
        wrapped.chat.completions.parse(model="gpt-5", messages=MESSAGES, response_format=Verdict)
    assert sent(client, stored)["response_format"]["title"] == "Verdict"


def test_an_answer_that_is_read_raw_is_the_same_and_its_request_is_stored(
    wrapped: "OpenAI", client: Client, stored: Stored
) -> None:
    raw = wrapped.chat.completions.with_raw_response.create(model="gpt-5", messages=MESSAGES)
    assert raw.http_response.json() == COMPLETION
    assert raw.parse().choices[0].message.content == "Hello there"
    assert sent(client, stored)["prompt"] == PROMPT


def test_an_error_is_raised_as_ever_and_stored_by_its_kind(wrapped: "OpenAI", client: Client, stored: Stored) -> None:
    from openai import NotFoundError

    with pytest.raises(NotFoundError, match="no such model"):
        wrapped.chat.completions.create(model="none", messages=MESSAGES)
    assert sent(client, stored)["error"] == {"type": "NotFoundError"}


def test_wrong_arguments_are_the_apps_own_error(wrapped: "OpenAI", client: Client) -> None:
    with pytest.raises(TypeError):
        wrapped.chat.completions.create()  # type: ignore[call-overload]
    assert client.stats().waiting == 0


def test_an_async_client_is_recorded_as_well(client: Client, openai_url: str, stored: Stored) -> None:
    from openai import AsyncOpenAI, NotFoundError

    async def calls() -> list[Any]:
        async with AsyncOpenAI(base_url=openai_url, api_key="x", max_retries=0) as openai:
            wrap_with(client, openai)
            with at("/async"):
                completion = await openai.chat.completions.create(model="gpt-5", messages=MESSAGES)
                stream = await openai.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True)
            pieces = [piece async for piece in stream]
            with pytest.raises(NotFoundError):
                await openai.responses.create(model="none", input="Hi")
            return [completion, pieces]

    completion, pieces = asyncio.run(calls())
    assert (completion.choices[0].message.content, len(pieces)) == ("Hello there", 5)
    assert client.flush(60)
    traces = stored()
    assert [trace["path"] for trace in traces] == ["/async", "/async", f"{__name__}.calls"]
    assert [trace["output"][0]["content"] for trace in traces[:2]] == ["Hello there"] * 2
    assert traces[2]["error"] == {"type": "NotFoundError"}


def test_a_client_that_is_wrapped_twice_records_a_call_once(wrapped: "OpenAI", client: Client, stored: Stored) -> None:
    wrap_with(client, wrapped).chat.completions.create(model="gpt-5", messages=MESSAGES)
    sent(client, stored)


def test_a_conversation_that_goes_on_in_the_same_list_is_stored_as_it_was(
    wrapped: "OpenAI", client: Client, stored: Stored
) -> None:
    messages = list(MESSAGES)
    answer = wrapped.chat.completions.create(model="gpt-5", messages=messages, stream=True)
    messages.append(SAID)
    list(answer)
    assert len(sent(client, stored)["messages"]) == 2


def test_something_that_is_no_openai_client_stays_as_it_is(client: Client) -> None:
    thing = object()
    assert wrap_with(client, thing) is thing
