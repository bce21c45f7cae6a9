"""LangChain: its summarising, question answering, extraction and retrieval chains, with its own prompts."""

from collections.abc import Callable, Iterator

from langchain_classic.chains.openai_tools import create_extraction_chain_pydantic, extraction
from langchain_classic.chains.qa_generation import prompt as generation
from langchain_classic.chains.qa_generation.base import QAGenerationChain
from langchain_classic.chains.question_answering import (
    load_qa_chain,
    map_reduce_prompt,
    map_rerank_prompt,
    stuff_prompt,
)
from langchain_classic.chains.summarize import load_summarize_chain, refine_prompts
from langchain_classic.chains.summarize import map_reduce_prompt as summary
from langchain_classic.evaluation import load_evaluator
from langchain_classic.evaluation.comparison import prompt as comparison
from langchain_classic.evaluation.criteria import prompt as criteria
from langchain_classic.evaluation.qa import eval_prompt
from langchain_classic.evaluation.scoring import prompt as scoring
from langchain_classic.retrievers.document_compressors import LLMChainExtractor
from langchain_classic.retrievers.document_compressors.chain_extract import _get_default_chain_prompt
from langchain_classic.retrievers.multi_query import DEFAULT_QUERY_PROMPT, MultiQueryRetriever
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.prompts import BasePromptTemplate, ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI
from langchain_text_splitters import RecursiveCharacterTextSplitter
from pydantic import BaseModel

from benchmarks.frameworks.documents import QUESTIONS, topic

Url = Callable[[str], str]
MODEL = "gpt-4o-mini"
CRITERIA = ("conciseness", "relevance", "helpfulness", "depth")


class Construct(BaseModel):
    """A construct of the language."""

    name: str
    purpose: str
    raises: list[str] | None = None


def prepare() -> None:
    """Nothing to set: each chain is given its own model."""


def _llm(url: str) -> ChatOpenAI:
    # Counted by words: the real tokenizer would be fetched from the network.
    return ChatOpenAI(
        model=MODEL,
        base_url=url,
        api_key="none",
        max_retries=0,
        timeout=30,
        custom_get_token_ids=lambda text: list(range(len(text.split()))),
    )


def _pieces(name: str, size: int, limit: int) -> list[Document]:
    splitter = RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=60)
    return splitter.create_documents([topic(name)])[:limit]


def summaries(url: Url) -> None:
    for kind, path in (("map_reduce", "summarise-map-reduce"), ("refine", "summarise-refine")):
        chain = load_summarize_chain(_llm(url(f"/langchain/{path}")), chain_type=kind)
        for name, _ in QUESTIONS[::3]:
            chain.invoke({"input_documents": _pieces(name, 1200, 4)})


def answers(url: Url) -> None:
    for kind, path, questions in (("stuff", "qa-stuff", QUESTIONS), ("map_reduce", "qa-map-reduce", QUESTIONS[::4]),
                                  ("map_rerank", "qa-map-rerank", QUESTIONS[1::4])):  # fmt: skip
        chain = load_qa_chain(_llm(url(f"/langchain/{path}")), chain_type=kind)
        for name, question in questions:
            chain.invoke({"input_documents": _pieces(name, 900, 3), "question": question})


def extracts(url: Url) -> None:
    chain = create_extraction_chain_pydantic(Construct, _llm(url("/langchain/extract")))
    generator = QAGenerationChain.from_llm(_llm(url("/langchain/quiz")))
    for name, _ in QUESTIONS[::2]:
        chain.invoke({"input": topic(name)[:1500]})
        generator.invoke({"text": topic(name)[:1200]})


def retrieval(url: Url) -> None:
    pieces = [piece for name, _ in QUESTIONS for piece in _pieces(name, 700, 2)]
    store = InMemoryVectorStore.from_documents(pieces, DeterministicFakeEmbedding(size=16))
    finder = MultiQueryRetriever.from_llm(
        store.as_retriever(search_kwargs={"k": 1}), _llm(url("/langchain/multi-query"))
    )
    extractor = LLMChainExtractor.from_llm(_llm(url("/langchain/compress")))
    for _, question in QUESTIONS:
        extractor.compress_documents(finder.invoke(question)[:2], question)


def judges(url: Url) -> None:
    """Evaluators of answers in turn; each criterion has an evaluator of its own, as LangChain makes them."""
    llm = _llm(url("/langchain/judges"))
    plain = {name: load_evaluator("criteria", llm=llm, criteria=name) for name in CRITERIA}
    labelled = {name: load_evaluator("labeled_criteria", llm=llm, criteria=name) for name in CRITERIA}
    pair, score, graded = (load_evaluator(kind, llm=llm) for kind in ("pairwise_string", "score_string", "qa"))
    for number, (name, question) in enumerate(QUESTIONS):
        text = " ".join(topic(name)[:900].split())
        prediction, second_prediction, reference = text[100:400], text[300:500], text[400:700]
        criterion = CRITERIA[number % 7 % 4]
        plain[criterion].evaluate_strings(input=question, prediction=prediction)
        if number % 2:
            labelled[criterion].evaluate_strings(input=question, prediction=prediction, reference=reference)
            graded.evaluate_strings(input=question, prediction=second_prediction, reference=reference)
        if number % 3:
            pair.evaluate_string_pairs(input=question, prediction=prediction, prediction_b=second_prediction)
            score.evaluate_strings(input=question, prediction=prediction)


CHAINS = (summaries, answers, extracts, retrieval, judges)
ROLES = {"human": "user", "ai": "assistant", "system": "system"}


def _parts(template: BasePromptTemplate) -> list[dict[str, str]]:
    messages = template.invoke({name: f"<<{name}>>" for name in template.input_variables}).to_messages()
    return [{"role": ROLES[message.type], "text": str(message.content)} for message in messages]


def own_templates() -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    """(name, path, parts) of every prompt that these chains are made of."""
    tools = ChatPromptTemplate.from_messages([("system", extraction._EXTRACTION_TEMPLATE), ("user", "{input}")])
    for name, path, template in (
        ("summary", "/langchain/summarise-map-reduce", summary.PROMPT),
        ("summary", "/langchain/summarise-refine", refine_prompts.PROMPT),
        ("refined summary", "/langchain/summarise-refine", refine_prompts.REFINE_PROMPT),
        ("answer", "/langchain/qa-stuff", stuff_prompt.CHAT_PROMPT),
        ("relevant text", "/langchain/qa-map-reduce", map_reduce_prompt.CHAT_QUESTION_PROMPT),
        ("final answer", "/langchain/qa-map-reduce", map_reduce_prompt.CHAT_COMBINE_PROMPT),
        ("scored answer", "/langchain/qa-map-rerank", map_rerank_prompt.PROMPT),
        ("extraction", "/langchain/extract", tools),
        ("question and answer", "/langchain/quiz", generation.CHAT_PROMPT),
        ("three questions", "/langchain/multi-query", DEFAULT_QUERY_PROMPT),
        ("relevant parts", "/langchain/compress", _get_default_chain_prompt()),
        ("by a criterion", "/langchain/judges", criteria.PROMPT),
        ("by a criterion, with a reference", "/langchain/judges", criteria.PROMPT_WITH_REFERENCES),
        ("the better of two", "/langchain/judges", comparison.COMPARISON_TEMPLATE),
        ("a mark out of ten", "/langchain/judges", scoring.SCORING_TEMPLATE),
        ("right or wrong", "/langchain/judges", eval_prompt.PROMPT),
    ):
        yield name, path, _parts(template)
