"""The recorded framework traffic is complete, has a true truth, and is found by the miner."""

from collections import Counter

import pytest

import templating
from benchmarks.frameworks.compare import OwnTemplate, _judged, own_templates, recorded, summary, table, verdicts


@pytest.fixture(scope="module")
def prompts():
    return recorded()


@pytest.fixture(scope="module")
def judged_prompts(prompts):
    return list(verdicts(prompts))


def test_at_least_fifteen_hundred_requests_of_five_frameworks(prompts):
    calls = Counter()
    for path, texts in prompts.items():
        calls[path.split("/")[1]] += len(texts)

    assert set(calls) == {"llama-index", "langchain", "dspy", "haystack", "deepeval"}
    assert calls.total() >= 1500


def test_every_request_was_made_from_one_of_the_frameworks_templates(prompts):
    owned = Counter(dict.fromkeys(prompts, 0))
    for own in own_templates(prompts):
        owned[own.path] += len(own.members)

    assert owned == {path: len(texts) for path, texts in prompts.items()}


def test_most_of_the_frameworks_prompts_are_found_exactly(judged_prompts):
    assert sum(prompt.word.startswith("exact") for prompt in judged_prompts) >= 47


def own(template, texts):
    return OwnTemplate("greet", "/x", template, range(len(texts)), [templating.match(template, text) for text in texts])


def mined(template, texts):
    return [templating.Mined(template, list(range(len(texts))), [templating.match(template, text) for text in texts])]


GREETING = templating.Template(("Greet ", " in a ", " voice."), ("name", "tone"))
GUESTS = [
    f"Greet {name} in a {tone} voice."
    for name, tone in (("Ann of Kent", "warm"), ("Bob of Ayr", "low"), ("Cleo of Tyre", "firm"))
]


def test_the_same_calls_and_the_same_text_are_exact():
    assert _judged(own(GREETING, GUESTS), mined(GREETING, GUESTS)).word == "exact"


def test_a_lost_call_is_not_exact():
    assert _judged(own(GREETING, GUESTS), mined(GREETING, GUESTS[:2])).word == "2 of its calls"


def test_a_call_of_another_prompt_is_not_exact():
    assert _judged(own(GREETING, GUESTS[:2]), mined(GREETING, GUESTS)).word == "2 of its calls, with 1 of others"


def test_lost_fixed_text_is_not_exact():
    blurred = templating.Template(("Greet ", " voice."), ("all",))

    assert _judged(own(GREETING, GUESTS), mined(blurred, GUESTS)).word == "all its calls, other fixed text"


def test_fixed_text_that_every_value_holds_is_named():
    finer = templating.Template(("Greet ", " of ", " in a ", " voice."), ("first", "from", "tone"))

    assert _judged(own(GREETING, GUESTS), mined(finer, GUESTS)).word == "exact, and `of`, which every value holds"


def test_a_prompt_in_no_group_is_not_found():
    assert _judged(own(GREETING, GUESTS), []).word == "not found"


def test_the_table_has_a_line_for_each_prompt(judged_prompts):
    lines = list(table(judged_prompts))

    assert sum(line.startswith("| `/") for line in lines) == len(judged_prompts)


def test_the_summary_has_a_line_for_each_framework_and_counts_every_prompt_once(judged_prompts):
    lines = [line.split(" | ") for line in list(summary(judged_prompts))[2:]]

    assert [line[0].removeprefix("| ") for line in lines] == [
        "llama-index",
        "langchain",
        "dspy",
        "haystack",
        "deepeval",
        "all",
    ]
    assert sum(int(line[2]) for line in lines[:-1]) == int(lines[-1][2]) == len(judged_prompts)
