"""Haystack's own tracer (`opentelemetry-haystack`): each component's input and output as JSON.

A generator is a call: `messages` or a `prompt` as input, `replies` as output, each with model and token counts in its `meta`.
"""

from typing import Any

from app.intake.bodies.messages import message_of
from app.intake.bodies.requests import named, prompt_of_value
from app.intake.bodies.usage import NAMES, usage_of
from app.intake.bodies.values import Body, as_object, objects, present
from app.otlp.attributes import Attributes
from app.otlp.dialects.base import Dialect, Kind
from app.otlp.spans import Event, Span

_TYPE = "haystack.component.type"
_COMPONENTS_WITHOUT_TEXT = ("ImageGenerator", "SpeechGenerator")

_PROMPT = ("messages", "prompt", "system_prompt", "generation_kwargs", "streaming_callback")
_OF_PIPELINE = tuple(
    f"haystack.component.{name}"
    for name in ("input_types", "input_spec", "output_spec", "fully_qualified_type", "visits")
)
"""Arguments that describe the pipeline, the same for every call."""


def _kind(span: Span) -> Kind | None:
    component = str(span.attributes.get(_TYPE, ""))
    if component.endswith("Generator") and not component.endswith(_COMPONENTS_WITHOUT_TEXT):
        return Kind.CALL
    return Kind.OTHER if component or span.name == "haystack.pipeline.run" else None


def _read(attributes: Attributes, events: list[Event]) -> Body:
    given = as_object(attributes.take_json("haystack.component.input"))
    output = as_object(attributes.take_json("haystack.component.output"))
    replies = output["replies"] if isinstance(output.get("replies"), list) else []
    metas = [as_object(reply.get("meta")) for reply in objects(replies)] or objects(output.get("meta"))
    usage = usage_of(_first(metas, "usage")) or {}
    return _request(given) | {
        "model": _first(metas, "model"),
        "usage": {name: usage[name] for name in NAMES if name in usage},
        "output": [_reply(reply) for reply in replies],
    }


def _request(given: Body) -> Body:
    """The request to the model; arguments without a field of ours keep their names."""
    further = {name: value for name, value in given.items() if name not in _PROMPT and value is not None}
    return prompt_of_value(given.get("messages") or given.get("prompt")) | named(
        as_object(given.get("generation_kwargs")) | further | present({"instructions": given.get("system_prompt")})
    )


def _reply(reply: Any) -> Any:
    made = message_of(reply) if isinstance(reply, dict) else [{"role": "assistant", "content": reply}]
    return made[0] if made else reply


def _first(metas: list[Body], name: str) -> Any:
    return next((meta[name] for meta in metas if meta.get(name)), None)


DIALECT = Dialect(
    name="Haystack",
    signs=("haystack.",),
    kind=_kind,
    call_site=("haystack.component.name",),
    repeats=_OF_PIPELINE,
    read=_read,
)
