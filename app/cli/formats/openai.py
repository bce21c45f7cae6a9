"""Requests and responses of any provider's API as sent over HTTP: OpenAI, Gemini, Bedrock, Ollama, Cohere and others.

`{"request": {...}, "response": {...}}`, or `{"body": {...}}` as in OpenAI's batch files, or a request with its `response`
among its fields. A streamed response is a list of its chunks, or the text of its events. Fields of our own beside them (`path`,
`external_id`, `started_at`, `metadata`, ...) are taken as they are and win. What has no place of its own is kept under metadata.
"""

from collections.abc import Iterable
from typing import Any

from app.checks import Problem
from app.cli.formats.base import NO_PROMPT, PROMPTS, Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.answers import answer_of
from app.intake.bodies.chunks import lines_together, together
from app.intake.bodies.requests import request_of
from app.intake.bodies.values import as_object, parsed, present
from app.intake.trace import InvalidTraceError

_ENVELOPE = {"request", "response", "body", "method", "url"}
_RESPONSES = ("choices", "candidates", "usageMetadata")


class OpenAI(LogFormat):
    """Chat Completions, Responses, Completions, and whatever else `app.intake.bodies` reads."""

    name = "openai"

    def fit(self, value: Body) -> Fit:
        request, response = _request(value), _response(value)
        if (
            "choices" in response
            or isinstance(response.get("output"), list)
            or any(name in response for name in _RESPONSES)
        ):
            return Fit.CERTAIN
        if response.get("type") == "message" or (isinstance(value.get("system"), str) and "max_tokens" in value):
            return Fit.NO
        if request_of(request, strict=True) is not None:
            return Fit.CERTAIN
        return Fit.POSSIBLE if request or response or request_of(value, strict=True) else Fit.NO

    def calls(self, value: Body) -> Iterable[LoggedCall]:
        request, response = _request(value), _response(value)
        beside = {name: field for name, field in value.items() if name not in _ENVELOPE}
        if not request:
            request, beside = beside, {}
        body = request_of(request)
        if body is None and not any(name in beside for name in PROMPTS):
            raise InvalidTraceError([Problem(("request",), _no_prompt(value))])
        own_id = value.get("custom_id") or response.get("id") or value.get("id")
        return [LoggedCall((body or request) | _from_response(response) | beside, own_id)]


def _no_prompt(value: Body) -> str:
    if not _request(value) and _response(value):
        return "Is required: the answer alone holds no prompt."
    return NO_PROMPT


def _request(value: Body) -> Body:
    return as_object(parsed(value.get("request")) or parsed(value.get("body")))


def _response(value: Body) -> Body:
    """The response; batch files wrap it with its status code, a stream is joined."""
    response = parsed(value.get("response"))
    if isinstance(response, list):
        return together(response) or {"output": response}
    if isinstance(response, str):
        return lines_together(response) or {"text": response}
    body = as_object(response)
    return as_object(body.get("body")) or body


def _from_response(response: Body) -> Body:
    fields: dict[str, Any] = {
        **(answer_of(response) if response else {}),
        "started_at": response.get("created") or response.get("created_at"),
    }
    return present(fields)
