"""LangSmith's exporter: the inputs and outputs of a run as JSON under names that the first GenAI conventions had for texts.

Its operation says `chat` of prompt templates too, so only the kind of its span tells what a run was.
"""

from app.otlp.dialects.base import Dialect, Kind, by_value

_KINDS = {"llm": Kind.CALL, "chain": Kind.WRAPPER}

DIALECT = Dialect(
    name="LangSmith",
    signs=("langsmith.",),
    kind=by_value("langsmith.span.kind", _KINDS, otherwise=Kind.OTHER),
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
