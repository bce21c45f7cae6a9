"""The answer of a model, whole or in pieces of a stream: `output` and `usage` in Promptlode's form."""

from __future__ import annotations

from typing import Any

from promptlode_client.plain import plain
from promptlode_client.wrapping import Answer

_USAGE: dict[str, str] = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
_DETAILS = {
    "prompt_tokens_details": "cached_tokens",
    "input_tokens_details": "cached_tokens",
    "completion_tokens_details": "reasoning_tokens",
    "output_tokens_details": "reasoning_tokens",
}
_ENDS = ("response.completed", "response.incomplete", "response.failed")


class ChatAnswer(Answer):
    """The answer of a chat completion."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._messages: dict[int, dict[str, Any]] = {}

    def fields(self) -> dict[str, Any]:
        """`output` and `usage`, if present."""
        messages = [_joined(self._messages[index]) for index in sorted(self._messages)]
        return {**({"output": messages} if messages else {}), **self._found}

    def read_whole(self, answer: Any) -> None:
        choices = getattr(answer, "choices", None)
        if choices is not None:
            self._found["output"] = [plain(choice.message) for choice in choices]
        self._note_usage(getattr(answer, "usage", None))

    def piece(self, chunk: Any) -> None:
        for choice in getattr(chunk, "choices", None) or []:
            message = self._messages.setdefault(choice.index, {"role": "assistant"})
            _add(message, plain(choice.delta) or {})
        self._note_usage(getattr(chunk, "usage", None))

    def _note_usage(self, usage: Any) -> None:
        counts = _counts(plain(usage))
        if counts:
            self._found["usage"] = counts


class ResponseAnswer(ChatAnswer):
    """The answer of the Responses API, whose stream ends with the whole response."""

    def read_whole(self, answer: Any) -> None:
        output = getattr(answer, "output", None)
        if output is not None:
            self._found["output"] = plain(output)
        error = getattr(answer, "error", None)
        if error is not None:
            self._found["error"] = {"type": str(getattr(error, "code", "error"))}
        self._note_usage(getattr(answer, "usage", None))

    def piece(self, chunk: Any) -> None:
        if getattr(chunk, "type", None) in _ENDS:
            self.read_whole(chunk.response)


def _counts(usage: Any) -> dict[str, Any] | None:
    if not isinstance(usage, dict):
        return None
    counts: dict[str, Any] = usage
    renamed = {_USAGE.get(name, name): count for name, count in counts.items()}
    for details, ours in _DETAILS.items():
        details_counted = usage.get(details)
        if isinstance(details_counted, dict) and details_counted.get(ours) is not None:
            renamed[ours] = details_counted[ours]
    return renamed


def _add(message: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a piece to a message; texts are kept as lists of pieces, since joining them each time takes quadratic time."""
    for name, value in delta.items():
        if name == "tool_calls":
            for call in value:
                _add_call(message.setdefault("tool_calls", {}), call)
        elif isinstance(value, str) and name != "role":
            message.setdefault(name, []).append(value)
        else:
            message[name] = value


def _add_call(calls: dict[int, dict[str, Any]], piece: dict[str, Any]) -> None:
    call = calls.setdefault(piece.get("index", len(calls)), {"type": "function", "function": {}})
    if piece.get("id"):
        call["id"] = piece["id"]
    for name, value in (piece.get("function") or {}).items():
        call["function"].setdefault(name, []).append(value)


def _joined(value: Any) -> Any:
    """The value with the pieces of each text joined, and tool calls in their order."""
    if isinstance(value, list) and all(isinstance(piece, str) for piece in value):
        return "".join(value)
    if isinstance(value, dict) and value and all(isinstance(key, int) for key in value):
        return [_joined(value[key]) for key in sorted(value)]
    return {key: _joined(stored) for key, stored in value.items()} if isinstance(value, dict) else value
