"""Which call site a span belongs to.

The configured attribute, wherever it stands; else, from the call outwards, the first that names a place in the app: what a dialect calls
it, the function in the code (`code.*`), the name of a span around it.  Spans around it that are calls themselves name none.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from app.checks import MAX_NAME
from app.otlp.dialects.genai import operation_of
from app.otlp.spans import Span

_MAX_ANCESTORS = 64
"""Ancestors that are asked: more than any trace is deep, and an end for one that turns in a ring."""


class Paths:
    """The paths of an export's spans.  call_site: what the dialects of a span call its place; is_call: whether it is a call itself."""

    def __init__(
        self,
        by_id: Mapping[str, Span],
        attribute: str,
        *,
        call_site: Callable[[Span], str | None],
        is_call: Callable[[Span], bool],
    ) -> None:
        self._by_id = by_id
        self._attribute = attribute
        self._call_site = call_site
        self._is_call = is_call

    def of(self, span: Span) -> str:
        """The path of a call; never empty."""
        if own := _text(span.attributes.get(self._attribute)):
            return own[:MAX_NAME]
        line = list(self.line(span))
        declared = [_text(each.attributes.get(self._attribute)) for each in line] + [
            _text(span.resource.get(self._attribute))
        ]
        named = (self._place(each, own=each is span) for each in line)
        path_of_line = next((path for path in declared if path), None) or next((path for path in named if path), None)
        return (path_of_line or _service_and_operation(span))[:MAX_NAME]

    def line(self, span: Span) -> Iterator[Span]:
        """The span and its ancestors, as far as this export holds them."""
        return islice(self._ancestors(span), _MAX_ANCESTORS)

    def _ancestors(self, span: Span | None) -> Iterator[Span]:
        while span is not None:
            yield span
            span = self._by_id.get(span.parent_id or "")

    def _place(self, span: Span, *, own: bool) -> str | None:
        place = self._call_site(span) or _function(span.attributes)
        return place if place or own or self._is_call(span) else span.name or None


def _function(attributes: Mapping[str, Any]) -> str | None:
    """The function that the call stands in, by the conventions of today and before."""
    if name := _text(attributes.get("code.function.name")):
        return name
    function = _text(attributes.get("code.function"))
    if function is None:
        return None
    if around := _text(attributes.get("code.namespace")):
        return f"{around}.{function}"
    file = _text(attributes.get("code.filepath")) or _text(attributes.get("code.file.path"))
    return f"{file}:{function}" if file else function


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _service_and_operation(span: Span) -> str:
    """Not the span's own name where there is an operation: that name holds the model by the conventions."""
    operation = operation_of(span) if span.attributes.get("gen_ai.operation.name") else span.name
    named = [str(name) for name in (span.resource.get("service.name"), operation) if name]
    return "/".join(named) or "unnamed"
