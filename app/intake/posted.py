"""A body of `POST /api/v1/traces`: our own, or a provider's body with a path."""

from typing import Any

from app.checks import Problem, TraceLimits
from app.intake.bodies.native import UnmappedPromptError, native
from app.intake.bodies.values import Body, present
from app.intake.trace import Incoming, InvalidTraceError, read_trace
from app.intake.trace_fields import FIELDS

_EXPORTS = {"resourceSpans": "/v1/traces", "resourceLogs": "/v1/logs"}


def shared_fields(batch: Body) -> Body:
    """The fields beside the `traces` of a batch that count for each trace that lacks them."""
    return {name: value for name, value in batch.items() if name in FIELDS and name != "external_id"}


def with_shared(shared: Body, body: Body) -> Body:
    """One trace of a batch with the shared fields that it lacks; one that is null is lacking, since many clients write every field."""
    return shared | present(body) if shared else body


def read_posted(body: Any, limits: TraceLimits, *, is_json: bool = False, shared: Body | None = None) -> Incoming:
    """Check one trace, as `read_trace` does, in our names or a provider's. shared: fields of a batch. Raises InvalidTraceError."""
    if not isinstance(body, dict):
        return read_trace(body, limits, is_json=is_json)
    if "model" not in body and (exported := next((name for name in _EXPORTS if name in body), None)):
        raise InvalidTraceError(
            [Problem((exported,), f"Is an export of OpenTelemetry; send it to {_EXPORTS[exported]}.")]
        )
    return read_trace(with_shared(shared or {}, by_our_names(body)), limits, is_json=is_json)


def by_our_names(body: Body) -> Body:
    """The body with its prompt, answer and settings under our names. Raises InvalidTraceError for a prompt that cannot be mapped."""
    try:
        return native(body)
    except UnmappedPromptError as error:
        raise InvalidTraceError([Problem((error.field,), error.remedy)]) from None
    except RecursionError:
        return body  # nested deeper than Python's stack: `read_trace` names the place
