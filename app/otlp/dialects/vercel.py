"""Vercel AI SDK (`experimental_telemetry`): an outer span for the app's call of the SDK, an inner span for each call of the model.

The inner span (`ai.generateText.doGenerate`, `ai.streamText.doStream` ...) holds the messages as they were sent.
"""

from app.intake.bodies.messages import tool_call
from app.intake.bodies.values import Body, filled, objects
from app.otlp.attributes import Attributes
from app.otlp.dialects.base import Dialect, SpanKind
from app.otlp.spans import Event, Span

_INNER = (".doGenerate", ".doStream")
_OTHERS = ("ai.embed", "ai.toolCall", "ai.rerank", "ai.generateImage", "ai.transcribe", "ai.generateSpeech")


def _kind(span: Span) -> SpanKind | None:
    operation = str(span.attributes.get("ai.operationId") or span.name).partition(" ")[0]
    if operation.endswith(_INNER) or "ai.prompt.messages" in span.attributes:
        return SpanKind.CALL
    if operation.startswith(_OTHERS):
        return SpanKind.OTHER
    return SpanKind.WRAPPER if "ai.prompt" in span.attributes else None


def _answer(attributes: Attributes, events: list[Event]) -> Body:
    """One message from the text, the tool calls and the object, each of which has an attribute."""
    text = attributes.take("ai.response.text", "ai.result.text")
    answer = attributes.take("ai.response.object", "ai.result.object")
    calls = [_call(call) for call in objects(attributes.take_json("ai.response.toolCalls", "ai.result.toolCalls"))]
    message = filled({"role": "assistant", "content": text or answer, "tool_calls": calls})
    return {"output": [message]} if len(message) > 1 else {}


def _call(call: Body) -> Body:
    arguments = next((call[name] for name in ("input", "args") if name in call), None)
    return tool_call(call.get("toolCallId"), call.get("toolName"), arguments)


DIALECT = Dialect(
    name="Vercel AI SDK",
    signs=("ai.",),
    kind=_kind,
    fields={
        "model": ("gen_ai.request.model", "ai.model.id"),
        "tools": ("ai.prompt.tools",),
        "tool_choice": ("ai.prompt.toolChoice",),
        "temperature": ("gen_ai.request.temperature", "ai.settings.temperature"),
        "max_output_tokens": (
            "gen_ai.request.max_tokens",
            "ai.settings.maxOutputTokens",
            "ai.settings.maxTokens",
        ),
        "response_format": ("ai.schema",),
        "user_id": ("ai.telemetry.metadata.userId", "ai.telemetry.metadata.user_id"),
        "conversation_id": (
            "ai.telemetry.metadata.sessionId",
            "ai.telemetry.metadata.conversationId",
            "ai.telemetry.metadata.chatId",
            "ai.telemetry.metadata.threadId",
        ),
        "usage.input_tokens": ("ai.usage.inputTokens", "ai.usage.promptTokens"),
        "usage.output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        "usage.total_tokens": ("ai.usage.totalTokens",),
        "usage.cached_tokens": ("ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"),
        "usage.reasoning_tokens": ("ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"),
    },
    requests=("ai.prompt.messages", "ai.prompt"),
    read=_answer,
    call_site=("ai.telemetry.functionId", "resource.name"),
)
