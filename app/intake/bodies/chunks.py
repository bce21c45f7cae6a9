"""A streamed response, joined from its chunks: the response that the API would have given without streaming.

A log of a stream holds the chunks as a list of objects, or as server-sent events (`data: {...}`).
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from app.intake.bodies.values import Body, as_object, objects, present

_TEXTS = ("content", "refusal", "reasoning_content", "thinking", "response")


def together(chunks: list[Any]) -> Body | None:
    """The whole response; None for a list that holds no chunks of a known stream."""
    chunks_read = [chunk for item in chunks for chunk in _chunk(item)]
    if not chunks_read or len(chunks_read) < len(objects(chunks)):
        return None
    return next((answer for of in _STREAMS if (answer := of(chunks_read)) is not None), None)


def lines_together(text: str) -> Body | None:
    """The whole response of a body of server-sent events."""
    return together(text.splitlines()) if "data:" in text[:200] else None


def _chunk(item: Any) -> Iterable[Body]:
    """The object, or the JSON of a line `data: {...}`; other lines of a stream hold no data."""
    if isinstance(item, str):
        try:
            item = orjson.loads(item.strip().removeprefix("data:"))
        except orjson.JSONDecodeError:
            return []
    return [item] if isinstance(item, dict) else []


def _chat(chunks: list[Body]) -> Body | None:
    """Chat Completions and Completions: each choice has a delta, or a piece of its text."""
    pieces = [choice for chunk in chunks for choice in objects(chunk.get("choices"))]
    if not any("delta" in choice or "text" in choice for choice in pieces):
        return None
    by_index: dict[Any, Body] = {}
    for choice in pieces:
        delta = as_object(choice.get("delta")) or present({"content": choice.get("text")})
        _add(by_index.setdefault(str(choice.get("index", 0)), {"role": "assistant"}), delta)
    return _last_values(chunks, "id", "model", "usage") | {
        "choices": [{"message": message} for message in by_index.values()]
    }


def _add(message: Body, delta: Body) -> None:
    """Add a delta to the message: texts are appended, tool calls are joined by their index, other fields are sent once."""
    for name, value in delta.items():
        if name == "tool_calls":
            calls = message.setdefault("tool_calls", [])
            for call in objects(value):
                _add_call(calls, call)
        elif isinstance(value, str) and name in _TEXTS:
            message[name] = str(message.get(name) or "") + value
        elif value is not None:
            message.setdefault(name, value)


def _add_call(calls: list[Body], piece: Body) -> None:
    index = piece.get("index", len(calls))
    while isinstance(index, int) and len(calls) <= index < 1_000:
        calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
    call = calls[index] if isinstance(index, int) and -1 < index < len(calls) else calls[-1] if calls else {}
    call |= present({"id": piece.get("id")})
    function = as_object(piece.get("function"))
    for name in ("name", "arguments"):
        if isinstance(function.get(name), str):
            call["function"][name] += function[name]


def _responses(chunks: list[Body]) -> Body | None:
    """The Responses API: its last event holds the whole response."""
    ends = [
        chunk["response"] for chunk in chunks if str(chunk.get("type")).startswith("response.") and "response" in chunk
    ]
    responses = [as_object(end) for end in ends if as_object(end).get("output")]
    return responses[-1] if responses else None


def _anthropic(chunks: list[Body]) -> Body | None:
    """The Messages API: a start, blocks that grow, an end with the rest of the usage."""
    start = next((as_object(chunk.get("message")) for chunk in chunks if chunk.get("type") == "message_start"), None)
    if start is None:
        return None
    blocks: dict[Any, Body] = {}
    usage = as_object(start.get("usage"))
    for chunk in chunks:
        if chunk.get("type") == "content_block_start":
            blocks[str(chunk.get("index"))] = dict(as_object(chunk.get("content_block")))
        elif chunk.get("type") == "content_block_delta":
            _grow(blocks.setdefault(str(chunk.get("index")), {"type": "text"}), as_object(chunk.get("delta")))
        elif chunk.get("type") == "message_delta":
            usage = usage | present(as_object(chunk.get("usage")))
    return start | {
        "type": "message",
        "content": [_with_parsed_input(block) for block in blocks.values()],
        "usage": usage,
    }


def _grow(block: Body, delta: Body) -> None:
    for name in ("text", "thinking", "partial_json", "signature"):
        if isinstance(delta.get(name), str):
            block[name] = str(block.get(name) or "") + delta[name]


def _with_parsed_input(block: Body) -> Body:
    """A block whose tool input, sent as pieces of JSON, is parsed."""
    if (pieces := block.pop("partial_json", None)) is not None:
        try:
            block["input"] = orjson.loads(pieces or "{}")
        except orjson.JSONDecodeError:
            block["input"] = pieces
    return block


def _gemini(chunks: list[Body]) -> Body | None:
    """Gemini: each chunk has candidates with further parts; usage is that of the last chunk."""
    parts = [
        part
        for chunk in chunks
        for candidate in objects(chunk.get("candidates"))
        for part in objects(as_object(candidate.get("content")).get("parts"))
    ]
    if not any("candidates" in chunk for chunk in chunks):
        return None
    text = "".join(part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought"))
    other_parts = [part for part in parts if "text" not in part]
    content = ([{"text": text}] if text else []) + other_parts
    usage = _last_values(chunks, "usageMetadata", "usage_metadata", "modelVersion")
    return usage | {"candidates": [{"content": {"role": "model", "parts": content}}]}


def _ollama(chunks: list[Body]) -> Body | None:
    """Ollama: pieces of a message or of a text, until a chunk with `done`."""
    if not any("done" in chunk for chunk in chunks):
        return None
    message: Body = {}
    for chunk in chunks:
        _add(message, as_object(chunk.get("message")) or present({"response": chunk.get("response")}))
    reply = {"response": message["response"]} if "response" in message else {"message": message}
    return chunks[-1] | reply


def _converse(chunks: list[Body]) -> Body | None:
    """Converse: deltas of text blocks, and the usage in the metadata at the end."""
    deltas = [as_object(as_object(chunk.get("contentBlockDelta")).get("delta")) for chunk in chunks]
    if not any("contentBlockDelta" in chunk for chunk in chunks):
        return None
    text = "".join(delta["text"] for delta in deltas if isinstance(delta.get("text"), str))
    usage = as_object(_last_values([as_object(chunk.get("metadata")) for chunk in chunks], "usage").get("usage"))
    return {"output": {"message": {"role": "assistant", "content": [{"text": text}]}}, "usage": usage}


def _last_values(chunks: list[Body], *names: str) -> Body:
    """The last value of each of these names."""
    return {name: chunk[name] for chunk in chunks for name in names if chunk.get(name) is not None}


_STREAMS: tuple[Callable[[list[Body]], Body | None], ...] = (_chat, _responses, _anthropic, _gemini, _converse, _ollama)
