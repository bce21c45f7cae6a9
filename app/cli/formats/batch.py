"""Batches of OpenAI and Anthropic: requests in one file, answers in another, joined by `custom_id`.

A request is `{"custom_id", "url", "body"}` or `{"custom_id", "params"}`, an answer `{"custom_id", "response": {"body"}}` or `{"custom_id",
"result"}`, and a line may hold both. The first of the two waits for the other, across the files of one command. Requests for embeddings,
moderations and images are no LLM calls.
"""

from collections.abc import Iterator

from app.checks import Problem
from app.cli.formats.anthropic import Anthropic
from app.cli.formats.base import Batches, Body, Fit, LogFormat, LoggedCall, Record, RecordCalls, RecordContext, checked
from app.cli.formats.openai import OpenAI
from app.intake.bodies.values import as_object

_REQUEST = ("body", "params", "request")
_ANSWER = ("response", "result", "error")
_WRITING = ("/chat/completions", "/completions", "/responses", "/messages")

LONELY_ANSWER = (
    "The answer alone holds no prompt: import it together with its requests, promptlode import REQUESTS ANSWERS."
)


class Batch(LogFormat):
    """Lines of batch files."""

    name = "batch"

    def fit(self, value: Body) -> Fit:
        has_part = any(isinstance(value.get(name), dict) for name in (*_REQUEST, *_ANSWER))
        return Fit.CERTAIN if value.get("custom_id") is not None and has_part else Fit.NO

    def take(self, record: Record, value: Body, reading: RecordContext) -> RecordCalls:
        if _is_of_another_kind(value):
            return RecordCalls(passed_over=1)
        request, answer = _request_of(value), _answer_of(value)
        key = str(value.get("custom_id"))
        if request and answer:
            return _calls_of_record(record, value, reading)
        if request:
            return self._meet(record, value, reading.batches.answers.pop(key, None), reading)
        waiting = reading.batches.requests.pop(key, None)
        if waiting is None:
            reading.batches.answers[key] = (record, value)
            return RecordCalls()
        return _calls_of_record(waiting[0], waiting[1] | answer, reading)

    def _meet(
        self, record: Record, value: Body, answer: tuple[Record, Body] | None, reading: RecordContext
    ) -> RecordCalls:
        if answer is None:
            reading.batches.requests[str(value["custom_id"])] = (record, value)
            return RecordCalls()
        return _calls_of_record(record, value | _answer_of(answer[1]), reading)

    def calls(self, value: Body) -> Iterator[LoggedCall | None]:
        yield from _format_of(value).calls(value)


def lonely(batches: Batches, reading: RecordContext) -> Iterator[tuple[Record, RecordCalls]]:
    """The records without another half: requests are calls without an answer, answers are dropped."""
    for record, value in batches.requests.values():
        yield record, _calls_of_record(record, value, reading)
    for record, value in batches.answers.values():
        passed_over = _is_embedding(value)
        yield record, RecordCalls(passed_over=1) if passed_over else RecordCalls(problems=[Problem((), LONELY_ANSWER)])


def _calls_of_record(record: Record, value: Body, reading: RecordContext) -> RecordCalls:
    return checked(_format_of(value), record, value, reading)


def _format_of(value: Body) -> LogFormat:
    return Anthropic() if isinstance(value.get("params"), dict) or "result" in value else OpenAI()


def _request_of(value: Body) -> Body:
    return {name: value[name] for name in _REQUEST if isinstance(value.get(name), dict)}


def _answer_of(value: Body) -> Body:
    return {name: value[name] for name in _ANSWER if value.get(name) is not None}


def _is_of_another_kind(value: Body) -> bool:
    url = value.get("url")
    if isinstance(url, str) and url:
        return not url.rstrip("/").endswith(_WRITING)
    return _is_embedding(value)


def _is_embedding(value: Body) -> bool:
    body = as_object(as_object(value.get("response")).get("body"))
    data = body.get("data")
    return (isinstance(data, list) and bool(data) and "embedding" in as_object(data[0])) or "results" in body
