"""Anthropic's client, recorded: messages, created or streamed in either way, sync and async.

Promptlode reads Anthropic's fields, so the request is sent unchanged.
"""

from __future__ import annotations

from typing import Any

from promptlode_client.client import Client
from promptlode_client.plain import plain
from promptlode_client.wrapping import Answer, How, arguments, watch_method

_NO_REQUEST = {"extra_headers", "extra_query", "extra_body", "timeout", "stream"}


def wrap_anthropic(recorder: Client, client: Any, path: str | None) -> bool:
    """Record the client from now on, if it is Anthropic's; answers whether it is."""
    beta = getattr(getattr(client, "beta", None), "messages", None)
    if not hasattr(client, "messages"):
        return False
    watched = [
        watch_method(recorder, resource, name, How(_request, MessageAnswer), path)
        for resource in (client.messages, beta)
        for name in ("create", "stream", "parse")
    ]
    return any(watched)


def _request(kwargs: dict[str, Any]) -> dict[str, Any]:
    return arguments(kwargs, _NO_REQUEST)


class MessageAnswer(Answer):
    """An answer of the Messages API, whose stream describes the start and the growth of each block."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] = {}

    def fields(self) -> dict[str, Any]:
        blocks = [_joined(self._blocks[index]) for index in sorted(self._blocks)]
        output = {"output": [{"role": "assistant", "content": blocks}]} if blocks else {}
        return {**output, **({"usage": self._usage} if self._usage else {})}

    def read_whole(self, answer: Any) -> None:
        if answer is not None and getattr(answer, "content", None) is not None:
            self._blocks = {index: plain(block) for index, block in enumerate(answer.content)}
            self._usage = plain(answer.usage) or {}

    def piece(self, chunk: Any) -> None:
        kind = getattr(chunk, "type", None)
        if kind == "message_start":
            self._usage = plain(chunk.message.usage) or {}
        elif kind == "content_block_start":
            self._blocks[chunk.index] = plain(chunk.content_block)
        elif kind == "content_block_delta":
            _grow(self._blocks[chunk.index], plain(chunk.delta))
        elif kind == "message_delta":
            self._usage.update(plain(chunk.usage) or {})


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a delta to a block; texts are kept as lists of pieces, since joining them each time takes quadratic time; a tool's input comes as
    pieces of JSON.
    """
    for name, value in delta.items():
        if name != "type" and isinstance(value, str):
            parts_so_far = block.setdefault("input" if name == "partial_json" else name, [])
            pieces = (
                parts_so_far
                if isinstance(parts_so_far, list)
                else [parts_so_far]
                if isinstance(parts_so_far, str) and parts_so_far
                else []
            )
            block["input" if name == "partial_json" else name] = (
                [*pieces, value] if pieces is not parts_so_far else pieces
            )
            if pieces is parts_so_far:
                pieces.append(value)


def _joined(block: dict[str, Any]) -> dict[str, Any]:
    return {
        name: "".join(value) if isinstance(value, list) and all(isinstance(piece, str) for piece in value) else value
        for name, value in block.items()
    }
