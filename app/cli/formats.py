"""Lines of a log of LLM calls, as bodies of our own API.

Two kinds of line are understood:

- *promptlode*: a body as `POST /api/v1/traces` takes it.
- *openai*: a request and its response as they went over the wire, Chat Completions or Responses:
  `{"request": {...}, "response": {...}}`, or `{"body": {...}}` as in OpenAI's batch files, or a request with its
  `response` among its fields. Fields of our own beside them (`path`, `external_id`, `started_at`, `metadata`, ...) are
  taken as they are and win.

What has no place of its own is kept under metadata, so nothing of a line is lost but the response's own envelope.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

Format = Literal["auto", "promptlode", "openai"]
Body = dict[str, Any]

# Names of the request, old and new, and what we call them.
_REQUEST_NAMES = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens", "user": "user_id"}
_USAGE_NAMES = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
_DETAILS = (
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
)
_ENVELOPE = {"request", "response", "body", "method", "url", "custom_id"}


def body_of(line: Body, format_: Format) -> Body:
    """A line of a log as a body of `POST /api/v1/traces`."""
    return _CONVERTERS[_kind(line) if format_ == "auto" else format_](line)


def _kind(line: Body) -> Format:
    wire = (line.get("request"), line.get("body"), line.get("response"))
    return "openai" if any(isinstance(value, dict) for value in wire) else "promptlode"


def _from_promptlode(line: Body) -> Body:
    return dict(line)


def _from_openai(line: Body) -> Body:
    request = _object(line.get("request") or line.get("body"))
    response = _object(line.get("response"))
    response = _object(response.get("body")) or response  # batch files wrap it with its status code
    beside = {name: value for name, value in line.items() if name not in _ENVELOPE}
    if isinstance(line.get("custom_id"), str):
        beside.setdefault("external_id", line["custom_id"])
    return _from_request(request) | _from_response(response) | beside


def _from_request(request: Body) -> Body:
    body = {_REQUEST_NAMES.get(name, name): value for name, value in request.items()}
    if "reasoning_effort" in body:
        body.setdefault("reasoning", {"effort": body.pop("reasoning_effort")})
    output_format = _object(body.get("text")).get("format")
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
    return {name: value for name, value in found.items() if value is not None}


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
        count = _object(named.get(details)).get(name)
        if count is not None:
            named.setdefault(name, count)
    return named


def _object(value: Any) -> Body:
    return value if isinstance(value, dict) else {}


_CONVERTERS: Mapping[str, Callable[[Body], Body]] = {"promptlode": _from_promptlode, "openai": _from_openai}
