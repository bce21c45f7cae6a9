"""Detects the kind of a log by its first records that are JSON objects.

Each kind has fields that no other kind has (`run_type`, `call_type`, `schemaType`). An id or a list of messages is no sign of a kind, since
all kinds have them.
"""

from collections.abc import Sequence

from app.cli.formats.anthropic import Anthropic
from app.cli.formats.base import Fit, LogFormat
from app.cli.formats.batch import Batch
from app.cli.formats.bedrock import Bedrock
from app.cli.formats.finetuning import FineTuning
from app.cli.formats.helicone import Helicone
from app.cli.formats.langfuse import Langfuse
from app.cli.formats.langsmith import LangSmith
from app.cli.formats.litellm import LiteLLM
from app.cli.formats.openai import OpenAI
from app.cli.formats.otlp import Otlp
from app.cli.formats.promptfoo import Promptfoo
from app.cli.formats.promptlode import Promptlode
from app.cli.formats.spans import Spans
from app.intake.bodies.values import Body

_ALL: tuple[LogFormat, ...] = (
    Otlp(), Bedrock(), LiteLLM(), LangSmith(), Helicone(), Promptfoo(), Batch(), Langfuse(), Spans(), FineTuning(), Anthropic(), OpenAI(),
    Promptlode(),
)  # fmt: skip

FORMATS: dict[str, LogFormat] = {kind.name: kind for kind in _ALL}
"""Of two that fit equally well, the first is taken."""

LOOKED_AT = 20
"""Records that are looked at; more would only delay the answer."""


def detect(values: Sequence[Body]) -> LogFormat:
    """The kind that fits these records best; our own if none fits, since its errors name the required fields."""
    totals = {kind.name: sum(kind.fit(value) for value in values) for kind in FORMATS.values()}
    return FORMATS[max(totals, key=lambda name: totals[name])] if any(totals.values()) else FORMATS["promptlode"]


def is_unknown(values: Sequence[Body]) -> bool:
    """Whether there are records, and none fits a kind."""
    return bool(values) and not any(kind.fit(value) for kind in FORMATS.values() for value in values)


def kind_of(value: Body, expected: LogFormat) -> LogFormat:
    """The kind of one record: that of its file unless another fits better, since some files are mixed."""
    kind = detect([value])
    return expected if expected.fit(value) and expected.fit(value) >= kind.fit(value) else kind


def contradicts(values: Sequence[Body], forced: LogFormat) -> LogFormat | None:
    """The kind that certainly fits these records, where the chosen one hardly does."""
    if not values or any(forced.fit(value) is Fit.CERTAIN for value in values):
        return None
    kind = detect(values)
    return kind if kind is not forced and any(kind.fit(value) is Fit.CERTAIN for value in values) else None
