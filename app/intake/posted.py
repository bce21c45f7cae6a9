"""A body of `POST /api/v1/traces`: our own, or a provider's body with a path."""

from typing import Any

from app.checks import Problem, TraceLimits
from app.intake.bodies.native import UnmappedPromptError, native
from app.intake.trace import Incoming, InvalidTraceError, read_trace

_EXPORTS = {"resourceSpans": "/v1/traces", "resourceLogs": "/v1/logs"}


def read_posted(body: Any, limits: TraceLimits, *, is_json: bool = False) -> Incoming:
    """Check one trace, as `read_trace` does, in our names or a provider's. Raises InvalidTraceError."""
    if not isinstance(body, dict):
        return read_trace(body, limits, is_json=is_json)
    if "model" not in body and (exported := next((name for name in _EXPORTS if name in body), None)):
        raise InvalidTraceError(
            [Problem((exported,), f"Is an export of OpenTelemetry; send it to {_EXPORTS[exported]}.")]
        )
    try:
        mapped = native(body)
    except UnmappedPromptError as error:
        raise InvalidTraceError([Problem((error.field,), error.remedy)]) from None
    except RecursionError:
        mapped = body  # nested deeper than Python's stack: `read_trace` names the place
    return read_trace(mapped, limits, is_json=is_json)
