"""Logfire: the request and the response as sent over HTTP, and events in one attribute (Pydantic AI before version 2).

A streamed call is two spans: the request, and a log at the end of the stream that has the response too. `same` joins them.
"""

from typing import Any

from app.intake.bodies.values import Body, as_object, objects
from app.otlp.attributes import Attributes
from app.otlp.dialects.base import Dialect
from app.otlp.dialects.genai import CHOICE_EVENT, MESSAGE_EVENTS, choice_of, message_of_event
from app.otlp.messages import has_content
from app.otlp.spans import Event


def _listed_events(attributes: Attributes, events: list[Event]) -> Body:
    """The messages and choices of the attribute `events`, whose items name their event."""
    listed = objects(attributes.take_json("events", "all_messages_events"))
    messages = [
        message for item in listed if _name(item) in MESSAGE_EVENTS for message in message_of_event(_name(item), item)
    ]
    choices = [message for item in listed if _name(item) == CHOICE_EVENT for message in choice_of(item)]
    return ({"messages": messages} if has_content(messages) else {}) | ({"output": choices} if choices else {})


def _name(item: dict[str, Any]) -> str:
    return str(as_object(item).get("event.name"))


DIALECT = Dialect(
    name="Logfire",
    signs=("request_data", "response_data", "events", "all_messages_events", "logfire."),
    requests=("request_data",),
    answers=("response_data",),
    read=_listed_events,
)
