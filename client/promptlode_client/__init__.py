"""Sends the LLM calls of an app to Promptlode: in the background, in batches, and never in the way of the app.

    import promptlode_client as promptlode

    promptlode.record(model="gpt-5", path="/support/triage", messages=[...], output="...")
    openai = promptlode.wrap(OpenAI())          # or record every call of a provider's client by itself

settings   what the environment says
context    call site and W3C trace context of the code that is running
plain      values of any kind as JSON
buffer     the calls that wait, within a bound
transport  one POST and what its answer means
client     the background thread: batches, retries, exit, fork
wrapping   a provider's client, recorded; `openai`, `anthropic` and `gemini` say how each is read, `providers` finds which it is
litellm    a callback of LiteLLM
langchain  a callback of LangChain
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from promptlode_client import langchain, litellm
from promptlode_client.client import Client, Stats
from promptlode_client.context import at, trace_context
from promptlode_client.providers import wrap_any
from promptlode_client.settings import Settings

__all__ = [
    "Client", "Settings", "Stats", "at", "client", "flush", "langchain_callback", "litellm_callback", "record", "stats",
    "trace_context", "wrap",
]  # fmt: skip

T = TypeVar("T")

_shared: dict[str, Client] = {}


def client() -> Client:
    """The client that the functions of this module share, made from the environment at first use."""
    shared = _shared.get("")
    return shared or _shared.setdefault("", Client(Settings.from_environment()))  # no lock, which a fork could keep


def record(
    *,
    model: str | None = None,
    path: str | None = None,
    messages: Sequence[Mapping[str, Any]] | None = None,
    input: str | Sequence[Mapping[str, Any]] | None = None,  # the field's own name
    instructions: str | None = None,
    output: Any = None,
    usage: Mapping[str, Any] | None = None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    tool_choice: str | Mapping[str, Any] | None = None,
    temperature: float | None = None,
    max_output_tokens: int | None = None,
    reasoning: str | Mapping[str, Any] | None = None,
    response_format: str | Mapping[str, Any] | None = None,
    conversation_id: str | None = None,
    user_id: str | None = None,
    external_id: str | None = None,
    started_at: datetime | str | float | None = None,
    completed_at: datetime | str | float | None = None,
    error: str | Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    **further: Any,
) -> None:
    """Send one call: the fields of `POST /api/v1/traces`, further ones as metadata. Returns at once and never raises."""
    fields = {**further, **{name: value for name, value in locals().items() if name != "further"}}
    client().record(**{name: value for name, value in fields.items() if value is not None})


def wrap(provider: T, path: str | None = None) -> T:
    """Record every call of a client of OpenAI, Anthropic or Google's Gemini; the same client, whose answers stay as they are."""
    return wrap_any(client(), provider, path)


def litellm_callback(path: str | None = None) -> Any:
    """A callback for `litellm.callbacks`, of LiteLLM's SDK or its proxy."""
    return litellm.litellm_callback(client(), path)


def langchain_callback(path: str | None = None) -> Any:
    """A callback for LangChain's `config={"callbacks": [...]}`."""
    return langchain.langchain_callback(client(), path)


def flush(timeout: float = 5.0) -> bool:
    """Wait until everything is sent; False when it took longer."""
    return client().flush(timeout)


def stats() -> Stats:
    """The numbers of calls by outcome."""
    return client().stats()
