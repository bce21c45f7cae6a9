"""Bodies as `POST /api/v1/traces` takes them: one call, or `{"traces": [...]}`."""

from collections.abc import Iterable
from typing import Any

from app.checks import Problem
from app.cli.formats.base import PROMPTS, Body, Fit, LogFormat, LoggedCall, Record, RecordCalls, RecordContext, checked
from app.intake.bodies.values import as_object
from app.intake.posted import by_our_names, shared_fields, with_shared

BATCH_FIELD = "traces"

_WIRE = ("request", "body", "response", "params", "result")
_FIELDS = ("model", "path", *PROMPTS)


class Promptlode(LogFormat):
    """Our own kind; also used when no other fits, since its errors name the required fields."""

    name = "promptlode"

    def fit(self, value: Body) -> Fit:
        traces = value.get(BATCH_FIELD)
        if not isinstance(traces, list):
            return _fit_of_call(value)
        return _fit_of_call(as_object(traces[0])) if traces else Fit.POSSIBLE

    def take(self, record: Record, value: Body, reading: RecordContext) -> RecordCalls:
        if BATCH_FIELD not in value:
            return super().take(record, value, reading)
        traces = value[BATCH_FIELD]
        if not isinstance(traces, list) or not traces:
            return RecordCalls(problems=[Problem((BATCH_FIELD,), "Must be a list of one trace or more.")])
        taken_calls, shared = RecordCalls(), shared_fields(value)
        for index, trace in enumerate(traces):
            whole_trace = with_shared(shared, trace) if isinstance(trace, dict) else trace
            taken_calls.add(self._take_item(record, index, whole_trace, reading), (BATCH_FIELD, index))
        return taken_calls

    def _take_item(self, record: Record, index: int, trace: Any, reading: RecordContext) -> RecordCalls:
        if not isinstance(trace, dict):
            return RecordCalls(problems=[Problem((), "Must be a JSON object.")])
        return checked(self, record, trace, reading, first_index=index)

    def calls(self, value: Body) -> Iterable[LoggedCall]:
        return [LoggedCall(by_our_names(value), is_strict=True)]


def _fit_of_call(value: Body) -> Fit:
    if any(isinstance(value.get(name), dict) for name in _WIRE):
        return Fit.POSSIBLE
    if not any(name in value for name in _FIELDS):
        return Fit.NO
    return Fit.CERTAIN if "path" in value and any(name in value for name in PROMPTS) else Fit.POSSIBLE
