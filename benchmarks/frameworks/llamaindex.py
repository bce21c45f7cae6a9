"""LlamaIndex: a call site for each response synthesizer, two engines on top of them and the metadata extractors, all with its own prompts."""

from collections.abc import Callable, Iterator

from llama_index.core import Document, MockEmbedding, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.chat_engine.condense_question import DEFAULT_PROMPT as CONDENSE
from llama_index.core.chat_engine.condense_question import CondenseQuestionChatEngine
from llama_index.core.evaluation import (
    AnswerRelevancyEvaluator,
    ContextRelevancyEvaluator,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    RelevancyEvaluator,
    answer_relevancy,
    context_relevancy,
    correctness,
    faithfulness,
    relevancy,
)
from llama_index.core.extractors import KeywordExtractor, QuestionsAnsweredExtractor, SummaryExtractor, TitleExtractor
from llama_index.core.extractors import metadata_extractors as extractors
from llama_index.core.ingestion import run_transformations
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.prompts import PromptTemplate, chat_prompts
from llama_index.core.prompts.base import BasePromptTemplate
from llama_index.core.query_engine import SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.question_gen.prompts import DEFAULT_SUB_QUESTION_PROMPT_TMPL
from llama_index.core.tools import QueryEngineTool
from llama_index.llms.openai import OpenAI

from benchmarks.frameworks.documents import FOLLOW_UPS, QUESTIONS, topic

Url = Callable[[str], str]
MODEL = "gpt-4o-mini"


def prepare() -> None:
    Settings.embed_model = MockEmbedding(embed_dim=8)
    # Mock embeddings make all pieces equally near; then the id decides, so the id must not be random.
    Settings.node_parser = SentenceSplitter(
        chunk_size=256, chunk_overlap=20, id_func=lambda number, node: f"{node.node_id}-{number:03d}"
    )
    Settings.llm = None  # every engine gets the model of its call site


def _llm(url: str) -> OpenAI:
    return OpenAI(model=MODEL, api_base=url, api_key="none", max_retries=0, timeout=30)


def _index(name: str) -> VectorStoreIndex:
    """An index of one topic: mock embeddings cannot tell topics apart."""
    return VectorStoreIndex.from_documents([Document(id_=name, text=topic(name), metadata={"topic": name})])


def synthesizers(url: Url) -> None:
    for mode, questions in (("compact", QUESTIONS), ("refine", QUESTIONS[:30]), ("tree_summarize", QUESTIONS)):
        llm = _llm(url(f"/llama-index/{mode.replace('_', '-')}"))
        for name, question in questions:
            _index(name).as_query_engine(llm=llm, response_mode=mode, similarity_top_k=3).query(question)


def condense(url: Url) -> None:
    """A chat about each topic: a question, then follow-ups that are rewritten to stand alone."""
    llm = _llm(url("/llama-index/chat"))
    for number, (name, question) in enumerate(QUESTIONS[::2]):
        engine = CondenseQuestionChatEngine.from_defaults(
            _index(name).as_query_engine(llm=llm, similarity_top_k=1), llm=llm
        )
        for text in (question, FOLLOW_UPS[number % 8], FOLLOW_UPS[(number + 3) % 8]):
            engine.chat(text)


def sub_questions(url: Url) -> None:
    llm = _llm(url("/llama-index/sub-question"))
    for number in range(0, len(QUESTIONS) - 3, 3):
        questions = QUESTIONS[number : number + 3]
        tools = [
            QueryEngineTool.from_defaults(
                SummaryIndex.from_documents([Document(id_=name, text=topic(name)[:1500])]).as_query_engine(llm=llm),
                name=name.replace("-", "_"),
                description=f"The chapter on {name}",
            )
            for name, _ in questions
        ]
        engine = SubQuestionQueryEngine.from_defaults(
            tools, llm=llm, question_gen=LLMQuestionGenerator.from_defaults(llm=llm), use_async=False, verbose=False
        )
        engine.query(f"{questions[0][1]} {questions[2][1]}")


