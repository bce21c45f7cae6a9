"""Google's client of Gemini, recorded: contents generated at once or as a stream, sync and async, and so its chats.

Promptlode reads Gemini's fields, so the request is sent unchanged.
"""

from __future__ import annotations

from typing import Any

from promptlode_client.client import Client
from promptlode_client.plain import plain
from promptlode_client.wrapping import Answer, How, arguments, watch_method

_NO_REQUEST: set[str] = set()
_NO_SETTING = {"http_options", "should_return_http_response", "automatic_function_calling"}


def wrap_gemini(recorder: Client, client: Any, path: str | None) -> bool:
    """Record the client from now on, if it is Google's; answers whether it is."""
    aio = getattr(getattr(client, "aio", None), "models", None)
    watched = [
        watch_method(recorder, resource, name, How(_request, ContentAnswer), path)
        for resource in (getattr(client, "models", None), aio)
        for name in ("generate_content", "generate_content_stream")
    ]
    return any(watched)


def _request(kwargs: dict[str, Any]) -> dict[str, Any]:
    body = arguments(kwargs, _NO_REQUEST)
    if isinstance(config := body.get("config"), dict):
        body["config"] = {name: value for name, value in config.items() if name not in _NO_SETTING}
    return body


class ContentAnswer(Answer):
    """An answer of generateContent, whose stream sends the same object in pieces."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._others: list[Any] = []
        self._usage: Any = None

    def fields(self) -> dict[str, Any]:
        text = "".join(self._texts)
        parts = ([{"text": text}] if text else []) + self._others
        output = {"output": [{"role": "assistant", "content": text if not self._others else parts}]} if parts else {}
        return {**output, **({"usage": self._usage} if self._usage else {})}

    def read_whole(self, answer: Any) -> None:
        for part in self._parts(answer):
            if isinstance(part.get("text"), str) and not part.get("thought"):
                self._texts.append(part["text"])
            else:
                self._others.append(part)
        self._usage = plain(getattr(answer, "usage_metadata", None)) or self._usage

    def piece(self, chunk: Any) -> None:
        self.read_whole(chunk)

    def _parts(self, answer: Any) -> list[dict[str, Any]]:
        candidates = getattr(answer, "candidates", None) or []
        content = plain(getattr(candidates[0], "content", None)) if candidates else None
        return [part for part in (content or {}).get("parts") or [] if isinstance(part, dict)]
