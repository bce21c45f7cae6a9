"""LiteLLM: StandardLoggingPayload, as its callbacks and buckets hold it, and the spend logs of its proxy's database.

Its sign is `call_type`. The payload has the prompt under `messages`, whatever the provider calls it, and the rest of the request under
`model_parameters`; a spend log may have it in `proxy_server_request` alone.
"""

from collections.abc import Iterable
from typing import Any

from app.cli.formats.base import Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.answers import answer_of
from app.intake.bodies.requests import from_request, request_of
from app.intake.bodies.usage import usage_of
from app.intake.bodies.values import as_object, filled, member, parsed, present

_OTHERS = (
    "embedding",
    "moderation",
    "image",
    "transcription",
    "speech",
    "rerank",
    "ocr",
    "search",
    "video",
    "file",
    "batch",
)
_SIGNS = ("messages", "response", "spend", "response_cost", "request_tags", "model_parameters", "litellm_params")
_KEPT = (
    "custom_llm_provider", "api_base", "model_group", "cache_hit", "response_cost", "spend", "request_tags", "stream", "status",
    "trace_id", "team_id",
)  # fmt: skip

NOT_KEPT = "The log holds no prompt: set store_prompts_in_spend_logs: true in the proxy's general_settings."


class LiteLLM(LogFormat):
    """LiteLLM's payloads and spend logs."""

    name = "litellm"

    def fit(self, value: Body) -> Fit:
        return Fit.CERTAIN if "call_type" in value and any(name in value for name in _SIGNS) else Fit.NO

    def calls(self, value: Body) -> Iterable[LoggedCall | None]:
        kind = str(value.get("call_type")).lower()
        if any(word in kind for word in _OTHERS):
            return [None]
        metadata = as_object(parsed(value.get("metadata")))
        answer = answer_of(value.get("response"))
        body = _request(value) | answer | present(_beside(value, metadata, answer))
        return [LoggedCall(body, value.get("id") or value.get("request_id"), _usual_path(metadata), NOT_KEPT)]


def _request(value: Body) -> Body:
    """The prompt with the parameters, else the request sent to the proxy."""
    proxy_request = as_object(parsed(value.get("proxy_server_request")))
    messages = parsed(value.get("messages"))
    if messages in (None, "", {}, []):
        request = request_of(proxy_request.get("body", proxy_request))
    elif isinstance(messages, dict):
        request = request_of(messages)
    else:
        name = "input" if isinstance(messages, str) else "messages"
        request = from_request(as_object(value.get("model_parameters")) | {name: messages})
    request = request or {}
    return request | present({"model": value.get("model") or request.get("model")})


def _beside(value: Body, metadata: Body, answer: Body) -> Body:
    counts = {name: value.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    requester = as_object(metadata.get("requester_metadata"))
    return {
        "path": requester.get("promptlode.path") or metadata.get("promptlode.path"),
        "usage": answer.get("usage") or usage_of(present(counts)),
        "started_at": value.get("startTime"),
        "completed_at": value.get("endTime"),
        "user_id": value.get("end_user") or metadata.get("user_api_key_end_user_id") or value.get("user") or None,
        "conversation_id": _text(value.get("session_id") or requester.get("session_id") or metadata.get("session_id")),
        "error": _error(value),
        "metadata": filled({f"litellm.{name}": value.get(name) for name in _KEPT} | requester) or None,
    }


def _usual_path(metadata: Body) -> str:
    """The path by the name of the proxy's key, which mostly stands for an app."""
    alias = metadata.get("user_api_key_alias")
    return f"litellm/{alias}" if isinstance(alias, str) and alias else "litellm"


def _error(value: Body) -> Body | None:
    message = value.get("error_str") or member(value, "error_information.error_message")
    if value.get("status") != "failure" and not message:
        return None
    return {"message": str(message or "The call's status is failure.")}


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
