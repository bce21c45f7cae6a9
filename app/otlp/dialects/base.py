"""The class of a dialect: the attribute names by which an instrumentation writes an LLM call onto a span.

Most dialects consist of tables. `read` covers the rest: members with an attribute each, and events.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from app.intake.bodies.answers import answer_of
from app.intake.bodies.messages import has_content
from app.intake.bodies.requests import SETTINGS, prompt_of_value
from app.intake.bodies.usage import NAMES, usage_of
from app.intake.bodies.values import as_object, parsed
from app.otlp.attributes import Attributes
from app.otlp.spans import Event, Span

Names = tuple[str, ...]
_USAGE = "usage."
Body = dict[str, Any]


MOST_SHAPES = 1_000
"""Sets of attribute names kept in memory, for each table: an instrumentation writes a dozen sets, an app has a few instrumentations."""

_LONGEST_SHAPE = 4_000
"""Characters of a span's attribute names up to which the set is kept: a conversation written as attributes has thousands of names, never
twice the same.
"""

T = TypeVar("T")


def cached_by_names(function: Callable[[str], T]) -> Callable[[str], T]:
    """The same function of `Span.names`, with its recent results in memory."""
    remembered = lru_cache(MOST_SHAPES)(function)
    return lambda names: remembered(names) if len(names) <= _LONGEST_SHAPE else function(names)


class SpanKind(Enum):
    """The kind of a span."""

    CALL = "call"
    """A call of a model; without messages, a call whose content was not captured."""
    MAYBE = "maybe"
    """An unknown operation: a call if it carries messages."""
    WRAPPER = "wrapper"
    """A span around calls: an agent, a chain, a framework's outer span. A call only if it carries messages and no call is within it."""
    OTHER = "other"
    """No call of a model that writes text: an embedding, a tool, a retriever."""


def never(span: Span) -> SpanKind | None:
    """A dialect that tells the kind of no span."""
    return None


def no_fields(attributes: Attributes, events: list[Event]) -> Body:
    """A dialect without fields beyond its tables."""
    return {}


@dataclass(frozen=True)
class Dialect:
    """One way to write a call. Where a span has several, the earlier dialect of the registry fills a field first."""

    name: str
    signs: Names
    """Prefixes of attribute names; a span with such a name is written in the dialect."""
    kind: Callable[[Span], SpanKind | None] = never
    """The kind of a span; None where the dialect does not tell it."""
    fields: Mapping[str, Names] = field(default_factory=dict)
    """Our field: its attributes, the first present one wins."""
    requests: Names = ()
    """Attributes that hold the input: a request of any provider, messages, or a text."""
    answers: Names = ()
    """Attributes that hold the output: a response of any provider, messages, or a text."""
    parameters: Names = ()
    """Attributes that hold settings, by the names of any provider."""
    counts: Names = ()
    """Attributes that hold token counts, by the names of any provider."""
    call_site: Names = ()
    """Attributes that name the call site."""
    repeats: Names = ()
    """Attributes that repeat the content of others and would keep a prompt under metadata."""
    strict: bool = False
    """Whether an input may be a user's own text that only looks like a request."""
    read: Callable[[Attributes, list[Event]], Body] = no_fields
    """Reads the fields that a table cannot describe."""

    @cached_property
    def _fields_in(self) -> Callable[[str], list[tuple[str, str, Names]]]:
        """Our fields that a span with these attribute names may fill, each with its name in `usage` (or "") and the attributes.

        The argument is as `Span.names`.
        """
        return cached_by_names(self._find_fields)

    def _find_fields(self, names: str) -> list[tuple[str, str, Names]]:
        present = set(names.split("\n"))
        fields = ((ours, tuple(name for name in theirs if name in present)) for ours, theirs in self.fields.items())
        return [
            (ours, ours.removeprefix(_USAGE) if ours.startswith(_USAGE) else "", theirs)
            for ours, theirs in fields
            if theirs
        ]

    def body_of(self, attributes: Attributes, events: list[Event]) -> Body:
        """The call in the fields of this dialect; it takes the attributes that it reads. Raises UnusableSpanError."""
        body = self.read(attributes, events)
        usage = body.setdefault("usage", {})
        for ours, count, names in self._fields_in(attributes.names):
            value = attributes.take_first(names)
            if value is None:  # taken by `read`
                continue
            if isinstance(value, str):
                value = parsed(value)
            if count:
                usage.setdefault(count, value)
            elif not body.get(ours):
                body[ours] = value
        if self.parameters or self.requests or self.answers or self.counts:
            self._fill_from_objects(body, attributes)
        for name in self.repeats:
            attributes.take(name)
        return body

    def _fill_from_objects(self, body: Body, attributes: Attributes) -> None:
        """Fields from attributes that hold a whole request, a response, or an object of settings or counts."""
        _fill(body, self._settings(attributes))
        _fill(body, self._prompt(attributes))
        _fill(body, self._answer(attributes))
        body["usage"] = self._counts(attributes) | (body.get("usage") or {})

    def _prompt(self, attributes: Attributes) -> Body:
        """The first input that holds a prompt; other inputs repeat it."""
        prompts = [
            prompt_of_value(value, strict=self.strict) for name in self.requests if (value := attributes.take(name))
        ]
        return next((prompt for prompt in prompts if has_prompt(prompt)), {})

    def _answer(self, attributes: Attributes) -> Body:
        answers = [answer_of(value) for name in self.answers if (value := attributes.take(name))]
        return next((answer for answer in answers if answer), {})

    def _settings(self, attributes: Attributes) -> Body:
        """Settings from an object of parameters; parameters without a field of ours stay under the object's name."""
        settings: Body = {}
        for name in self.parameters:
            parameters = dict(as_object(parsed(attributes.take(name))))
            for ours, theirs in SETTINGS.items():
                settings.setdefault(
                    ours,
                    next((parameters.pop(name) for name in theirs if parameters.get(name) is not None), None),
                )
            if parameters:
                settings[name] = parameters
        return settings

    def _counts(self, attributes: Attributes) -> Body:
        usages = (usage_of(parsed(attributes.take(name))) for name in self.counts)
        counts = next((counts for counts in usages if counts), {})
        return {name: counts[name] for name in NAMES if name in counts}


def has_prompt(body: Mapping[str, Any]) -> bool:
    """Whether a body holds a prompt."""
    if body.get("instructions") or body.get("input"):
        return True
    return has_content(body.get("messages") or ())


def _fill(body: Body, values: Mapping[str, Any]) -> None:
    """Fill the missing fields of the body; prompt fields are filled only if the body has none of them."""
    has_whole_prompt = has_prompt(body)
    for name, value in values.items():
        if has_whole_prompt and name in ("messages", "input", "instructions"):
            continue
        if value is not None and body.get(name) in (None, [], {}):
            body[name] = value


def merged(bodies: list[Body]) -> Body:
    """One body from those of several dialects: for each field the first dialect that has it."""
    merged_body: Body = {}
    for body in bodies:
        usage = (body.pop("usage", None) or {}) | (merged_body.get("usage") or {})
        _fill(merged_body, body)
        merged_body["usage"] = usage
    return merged_body


def by_value(
    attribute: str, kinds: Mapping[str, SpanKind], *, otherwise: SpanKind | None = None
) -> Callable[[Span], SpanKind | None]:
    """A function for the kind that an attribute's value stands for, in any case and with or without quotes."""

    def kind(span: Span) -> SpanKind | None:
        value = span.attributes.get(attribute)
        if not isinstance(value, str) or not value:
            return None
        return kinds.get(value.strip('"').lower(), otherwise)

    return kind
