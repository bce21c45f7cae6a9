"""DSPy: programs of a few lines each, whose prompts its chat adapter writes; three on one path, and an agent with tools."""

from collections.abc import Callable, Iterator

import dspy
from dspy.adapters import ChatAdapter

from benchmarks.frameworks.documents import QUESTIONS, topic

Url = Callable[[str], str]
ASPECTS = ("is complete", "names the exception that is raised", "can be read by a beginner")
MOST_STEPS = 3


class Answer(dspy.Signature):
    """Answer questions with short factoid answers."""

    context: str = dspy.InputField(desc="may contain relevant facts")
    question: str = dspy.InputField()
    answer: str = dspy.OutputField(desc="often between 1 and 5 words")


class Search(dspy.Signature):
    """Write a search query that finds what is still missing."""

    notes: str = dspy.InputField()
    question: str = dspy.InputField()
    query: str = dspy.OutputField()


class Judge(dspy.Signature):
    """Verify that the text is based on the provided context."""

    context: str = dspy.InputField(desc="facts here are assumed to be true")
    text: str = dspy.InputField()
    aspect: str = dspy.InputField(desc="what the text must also do")
    faithful: bool = dspy.OutputField()


def prepare() -> None:
    dspy.disable_litellm_logging()


def _lm(url: str) -> dspy.LM:
    return dspy.LM("openai/gpt-4o-mini", api_base=url, api_key="none", cache=False, num_retries=0)


def look_up(name: str) -> str:
    """Look up a chapter of the reference."""
    return topic(QUESTIONS[len(name) % len(QUESTIONS)][0])[:400]


def _agent() -> dspy.ReAct:
    return dspy.ReAct("question -> answer", tools=[look_up], max_iters=MOST_STEPS)


def programs(url: Url) -> None:
    """Retrieve, search once more, judge: one program of three prompts."""
    answer, search, judge = dspy.ChainOfThought(Answer), dspy.Predict(Search), dspy.ChainOfThought(Judge)
    with dspy.context(lm=_lm(url("/dspy/programs")), adapter=ChatAdapter(use_json_adapter_fallback=False)):
        for number, (name, question) in enumerate(QUESTIONS):
            text = topic(name)
            first = answer(context=text[:1200], question=question)
            if number % 2:
                query = search(notes=first.answer, question=question).query
                first = answer(context=f"{text[1200:2000]}\n{query}", question=question)
            if number % 3:
                judge(context=text[:1500], text=first.answer, aspect=ASPECTS[number % 5 % 3])


def agent(url: Url) -> None:
    with dspy.context(lm=_lm(url("/dspy/agent")), adapter=ChatAdapter(use_json_adapter_fallback=False)):
        for _, question in QUESTIONS[::2]:
            _agent()(question=question)


CHAINS = (programs, agent)


def _parts(signature: type[dspy.Signature]) -> list[dict[str, str]]:
    """The adapter's prompt with the name of each field as its value."""
    marks = {name: f"<<{name}>>" for name in signature.input_fields}
    messages = ChatAdapter().format(signature, demos=[], inputs=marks)
    return [{"role": message["role"], "text": message["content"]} for message in messages]


def own_templates() -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    """(name, path, parts) of every prompt that these programs are made of."""
    react = _agent()
    for name, path, module in (
        ("answer", "/dspy/programs", dspy.ChainOfThought(Answer).predict),
        ("search", "/dspy/programs", dspy.Predict(Search)),
        ("judge", "/dspy/programs", dspy.ChainOfThought(Judge).predict),
        ("next step", "/dspy/agent", react.react),
        ("answer from the steps", "/dspy/agent", react.extract.predict),
    ):
        yield name, path, _parts(module.signature)
