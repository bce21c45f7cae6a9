"""Sends the LLM calls of an app to Promptlode: in the background, in batches, and never in the way of the app.

    import promptlode_client as promptlode

    promptlode.record(model="gpt-5", path="/support/triage", messages=[...], output="...")
    openai = promptlode.wrap(OpenAI())          # or record every call of an OpenAI client by itself

settings   what the environment says
context    call site and W3C trace context of the code that is running
plain      values of any kind as JSON
buffer     the calls that wait, within a bound
transport  one POST and what its answer means
client     the background thread: batches, retries, exit, fork
openai     the wrapper of OpenAI's client
"""

from __future__ import annotations

from typing import Any, TypeVar

from promptlode_client.client import Client, Stats
from promptlode_client.context import at, trace_context
from promptlode_client.openai import wrap_with
from promptlode_client.settings import Settings

__all__ = ["Client", "Settings", "Stats", "at", "client", "flush", "record", "stats", "trace_context", "wrap"]

T = TypeVar("T")

_shared: dict[str, Client] = {}


def client() -> Client:
    """The client that the functions of this module share; made of the environment when it is first needed."""
    found = _shared.get("")
    return found or _shared.setdefault("", Client(Settings.from_environment()))  # no lock that a fork could keep


def record(**call: Any) -> None:
    """Send one call: the fields of `POST /api/v1/traces`.  Returns at once and never raises."""
    client().record(**call)


def wrap(openai: T, path: str | None = None) -> T:
    """Record every chat completion and response of an OpenAI client; the same client, whose answers stay as they are."""
    return wrap_with(client(), openai, path)


def flush(timeout: float = 5.0) -> bool:
    """Wait until everything is sent; False when it took longer."""
    return client().flush(timeout)


def stats() -> Stats:
    """What became of the calls so far."""
    return client().stats()
