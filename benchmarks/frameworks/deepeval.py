"""DeepEval: metrics with a judge, all on one path; each metric has two or three prompts in the same house style."""

from collections.abc import Callable, Iterator

from deepeval.metrics import (
    AnswerRelevancyMetric,
    BaseMetric,
    ContextualPrecisionMetric,
    ContextualRecallMetric,
    ContextualRelevancyMetric,
    FaithfulnessMetric,
    HallucinationMetric,
)
from deepeval.metrics.contextual_relevancy.contextual_relevancy import _contextual_relevancy_verdict_kwargs
from deepeval.metrics.faithfulness.faithfulness import _faithfulness_truths_limit_phrase
from deepeval.models import GPTModel
from deepeval.templates.resolver import resolve_template
from deepeval.test_case import LLMTestCase

from benchmarks.frameworks.documents import QUESTIONS, topic

Url = Callable[[str], str]
PATH = "/deepeval/judges"

METRICS: tuple[tuple[type[BaseMetric], int], ...] = (
    (FaithfulnessMetric, 1), (AnswerRelevancyMetric, 1), (ContextualPrecisionMetric, 2), (ContextualRecallMetric, 2),
    (ContextualRelevancyMetric, 3), (HallucinationMetric, 3),
)  # fmt: skip
"""Each metric runs on every n-th case, since teams run some judges more often than others."""


def prepare() -> None:
    """Nothing to set: each metric is given its own judge."""


def judges(url: Url) -> None:
    judge = GPTModel(model="gpt-4o-mini", base_url=url(PATH), api_key="none")
    metrics = [(metric(model=judge, async_mode=False), often) for metric, often in METRICS]
    for number, (name, question) in enumerate(QUESTIONS[::2]):
        case = _case(name, question, 1 + number % 3)
        for metric, often in metrics:
            if number % often == 0:
                metric.measure(case, _show_indicator=False)


def _case(name: str, question: str, pieces: int) -> LLMTestCase:
    text = topic(name)
    contexts = [" ".join(text[start : start + 500].split()) for start in range(0, 500 * pieces, 500)]
    return LLMTestCase(
        input=question if pieces < 3 else f"{question}\n\n{text[:1000]}",
        actual_output=" ".join(text[200:600].split()),
        expected_output=" ".join(text[400:700].split()),
        context=contexts,
        retrieval_context=contexts,
    )


CHAINS = (judges,)

_FIXED = _contextual_relevancy_verdict_kwargs(multimodal=False) | {
    "multimodal": False, "multimodal_instruction": "", "multimodal_note": "", "limit": _faithfulness_truths_limit_phrase(None),
    "content_type": "sentence", "content_type_plural": "sentences", "content_or": "sentence", "node_instruction": "",
}  # fmt: skip
"""The values that the metrics fill in for text without images."""

_SLOTS: tuple[tuple[str, str, str], ...] = (
    ("Faithfulness", "truths", "retrieval_context"),
    ("Faithfulness", "claims", "actual_output"),
    ("Faithfulness", "verdicts", "retrieval_context claims"),
    ("Faithfulness", "reason", "score contradictions"),
    ("AnswerRelevancy", "statements", "actual_output"),
    ("AnswerRelevancy", "verdicts", "input statements"),
    ("AnswerRelevancy", "reason", "score irrelevant_statements input"),
    ("ContextualPrecision", "verdicts", "input expected_output document_count_str context_to_display"),
    ("ContextualPrecision", "reason", "score input verdicts"),
    ("ContextualRecall", "verdicts", "expected_output context_to_display"),
    ("ContextualRecall", "reason", "score expected_output supportive_reasons unsupportive_reasons"),
    ("ContextualRelevancy", "verdicts", "input context"),
    ("ContextualRelevancy", "reason", "score input irrelevant_statements relevant_statements"),
    ("Hallucination", "verdicts", "contexts actual_output contexts_count"),
    ("Hallucination", "reason", "score factual_alignments contradictions"),
)


def own_templates() -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    """(name, path, parts) of every prompt that these metrics are made of."""
    for metric, step, slots in _SLOTS:
        marks = {slot: f"<<{slot}>>" for slot in slots.split()}
        text = resolve_template("metrics", f"{metric}Metric", f"generate_{step}", **_FIXED | marks)
        yield f"{metric}: {step}", PATH, [{"role": "user", "text": text}]
