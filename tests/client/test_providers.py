"""Clients of Anthropic and Google, LiteLLM and LangChain, recorded: answers stay as they are, and calls are stored.

The clients are imported by the tests that use them: it takes seconds, and every worker of the tests imports this module.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import promptlode_client
import pytest
from promptlode_client import Client, Settings
from promptlode_client.langchain import langchain_callback
from promptlode_client.litellm import record_call
from promptlode_client.providers import wrap_any

from benchmarks.senders.standin import StandIn, standing_in
from tests.client.serving import Serving

if TYPE_CHECKING:
    from anthropic import Anthropic

Stored = Callable[[], list[Any]]
PROMPT = [{"role": "system", "text": "Be brief."}, {"role": "user", "text": " Hi {x} "}]
ASKED: Any = {
    "model": "claude-of-tests",
    "max_tokens": 300,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": " Hi {x} "}],
}
ANSWER = "Answer 1: billing."


@pytest.fixture
def models() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def anthropic(client: Client, models: StandIn) -> "Iterator[Anthropic]":
    from anthropic import Anthropic

    with Anthropic(base_url=models.address, api_key="x", max_retries=0) as provider:
        yield wrap_any(client, provider, "/reply")


@pytest.fixture
def gemini(client: Client, models: StandIn) -> Any:
    from google import genai

    return wrap_any(client, genai.Client(api_key="x", http_options={"base_url": models.address}), "/reply")


def sent(client: Client, stored: Stored) -> Any:
    """The only call that was recorded."""
    assert client.flush(60)
    (trace,) = stored()
    return trace


def is_whole(trace: Any) -> bool:
    """Whether a stored trace has the prompt, answer, counts and call site of the call."""
    counts = (trace["usage"]["input_tokens"], trace["usage"]["output_tokens"])
    return (trace["prompt"], trace["path"], counts) == (PROMPT, "/reply", (101, 11)) and ANSWER in str(trace["output"])


def test_a_message_is_the_same_and_is_stored(anthropic: "Anthropic", client: Client, stored: Stored) -> None:
    assert anthropic.messages.create(**ASKED).content[0].text == ANSWER  # type: ignore[union-attr]
    trace = sent(client, stored)
    assert is_whole(trace)
    assert trace["max_output_tokens"] == 300


def test_a_stream_of_a_message_is_stored_whole(anthropic: "Anthropic", client: Client, stored: Stored) -> None:
    assert [event.type for event in anthropic.messages.create(stream=True, **ASKED)][-1] == "message_stop"
    assert is_whole(sent(client, stored))


def test_the_helper_that_follows_a_stream_of_a_message_works(
    anthropic: "Anthropic", client: Client, stored: Stored
) -> None:
    with anthropic.messages.stream(**ASKED) as stream:
        assert "".join(stream.text_stream) == ANSWER
    assert is_whole(sent(client, stored))


def test_an_awaited_message_and_an_awaited_stream_are_stored(client: Client, models: StandIn, stored: Stored) -> None:
    from anthropic import AsyncAnthropic

    async def ask() -> None:
        async with AsyncAnthropic(base_url=models.address, api_key="x") as provider:
            wrapped = wrap_any(client, provider, "/reply")
            await wrapped.messages.create(**ASKED)
            async with wrapped.messages.stream(**ASKED) as stream:
                assert [text async for text in stream.text_stream]

    asyncio.run(ask())
    assert client.flush(60)
    first, second = stored()
    assert is_whole(first)
    assert "Answer 2" in str(second["output"])


def test_contents_are_the_same_and_are_stored(gemini: Any, client: Client, stored: Stored) -> None:
    from google import genai

    config = genai.types.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5)
    answer = gemini.models.generate_content(model="gemini-2.5-flash", contents=" Hi {x} ", config=config)
    assert answer.text == ANSWER
    trace = sent(client, stored)
    assert is_whole(trace)
    assert trace["temperature"] == 0.5


def test_a_stream_of_contents_is_stored_whole(gemini: Any, client: Client, stored: Stored) -> None:
    config = {"system_instruction": "Be brief."}
    arguments = {"model": "gemini-2.5-flash", "contents": " Hi {x} ", "config": config}
    assert "".join(chunk.text for chunk in gemini.models.generate_content_stream(**arguments)) == ANSWER
    assert is_whole(sent(client, stored))


def test_awaited_contents_are_stored(gemini: Any, client: Client, stored: Stored) -> None:
    async def ask() -> None:
        config = {"system_instruction": "Be brief."}
        arguments = {"model": "gemini-2.5-flash", "contents": " Hi {x} ", "config": config}
        stream = await gemini.aio.models.generate_content_stream(**arguments)
        assert "".join([chunk.text async for chunk in stream]) == ANSWER

    asyncio.run(ask())
    assert is_whole(sent(client, stored))


# --- callbacks


@pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction':DeprecationWarning")  # LangChain on Python 3.14
def test_a_run_of_a_model_of_langchain_is_stored(client: Client, stored: Stored) -> None:
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    model = GenericFakeChatModel(
        messages=iter(
            [AIMessage(ANSWER, usage_metadata={"input_tokens": 101, "output_tokens": 11, "total_tokens": 112})]
        )
    )
    config: Any = {
        "callbacks": [langchain_callback(client, "/reply")],
        "metadata": {"thread_id": "t", "ls_model_name": "m"},
    }
    model.invoke([SystemMessage("Be brief."), HumanMessage(" Hi {x} ")], config)
    trace = sent(client, stored)
    assert is_whole(trace)
    assert (trace["model"], trace["conversation_id"]) == ("m", "t")


@pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction':DeprecationWarning")  # LangChain on Python 3.14
def test_a_run_of_langchain_that_fails_is_stored_by_its_kind(client: Client, stored: Stored) -> None:
    from langchain_core.language_models import FakeListChatModel

    model = FakeListChatModel(responses=["x"], error_on_chunk_number=0)
    config: Any = {"callbacks": [langchain_callback(client)], "metadata": {"ls_model_name": "m"}}
    with pytest.raises(Exception):  # noqa: B017, PT011  # whatever that model raises
        list(model.stream("Hi", config))
    assert sent(client, stored)["error"]["type"]


@pytest.mark.parametrize("event_count", [1, 2])
def test_an_event_of_litellm_is_stored_once(client: Client, stored: Stored, event_count: int) -> None:
    kwargs = {
        "model": "gpt-5", "call_type": "acompletion", "litellm_call_id": "c-1", "optional_params": {"temperature": 0.2, "max_tokens": 9},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Hi {x} "}],
        "litellm_params": {"metadata": {"session_id": "s"}},
    }  # fmt: skip
    response = {
        "choices": [{"message": {"role": "assistant", "content": ANSWER}}],
        "usage": {"prompt_tokens": 101, "completion_tokens": 11},
    }
    times = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    for _ in range(event_count):
        record_call(client, "/reply", kwargs, response, times)
    trace = sent(client, stored)
    assert is_whole(trace)
    assert (trace["conversation_id"], trace["max_output_tokens"]) == ("s", 9)


def test_an_embedding_of_litellm_is_no_call(client: Client) -> None:
    record_call(client, None, {"model": "e", "call_type": "aembedding", "input": ["x"]}, None, (None, None))
    assert client.stats().waiting == 0


# --- what is said, once


def test_wrapping_what_is_not_known_is_said_once(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    class Unknown:
        """An object that is no client."""

    for _ in range(2):
        wrap_any(client, Unknown())
    (warning,) = [record.message for record in caplog.records]
    assert "Unknown are not recorded" in warning


def test_a_wrong_key_is_said_once(server: Serving, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(Settings(url=server.url, api_key="wrong", flush_seconds=0.0))
    for _ in range(3):
        client.record(model="m", path="/p", input="secret")
        assert client.flush(60)
    client.close()
    (warning,) = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert "refused the key (status 401)" in warning
    assert "wrong" not in warning


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "localhost:8000"}, "PROMPTLODE_URL is no address"),
        ({"url": "http://"}, "PROMPTLODE_URL is no address"),
        ({"url": "http://host:80a0"}, "PROMPTLODE_URL is no address"),
        ({"url": "http://[::1"}, "PROMPTLODE_URL is no address"),
        ({"url": "http://a host"}, "PROMPTLODE_URL is no address"),
        ({"api_key": "pl_a\nb"}, "characters that no key has"),
        ({"api_key": "pl_\u201cx\u201d"}, "characters that no key has"),
    ],
)
def test_settings_with_which_nothing_can_be_sent_are_named_at_once(
    caplog: pytest.LogCaptureFixture, settings: dict[str, str], words: str
) -> None:
    client = Client(Settings(**{"api_key": "k", **settings}))
    for _ in range(5):
        assert client._transport.post([b"{}"], 5.0).again
    (warning,) = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert words in warning
    assert settings.get("api_key", "localhost") not in warning


def test_a_dead_proxy_is_said_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    with Serving(lambda *_: []) as proxy:
        pass
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    client = Client(Settings(url="http://promptlode.example", api_key="k"))
    for _ in range(5):
        assert client._transport.post([b"{}"], 5.0).again
    (warning,) = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert "is not reached" in warning
    assert "by the http proxy of the environment" in warning


def test_the_typed_fields_of_a_call_are_those_of_the_client(
    client: Client, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(promptlode_client._shared, "", client)
    promptlode_client.record(model="m", path="/p", input="Hi", output="Ho", temperature=0.5, team="shop")
    trace = sent(client, stored)
    assert (trace["model"], trace["input"], trace["temperature"], trace["metadata"]["team"]) == ("m", "Hi", 0.5, "shop")
