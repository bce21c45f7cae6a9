"""Haystack's own tracer (`opentelemetry-haystack`): each component's input and output as JSON.

A generator is a call: `messages` or a `prompt` as input, `replies` as output, each with model and token counts in its `meta`.
"""

from typing import Any

from app.intake.bodies.messages import message_of
from app.intake.bodies.requests import prompt_of_value, settings_by_our_names
from app.intake.bodies.usage import NAMES, usage_of
from app.intake.bodies.values import Body, as_object, objects, present
from app.otlp.attributes import Attributes
from app.otlp.dialects.base import Dialect, SpanKind
from app.otlp.spans import Event, Span

_TYPE = "haystack.component.type"
_COMPONENTS_WITHOUT_TEXT = ("ImageGenerator", "SpeechGenerator")

_PROMPT = ("messages", "prompt", "system_prompt", "generation_kwargs", "streaming_callback")
_OF_PIPELINE = tuple(
    f"haystack.component.{name}"
    for name in ("input_types", "input_spec", "output_spec", "fully_qualified_type", "visits")
)
"""Arguments that describe the pipeline, the same for every call."""


def _kind(span: Span) -> SpanKind | None:
    component = str(span.attributes.get(_TYPE, ""))
    if component.endswith("Generator") and not component.endswith(_COMPONENTS_WITHOUT_TEXT):
        return SpanKind.CALL
    return SpanKind.OTHER if component or span.name == "haystack.pipeline.run" else None


def _body(attributes: Attributes, events: list[Event]) -> Body:
    input_ = as_object(attributes.take_json("haystack.component.input"))
    output = as_object(attributes.take_json("haystack.component.output"))
    replies = output["replies"] if isinstance(output.get("replies"), list) else []
    metas = [as_object(reply.get("meta")) for reply in objects(replies)] or objects(output.get("meta"))
    usage = usage_of(_first_value(metas, "usage")) or {}
    return _request(input_) | {
        "model": _first_value(metas, "model"),
        "usage": {name: usage[name] for name in NAMES if name in usage},
        "output": [_reply(reply) for reply in replies],
    }


def _request(input_: Body) -> Body:
    """The request to the model; arguments without a field of ours keep their names."""
    further = {name: value for name, value in input_.items() if name not in _PROMPT and value is not None}
    return prompt_of_value(input_.get("messages") or input_.get("prompt")) | settings_by_our_names(
        as_object(input_.get("generation_kwargs")) | further | present({"instructions": input_.get("system_prompt")})
    )


def _reply(reply: Any) -> Any:
    messages = message_of(reply) if isinstance(reply, dict) else [{"role": "assistant", "content": reply}]
    return messages[0] if messages else reply


def _first_value(metas: list[Body], name: str) -> Any:
    return next((meta[name] for meta in metas if meta.get(name)), None)


DIALECT = Dialect(
    name="Haystack",
    signs=("haystack.",),
    kind=_kind,
    call_site=("haystack.component.name",),
    repeats=_OF_PIPELINE,
    read=_body,
)
