"""Requests and responses of OpenAI's APIs as they went over the wire, Chat Completions or Responses.

`{"request": {...}, "response": {...}}`, or `{"body": {...}}` as in OpenAI's batch files, or a request with its `response`
among its fields. Fields of our own beside them (`path`, `external_id`, `started_at`, `metadata`, ...) are taken as they are
and win. What has no place of its own is kept under metadata, so nothing of a line is lost but the response's own envelope.
"""

from collections.abc import Iterable
from typing import Any

from app.checks import Problem
from app.cli.formats.base import Body, Call, Fit, Format, as_object, present
from app.intake.trace import InvalidTraceError

# Names of the request, old and new, and what we call them.
_REQUEST_NAMES = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens", "user": "user_id"}
_USAGE_NAMES = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
_DETAILS = (
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
)
_ENVELOPE = {"request", "response", "body", "method", "url"}
_PROMPTS = ("messages", "input", "prompt", "instructions")


class OpenAI(Format):
    """Chat Completions and Responses."""

    name = "openai"

    def fit(self, value: Body) -> Fit:
        request, response = _request(value), _response(value)
        if "choices" in response or isinstance(response.get("output"), list):
            return Fit.CERTAIN
        if response.get("type") == "message" or "system" in request:
            return Fit.NO
        return Fit.POSSIBLE if request or response else Fit.NO

    def calls(self, value: Body) -> Iterable[Call]:
        request, response = _request(value), _response(value)
        if not request and not any(name in value for name in _PROMPTS):
            raise InvalidTraceError([Problem(("request",), "Is required: the answer alone holds no prompt.")])
        beside = {name: field for name, field in value.items() if name not in _ENVELOPE}
        own_id = beside.get("custom_id") or response.get("id")
        return [Call(_from_request(request) | _from_response(response) | beside, own_id)]


def _request(value: Body) -> Body:
    return as_object(value.get("request") or value.get("body"))


def _response(value: Body) -> Body:
    response = as_object(value.get("response"))
    return as_object(response.get("body")) or response  # batch files wrap it with its status code


def _from_request(request: Body) -> Body:
    body = {_REQUEST_NAMES.get(name, name): value for name, value in request.items()}
    if "reasoning_effort" in body:
        body.setdefault("reasoning", {"effort": body.pop("reasoning_effort")})
    output_format = as_object(body.get("text")).get("format")
    if output_format is not None:
        body.setdefault("response_format", output_format)
    return body


def _from_response(response: Body) -> Body:
    found = {
        "output": response.get("output") or _messages(response.get("choices")),
        "usage": _usage(response.get("usage")),
        "error": response.get("error"),
        "started_at": response.get("created") or response.get("created_at"),
    }
    return present(found)


def _messages(choices: Any) -> list[Any] | None:
    if not isinstance(choices, list):
        return None
    return [choice.get("message", choice) if isinstance(choice, dict) else choice for choice in choices]


def _usage(usage: Any) -> Body | None:
    """Token counts by our names; details that have none stay as they are."""
    if not isinstance(usage, dict):
        return None
    counts: Body = usage
    named = {_USAGE_NAMES.get(name, name): value for name, value in counts.items() if value is not None}
    for details, name in _DETAILS:
        count = as_object(named.get(details)).get(name)
        if count is not None:
            named.setdefault(name, count)
    return named
