"""The call site of the running code, and its W3C trace context."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PATH: ContextVar[str | None] = ContextVar("promptlode_path", default=None)
_TRACEPARENT: ContextVar[str | None] = ContextVar("promptlode_traceparent", default=None)

_NOT_THE_APP = (
    "promptlode_client", "openai", "anthropic", "google", "litellm", "langchain_core", "langchain", "langchain_openai", "langchain_classic",
    "langgraph", "asyncio", "concurrent", "threading", "contextvars", "functools", "tenacity",
)  # fmt: skip
"""Modules whose functions are never the call site."""


@contextmanager
def at(path: str) -> Iterator[None]:
    """Name the call site of every call within: `with at("/support/triage"): ...`."""
    token = _PATH.set(path)
    try:
        yield
    finally:
        _PATH.reset(token)


@contextmanager
def trace_context(traceparent: str | None) -> Iterator[None]:
    """Use a `traceparent` header for every call within, in an app without OpenTelemetry."""
    token = _TRACEPARENT.set(traceparent)
    try:
        yield
    finally:
        _TRACEPARENT.reset(token)


def current_path() -> str | None:
    return _PATH.get()


def calling_function() -> str:
    """`module.function` of the app's running code, a path that stays the same for a call site."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _name(frame.f_globals).partition(".")[0] in _NOT_THE_APP:
        frame = frame.f_back
    return f"{_name(frame.f_globals)}.{frame.f_code.co_name}"


def _name(module: dict[str, object]) -> str:
    return str(module.get("__name__", ""))


def trace_headers() -> dict[str, str]:
    """`traceparent`, and `tracestate` if there is one: those of `trace_context`, else those of OpenTelemetry's span."""
    traceparent = _TRACEPARENT.get()
    if traceparent:
        return {"traceparent": traceparent}
    opentelemetry = sys.modules.get("opentelemetry.trace")
    if opentelemetry is None:
        return {}
    span = opentelemetry.get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    headers = {"traceparent": f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"}
    state = span.trace_state.to_header() if span.trace_state else ""
    return {**headers, "tracestate": state} if state else headers


def leave_untraced() -> None:
    """Ask OpenTelemetry to ignore this thread: our own requests are not part of the app."""
    context = sys.modules.get("opentelemetry.context")
    if context is not None:
        context.attach(context.set_value("suppress_instrumentation", True))
