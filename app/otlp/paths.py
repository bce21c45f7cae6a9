"""The call site of a span.

The configured attribute, on the span or around it. Else, from the call outwards, the first name of a place in the app: the dialect's name
for it, the function in the code (`code.*`), the name of an enclosing span. Enclosing spans that are calls themselves are passed over.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from app.checks import MAX_NAME, is_blank
from app.intake.bodies.values import filled_text
from app.otlp.dialects.genai import operation_of
from app.otlp.spans import Span

_MAX_ANCESTORS = 64
"""Ancestors that are looked at: more than any trace is deep; the limit ends a circle of parents."""


class Paths:
    """The paths of an export's spans. call_site: the place that the dialects of a span name; is_call: whether the span is a call."""

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
        if path := filled_text(span.attributes.get(self._attribute)):
            return path[:MAX_NAME]
        line = list(self.line(span))
        declared = [filled_text(ancestor.attributes.get(self._attribute)) for ancestor in line] + [
            filled_text(span.resource.get(self._attribute))
        ]
        names = (self._place(ancestor, is_own=ancestor is span) for ancestor in line)
        path_of_line = next((path for path in declared if path), None) or next((path for path in names if path), None)
        return (path_of_line or _service_and_operation(span))[:MAX_NAME]

    def line(self, span: Span) -> Iterator[Span]:
        """The span and its ancestors, as far as this export holds them."""
        return islice(self._ancestors(span), _MAX_ANCESTORS)

    def _ancestors(self, span: Span | None) -> Iterator[Span]:
        while span is not None:
            yield span
            span = self._by_id.get(span.parent_id or "")

    def _place(self, span: Span, *, is_own: bool) -> str | None:
        place = filled_text(self._call_site(span)) or _function(span.attributes)
        return place if place or is_own or self._is_call(span) else filled_text(span.name)


def _function(attributes: Mapping[str, Any]) -> str | None:
    """The function that made the call, in the current conventions and the older ones."""
    if name := filled_text(attributes.get("code.function.name")):
        return name
    function = filled_text(attributes.get("code.function"))
    if function is None:
        return None
    if around := filled_text(attributes.get("code.namespace")):
        return f"{around}.{function}"
    file = filled_text(attributes.get("code.filepath")) or filled_text(attributes.get("code.file.path"))
    return f"{file}:{function}" if file else function


def _service_and_operation(span: Span) -> str:
    """The service and the operation, else the span's name: in the conventions the name of a call's span holds the model."""
    operation = operation_of(span) if span.attributes.get("gen_ai.operation.name") else span.name
    names = [str(name) for name in (span.resource.get("service.name"), operation) if name and not is_blank(str(name))]
    return "/".join(names) or "unnamed"
