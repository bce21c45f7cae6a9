"""Requests and responses of Anthropic's Messages API.

`{"request": {...}, "response": {...}}`, a request with its `response` among its fields, or a line of a message batch with its result beside
it: `{"custom_id": "...", "params": {...}, "result": {"type": "succeeded", "message": {...}}}`.

Messages and content blocks are kept as they are. Its `input_tokens` exclude tokens read from the cache or written to it; ours include all
that the model read, so the three are added, and its own counts are kept beside the sum.
"""

from collections.abc import Iterable
from typing import Any

from app.checks import Problem
from app.cli.formats.base import Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.requests import request_of
from app.intake.bodies.values import as_object, present
from app.intake.trace import InvalidTraceError

_ENVELOPE = {"request", "response", "params", "result", "method", "url"}
_CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens")


class Anthropic(LogFormat):
    """The Messages API."""

    name = "anthropic"

    def fit(self, value: Body) -> Fit:
        request, response = _request(value), _response(value)
        if _is_message(response) or isinstance(value.get("params"), dict) or isinstance(value.get("result"), dict):
            return Fit.CERTAIN
        if "choices" in response or not isinstance(request.get("messages"), list):
            return Fit.NO
        if "system" in request:
            return Fit.CERTAIN
        return Fit.POSSIBLE if "max_tokens" in request else Fit.NO

    def calls(self, value: Body) -> Iterable[LoggedCall]:
        request, response = _request(value), _response(value)
        if "messages" not in request:
            raise InvalidTraceError([Problem(("params",), "Is required: the answer alone holds no prompt.")])
        beside = {name: field for name, field in value.items() if name not in _ENVELOPE}
        if request is value:
            beside = {}
        body = _from_request(request) | _from_response(response) | _from_result(value.get("result")) | beside
        return [LoggedCall(body, value.get("custom_id") or response.get("id"))]


def _request(value: Body) -> Body:
    """The request under its name; else the record itself, which holds the response among its fields."""
    return as_object(value.get("request") or value.get("params")) or ({} if "request" in value else value)


def _response(value: Body) -> Body:
    return as_object(value.get("response")) or as_object(as_object(value.get("result")).get("message"))


def _is_message(response: Body) -> bool:
    return response.get("type") == "message" and isinstance(response.get("content"), list)


def _from_request(request: Body) -> Body:
    body = {name: value for name, value in request.items() if name not in _ENVELOPE}
    return request_of(body) or body


def _from_response(response: Body) -> Body:
    answered = _is_message(response)
    message = {"role": response.get("role", "assistant"), "content": response.get("content")}
    answer = {
        "output": [message] if answered else None,
        "usage": _usage(response.get("usage")),
        "error": response.get("error"),
        "stop_reason": response.get("stop_reason") if answered else None,
    }
    return present(answer)


def _from_result(result: Any) -> Body:
    """The answer of a batch, or its error: a failure's message, or that the request was cancelled or expired."""
    kind = as_object(result).get("type")
    if kind in (None, "succeeded"):
        return {}
    return {"error": as_object(as_object(result).get("error")) or {"type": kind}}


def _usage(usage: Any) -> Body | None:
    if not isinstance(usage, dict):
        return None
    counts = present(usage)
    if isinstance(counts.get("input_tokens"), int):
        counts["input_tokens"] += sum(count for name in _CACHED if isinstance(count := counts.get(name), int))
    if "cache_read_input_tokens" in counts:
        counts.setdefault("cached_tokens", counts["cache_read_input_tokens"])
    return counts
