"""Haystack: its evaluators on one path, its query expander and its ranker, all with their own prompts."""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

from haystack import Document
from haystack.components.builders import PromptBuilder
from haystack.components.evaluators import ContextRelevanceEvaluator, FaithfulnessEvaluator
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.query import QueryExpander
from haystack.components.rankers import LLMRanker
from haystack.utils import Secret

from benchmarks.frameworks.documents import QUESTIONS, topic

Url = Callable[[str], str]
EXPANSIONS = 3


def prepare() -> None:
    # The stand-in does not answer in the requested JSON; no later prompt depends on its answers.
    logging.getLogger("haystack").setLevel(logging.CRITICAL)


def _generator(url: str) -> OpenAIChatGenerator:
    return OpenAIChatGenerator(
        model="gpt-4o-mini", api_base_url=url, api_key=Secret.from_token("none"), max_retries=0, timeout=30
    )


def _faithfulness(url: str) -> FaithfulnessEvaluator:
    return FaithfulnessEvaluator(chat_generator=_generator(url), raise_on_failure=False, progress_bar=False)


def _relevance(url: str) -> ContextRelevanceEvaluator:
    return ContextRelevanceEvaluator(chat_generator=_generator(url), raise_on_failure=False, progress_bar=False)


def _pieces(name: str, limit: int) -> list[str]:
    return [piece for piece in topic(name).split("\n\n") if len(piece) > 80][:limit]


def evaluators(url: Url) -> None:
    faithfulness, relevance = _faithfulness(url("/haystack/evaluators")), _relevance(url("/haystack/evaluators"))
    for number, (name, question) in enumerate(QUESTIONS):
        contexts = _pieces(name, 1 + number % 4)
        statement = " ".join(topic(name)[300:700].split())
        faithfulness.run(questions=[question], contexts=[contexts], predicted_answers=[statement])
        if number % 2:
            relevance.run(questions=[question], contexts=[contexts])


def retrieval(url: Url) -> None:
    expander = QueryExpander(chat_generator=_generator(url("/haystack/expand")), n_expansions=EXPANSIONS)
    ranker = LLMRanker(chat_generator=_generator(url("/haystack/rank")))
    for number, (name, question) in enumerate(QUESTIONS):
        expander.run(query=question)
        ranker.run(query=question, documents=[Document(content=piece) for piece in _pieces(name, 1 + number % 5)])


CHAINS = (evaluators, retrieval)
_UNQUOTED = re.compile(r'\[?"\\u003c\\u003c(\w+)\\u003e\\u003e"\]?')


def _part(builder: PromptBuilder, **marks: Any) -> list[dict[str, str]]:
    """A prompt's text with `<<variable>>` where a value goes, also where the framework writes it as JSON."""
    return [{"role": "user", "text": _UNQUOTED.sub(r"<<\1>>", builder.run(**marks)["prompt"])}]


def own_templates() -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    """(name, path, parts) of every prompt that these components are made of."""
    faithfulness, relevance = _faithfulness("http://unused/v1"), _relevance("http://unused/v1")
    inputs = {"questions": "<<questions>>", "contexts": ["<<contexts>>"]}
    yield (
        "faithfulness",
        "/haystack/evaluators",
        _part(faithfulness.builder, **inputs, predicted_answers="<<predicted_answers>>"),
    )
    yield "context relevance", "/haystack/evaluators", _part(relevance.builder, **inputs)
    expander = QueryExpander(chat_generator=_generator("http://unused/v1"))
    yield (
        "more queries",
        "/haystack/expand",
        _part(expander._prompt_builder, query="<<query>>", n_expansions=str(EXPANSIONS)),
    )
    ranker = LLMRanker(chat_generator=_generator("http://unused/v1"))
    ranked = _part(ranker._prompt_builder, query="<<query>>", documents=[Document(content="<<documents>>")])
    yield "ranking", "/haystack/rank", ranked
