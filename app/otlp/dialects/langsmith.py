"""LangSmith's exporter: inputs and outputs of a run as JSON, under attribute names that the oldest GenAI conventions used for texts.

Its operation is `chat` even for prompt templates, so only the span's kind attribute tells the kind of a run.
"""

from app.otlp.dialects.base import Dialect, SpanKind, by_value

_KINDS = {"llm": SpanKind.CALL, "chain": SpanKind.WRAPPER}

DIALECT = Dialect(
    name="LangSmith",
    signs=("langsmith.",),
    kind=by_value("langsmith.span.kind", _KINDS, otherwise=SpanKind.OTHER),
    fields={
        "conversation_id": (
            "langsmith.metadata.session_id",
            "langsmith.metadata.conversation_id",
            "langsmith.metadata.thread_id",
        ),
        "user_id": ("langsmith.metadata.user_id",),
        "model": ("gen_ai.request.model", "langsmith.metadata.ls_model_name"),
    },
    requests=("gen_ai.prompt",),
    answers=("gen_ai.completion",),
)
