"""OpenAI's client, recorded: chat completions and responses, `create`, `parse` and `stream`, streaming or not, sync and async."""

from __future__ import annotations

from typing import Any, TypeVar

from promptlode_client.answers import ChatAnswer, ResponseAnswer
from promptlode_client.client import Client
from promptlode_client.wrapping import How, arguments, watch_method

T = TypeVar("T")

_NO_REQUEST = {"extra_headers", "extra_query", "extra_body", "timeout", "stream", "stream_options"}
"""Arguments of the client itself, which are not part of the request."""

_NAMES = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "user": "user_id",
    "text_format": "response_format",
}


def wrap_with(recorder: Client, client: T, path: str | None = None) -> T:
    """The same client, recorded from now on. Wrapping it again changes nothing."""
    wrap_openai(recorder, client, path)
    return client


def wrap_openai(recorder: Client, client: Any, path: str | None) -> bool:
    """Record the client from now on, if it is OpenAI's; answers whether it is."""
    chat = getattr(getattr(client, "chat", None), "completions", None)
    resources = ((chat, ChatAnswer), (getattr(client, "responses", None), ResponseAnswer))
    watched = [
        watch_method(recorder, resource, name, How(_request, answer), path)
        for resource, answer in resources
        for name in ("create", "parse")
    ]
    return any(watched)


def _request(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments under our names."""
    request = arguments(kwargs, _NO_REQUEST)
    body = {_NAMES.get(name, name): value for name, value in request.items()}
    if "reasoning_effort" in body:
        body.setdefault("reasoning", {"effort": body.pop("reasoning_effort")})
    text = body.get("text")
    if isinstance(text, dict) and text.get("format"):
        body.setdefault("response_format", text["format"])
    if isinstance(body.get("response_format"), str):
        body["response_format"] = {"type": body["response_format"]}
    return body