def metadata(url: Url) -> None:
    title, *further_extractors = (
        extractor(llm=_llm(url(f"/llama-index/{path}")), num_workers=1)
        for path, extractor in (
            ("title", TitleExtractor),
            ("keywords", KeywordExtractor),
            ("questions", QuestionsAnsweredExtractor),
            ("summary", SummaryExtractor),
        )
    )
    for name, _ in QUESTIONS[::3]:
        pieces = Settings.node_parser([Document(id_=name, text=topic(name)[:4000])])
        run_transformations(pieces, [title])
        for piece in pieces:  # one by one: pieces of one call are sent in random order
            run_transformations([piece], further_extractors)


def judges(url: Url) -> None:
    """Five evaluators in turn, as a test run sends them."""
    llm = _llm(url("/llama-index/judges"))
    evaluators = (CorrectnessEvaluator(llm), AnswerRelevancyEvaluator(llm), ContextRelevancyEvaluator(llm),
                  FaithfulnessEvaluator(llm), RelevancyEvaluator(llm))  # fmt: skip
    for name, question in QUESTIONS[::2]:
        response, reference = (" ".join(topic(name)[start : start + 300].split()) for start in (200, 450))
        for evaluator in evaluators:
            evaluator.evaluate(query=question, response=response, contexts=[topic(name)[:600]], reference=reference)


CHAINS = (synthesizers, condense, sub_questions, metadata, judges)


def _parts(template: BasePromptTemplate, fixed: dict[str, str]) -> list[dict[str, str]]:
    """A template's messages with `<<variable>>` where a value goes; what the framework fills in for all calls is fixed."""
    marks = {name: f"<<{name}>>" for name in template.template_vars} | fixed
    messages = template.format_messages(llm=_llm("http://unused/v1"), **marks)
    return [{"role": message.role.value, "text": message.content or ""} for message in messages]


def own_templates() -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    """(name, path, parts) of every prompt that these chains are made of."""
    qa, refine, tree = (
        chat_prompts.CHAT_TEXT_QA_PROMPT,
        chat_prompts.CHAT_REFINE_PROMPT,
        chat_prompts.CHAT_TREE_SUMMARIZE_PROMPT,
    )
    for name, path, template, fixed in (
        ("text QA", "/llama-index/compact", qa, {}),
        ("text QA", "/llama-index/refine", qa, {}),
        ("refine", "/llama-index/refine", refine, {}),
        ("tree summarize", "/llama-index/tree-summarize", tree, {}),
        ("condense question", "/llama-index/chat", CONDENSE, {}),
        ("text QA", "/llama-index/chat", qa, {}),
        ("sub questions", "/llama-index/sub-question", PromptTemplate(DEFAULT_SUB_QUESTION_PROMPT_TMPL), {}),
        ("text QA", "/llama-index/sub-question", qa, {}),
        ("title of a node", "/llama-index/title", PromptTemplate(extractors.DEFAULT_TITLE_NODE_TEMPLATE), {}),
        ("title of a document", "/llama-index/title", PromptTemplate(extractors.DEFAULT_TITLE_COMBINE_TEMPLATE), {}),
        (
            "keywords",
            "/llama-index/keywords",
            PromptTemplate(extractors.DEFAULT_KEYWORD_EXTRACT_TEMPLATE),
            {"keywords": "5"},
        ),
        (
            "questions answered",
            "/llama-index/questions",
            PromptTemplate(extractors.DEFAULT_QUESTION_GEN_TMPL),
            {"num_questions": "5"},
        ),
        ("summary", "/llama-index/summary", PromptTemplate(extractors.DEFAULT_SUMMARY_EXTRACT_TEMPLATE), {}),
        ("correctness", "/llama-index/judges", correctness.DEFAULT_EVAL_TEMPLATE, {}),
        ("answer relevancy", "/llama-index/judges", answer_relevancy.DEFAULT_EVAL_TEMPLATE, {}),
        ("context relevancy", "/llama-index/judges", context_relevancy.DEFAULT_EVAL_TEMPLATE, {}),
        ("faithfulness", "/llama-index/judges", faithfulness.DEFAULT_EVAL_TEMPLATE, {}),
        ("relevancy", "/llama-index/judges", relevancy.DEFAULT_EVAL_TEMPLATE, {}),
    ):
        yield name, path, _parts(template, fixed)
