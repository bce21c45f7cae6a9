"""Requests as Helicone exports them: JSON lines and CSV of its pages, and answers of its API, which hold a list under `data`."""

from collections.abc import Iterable
from typing import Any

from app.cli.formats.base import Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.answers import answer_of
from app.intake.bodies.chunks import lines_together, together
from app.intake.bodies.requests import request_of
from app.intake.bodies.usage import usage_of
from app.intake.bodies.values import as_object, filled, objects, parsed, present

_OTHERS = ("/embeddings", "/moderations", "/images", "/audio", "/rerank")
_KEPT = ("request_id", "response_status", "provider", "request_path", "delay_ms", "latency", "cost_usd", "cost")
_SESSION = ("Helicone-Session-Id", "helicone-session-id")
_SESSION_PATH = ("Helicone-Session-Path", "helicone-session-path", "Helicone-Prompt-Id")

ELSEWHERE = (
    "Its body was not exported: export with bodies (--include-body), or the log holds nothing that can be mined."
)


class Helicone(LogFormat):
    """Helicone's requests."""

    name = "helicone"

    def fit(self, value: Body) -> Fit:
        row = next(iter(objects(value.get("data"))), value)
        has_body = "request_body" in row or "response_body" in row
        return (
            Fit.CERTAIN
            if has_body and any(name.startswith("request_") for name in row.keys() - {"request_body"})
            else Fit.NO
        )

    def calls(self, value: Body) -> Iterable[LoggedCall | None]:
        return [_call(row) for row in objects(value.get("data")) or [value]]


def _call(row: Body) -> LoggedCall | None:
    if any(word in str(row.get("request_path") or "") for word in _OTHERS):
        return None
    request = request_of(row.get("request_body")) or {}
    answer = answer_of(_response(row))
    body = request | answer | present(_beside(row, request, answer))
    return LoggedCall(body, row.get("request_id"), "helicone", ELSEWHERE)


def _response(row: Body) -> Any:
    """The response; for a stream the text of its events, or their list."""
    response = parsed(row.get("response_body"))
    streamed = as_object(response).get("streamed_data")
    if isinstance(streamed, list):
        return together(streamed) or response
    return lines_together(streamed) if isinstance(streamed, str) else response


def _beside(row: Body, request: Body, answer: Body) -> Body:
    properties = as_object(parsed(row.get("request_properties") or row.get("properties")))
    counts = {name: row.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    models = (request.get("model"), row.get("request_model"), row.get("model"), row.get("response_model"))
    return {
        "model": next((model for model in models if model), None),
        "path": next((properties[name] for name in _SESSION_PATH if properties.get(name)), None),
        "conversation_id": next((str(properties[name]) for name in _SESSION if properties.get(name)), None),
        "usage": answer.get("usage") or usage_of(present(counts)),
        "user_id": row.get("request_user_id") or row.get("user_id") or None,
        "started_at": row.get("request_created_at") or row.get("created_at"),
        "completed_at": row.get("response_created_at"),
        "metadata": filled({f"helicone.{name}": row.get(name) for name in _KEPT} | properties) or None,
    }
