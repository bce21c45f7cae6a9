"""`promptlode doctor --ingest`: whether sent calls arrive, and what became of the calls of other senders.

It sends a span and a POST over HTTP, so it checks the whole way: address, key, proxy, web process, PostgreSQL. Its two calls always have
the same ids, so they are stored once however often it runs, and are deleted at the end where the key may.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from app.cli.remote.api import Api
from app.cli.remote.errors import ApiError
from app.health import Check

PATH = "/promptlode/doctor"
_QUESTION = "Does what is sent arrive?"
_ABOUT = {"model": "promptlode-doctor", "path": PATH}
_TRACE_ID, _SPAN_ID = "d0c70d0c70d0c70d0c70d0c70d0c70d0", "d0c70d0c70d0c70d"

_REMEDIES = {
    "without_content": "Switch content capture on in the instrumentation.",
    "rejected": "The answer to the exporter, and the log of the web process, name the field.",
    "ignored": "No call of a model, so nothing is to do, unless one of these is.",
    "doubled": "Another span told of the same call, so nothing is to do.",
}
"""Remedies for spans by outcome; docs/ingest.md explains them."""

NamedCheck = tuple[str, Check]


def checks(api: Api) -> Iterator[NamedCheck]:
    """A span and a POST, sent and looked for; then the counters of other senders' spans, the worst first."""
    span, post = _tried(lambda: _span(api)), _tried(lambda: _post(api))
    yield from (("test span", span), ("test POST", post))
    if not (span.ok or post.ok):
        return
    yield "test calls", Check(True, _removed(api))
    try:
        counters = _counters(api)
    except ApiError as error:
        yield "counters", Check(True, f"Not read: {error}")
        return
    yield from _checks_of_counts(counters)


def _tried(send: Callable[[], str]) -> Check:
    try:
        return Check(True, send())
    except ApiError as error:
        return Check(False, str(error))


def _span(api: Api) -> str:
    answer = api.post("/v1/traces", _export())
    refused = answer.get("partialSuccess", {}).get("errorMessage") if isinstance(answer, dict) else None
    if refused:
        raise ApiError(str(refused))
    return _arrived(api, f"{_TRACE_ID}:{_SPAN_ID}")


def _post(api: Api) -> str:
    api.post("/api/v1/traces", _ABOUT | {"external_id": "promptlode-doctor", "input": _QUESTION})
    return _arrived(api, "promptlode-doctor")


def _arrived(api: Api, external_id: str) -> str:
    """That the call can be read; a key without the scope `read` cannot tell."""
    try:
        stored = {item["external_id"] for item in api.items("/api/v1/traces", {"path": PATH}, 50)}
    except ApiError:
        return "Accepted. (The key has no scope read, so the stored call was not checked.)"
    if external_id not in stored:
        raise ApiError("The server accepted the test call, but stored no call: see the log of the web process.")
    return f"Arrived under {PATH}."


def _removed(api: Api) -> str:
    """Delete the two calls, which are none of the user's; a key without the scope admin leaves them."""
    try:
        api.post("/api/v1/deletions", {"path": PATH})
    except ApiError:
        return f"They stay under {PATH}: only a key with the scope admin deletes them."
    return "Deleted."


def _export() -> dict[str, Any]:
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": _QUESTION}]}])
    values = {
        "promptlode.path": PATH,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": _ABOUT["model"],
        "gen_ai.input.messages": messages,
    }
    attributes = [{"key": name, "value": {"stringValue": value}} for name, value in values.items()]
    span = {"traceId": _TRACE_ID, "spanId": _SPAN_ID, "name": "doctor", "attributes": attributes}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def _counters(api: Api) -> dict[tuple[str, str], int]:
    """Spans by outcome and reason; odd fields under the outcome `odd`. Raises ApiError where the key may not read them."""
    metrics = ""
    with suppress(ApiError):
        metrics = api.text("/metrics", {})
    if "promptlode_otlp_spans_total" not in metrics:
        raise ApiError(
            "the key may not read the counters of the web process: use a key with the scope operator, or set METRICS_OPEN=true."
        )
    counts: dict[tuple[str, str], int] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == "promptlode_otlp_spans_total":
                counts[sample.labels["outcome"], ""] = int(sample.value)
            elif sample.name == "promptlode_otlp_reasons_total":
                counts[sample.labels["outcome"], sample.labels["reason"]] = int(sample.value)
            elif sample.name == "promptlode_otlp_odd_fields_total":
                counts["odd", sample.labels["field"]] = int(sample.value)
    return counts


def _checks_of_counts(counts: dict[tuple[str, str], int]) -> Iterator[NamedCheck]:
    yield "stored", Check(True, f"{counts.get(('stored', ''), 0):,} spans and log records since the web process began.")
    for outcome, remedy in _REMEDIES.items():
        number = counts.get((outcome, ""), 0)
        reasons = {reason: count for (kind, reason), count in counts.items() if kind == outcome and reason}
        if number:
            why = ", ".join(
                f"{reason} ({count:,})" for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1])
            )
            yield outcome.replace("_", " "), Check(True, f"{number:,}{f': {why}' if why else ''}. {remedy}")
    odd = ", ".join(f"{name} ({count:,})" for (outcome, name), count in counts.items() if outcome == "odd")
    if odd:
        yield "odd fields", Check(True, f"{odd}: kept under metadata, promptlode.unread.")
