"""The traces that are sent: prompts of known templates, and texts that belong to none."""

import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from benchmarks.matcher import Writer, mixed, take
from templating import BARRIER, Template

AROUND = 500
"""Characters of a body beside the prompt: names, settings, usage and the model's answer."""

UNMATCHED = 10
"""One call in UNMATCHED belongs to no template."""

_numbers = count()


@dataclass(frozen=True)
class Call:
    """One call of a path, from which bodies and spans are made."""

    path: str
    prompt: str

    def body(self) -> dict[str, Any]:
        system, _, user = self.prompt.rpartition(BARRIER)
        messages = [{"role": role, "content": text} for role, text in (("system", system), ("user", user)) if text]
        return {
            "path": self.path,
            "model": "gpt-5-mini",
            "messages": messages,
            "output": [{"role": "assistant", "content": "The parcel is on its way. " * 8}],
            "temperature": 0,
            "usage": {"input_tokens": len(self.prompt) // 4, "output_tokens": 48},
            "metadata": {"release": "2026.11", "number": next(_numbers)},
        }

    def span(self, conventions: "Conventions") -> Span:
        """The call as an OpenTelemetry span with new ids, as exporters send it."""
        body = self.body()
        now = time.time_ns()
        return Span(
            trace_id=os.urandom(16),
            span_id=os.urandom(8),
            name=f"chat {body['model']}",
            start_time_unix_nano=now - 1_500_000_000,
            end_time_unix_nano=now,
            attributes=[KeyValue(key=name, value=_any_value(value)) for name, value in conventions(body).items()],
        )


Conventions = Callable[[dict[str, Any]], dict[str, str | int]]
"""Makes the attributes of a span of a body of POST /api/v1/traces."""


def gen_ai(body: dict[str, Any]) -> dict[str, str | int]:
    """The attributes of OpenTelemetry's conventions for generative AI; the id of the answer is new at each call of this function."""
    return {
        "promptlode.path": body["path"],
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": body["model"],
        "gen_ai.request.temperature": body["temperature"],
        "gen_ai.response.id": f"chatcmpl-{os.urandom(12).hex()}",
        "gen_ai.input.messages": _in_parts(body["messages"]),
        "gen_ai.output.messages": _in_parts(body["output"]),
        "gen_ai.usage.input_tokens": body["usage"]["input_tokens"],
        "gen_ai.usage.output_tokens": body["usage"]["output_tokens"],
        **body["metadata"],
    }


def _in_parts(messages: list[dict[str, str]]) -> str:
    """Messages as JSON in the form of the semantic conventions, as SDKs write them."""
    return orjson.dumps(
        [{"role": message["role"], "parts": [{"type": "text", "content": message["content"]}]} for message in messages]
    ).decode()


def _any_value(value: str | int) -> AnyValue:
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)


def templates(number: int, seed: int = 1) -> list[Template]:
    """Different templates of two parts, system and user, of all the kinds that the matcher is measured with."""
    return take((_with_two_parts(text) for text in mixed(Writer(seed))), number)


def _with_two_parts(text: str) -> str:
    return text if BARRIER in text else BARRIER + text


def calls(path: str, known_templates: list[Template], number: int, size: int, seed: int = 1) -> list[Call]:
    """Calls with bodies of about `size` bytes: one in UNMATCHED of no template, the others of a random known one."""
    write, choose = Writer(seed, size - AROUND), random.Random(seed)
    return [
        Call(path, write.prompt(choose.choice(known_templates)) if n % UNMATCHED else _chat(write))
        for n in range(number)
    ]


def chats(path: str, number: int, size: int, seed: int = 1) -> list[Call]:
    """Calls that belong to no template."""
    write = Writer(seed, size - AROUND)
    return [Call(path, _chat(write)) for _ in range(number)]


def _chat(write: Writer) -> str:
    return BARRIER + write.value(write.length)


def singles(calls: Iterable[Call]) -> list[bytes]:
    """One body for each call."""
    return [orjson.dumps(call.body()) for call in calls]


def with_tools(calls: Iterable[Call]) -> list[dict[str, Any]]:
    """Bodies each with a tool of its own, so that each is of a version of its own."""
    return [call.body() | {"tools": [{"type": "function", "name": f"tool_{next(_numbers)}"}]} for call in calls]


def batches(calls: list[Call], size: int = 1000) -> list[bytes]:
    """Bodies of `size` calls each."""
    starts = range(0, len(calls), size)
    return [orjson.dumps({"traces": [call.body() for call in calls[start : start + size]]}) for start in starts]


def named_batch(calls: list[Call]) -> bytes:
    """One body of calls with external ids, which are new at each call of this function."""
    return orjson.dumps({"traces": [call.body() | {"external_id": os.urandom(16).hex()} for call in calls]})


def exports(calls: list[Call], size: int, conventions: Conventions = gen_ai) -> list[bytes]:
    """Exports of `size` calls each."""
    return [export(calls[start : start + size], conventions) for start in range(0, len(calls), size)]


def export(calls: list[Call], conventions: Conventions = gen_ai) -> bytes:
    """One export of OpenTelemetry, whose ids are new at each call of this function."""
    about = Resource(attributes=[KeyValue(key="service.name", value=_any_value("shop"))])
    scope = ScopeSpans(spans=[call.span(conventions) for call in calls])
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=about, scope_spans=[scope])]
    ).SerializeToString()
