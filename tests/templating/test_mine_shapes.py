"""Traffic in the shapes of real programs: runs of an agent, sorted jobs, slots with few values, edits taken back."""

from itertools import cycle
from random import Random

import pytest

from templating import BARRIER, mine

DICE = Random(7)
WORDS = ["".join(DICE.choices("aeioubdgklmnprst", k=DICE.randint(4, 9))) for _ in range(400)]
LANGUAGES = ["French", "German", "Polish", "Greek", "Danish"]
RUBRICS = [
    "Judge whether the answer names every person who is in the text and nobody else.",
    "Count how many of the claims in the answer have a source that a reader can look up.",
    "Say how well the tone of the answer suits a customer who has waited for two weeks.",
]
EXAMPLES = "Input: The parcel is late again.\nOutput: complaint\n\nInput: Where is your shop in Lima, and when does it open?\nOutput: question\n\n"


def prose(least=4, most=16):
    return " ".join(DICE.choices(WORDS, k=DICE.randint(least, most))).capitalize() + "."


def session(number, calls=8):
    """The calls of one run: a task of its own, a plan of three lines, a history that grows."""
    task, plan = prose(), "\n".join(f"{step}. {prose()}" for step in (1, 2, 3))
    history = [prose() for _ in range(calls)]
    for turn in range(calls):
        yield (
            "You are a careful assistant that works step by step.\nUse the tools, and say when you are done.\n\n"
            f"Task: {task}\nPlan:\n{plan}\nHistory:\n" + "\n".join(history[:turn]) + "\nNext step:"
        )


def side_by_side(*runs):
    """Calls of several runs in turn."""
    return [call for calls in zip(*runs, strict=True) for call in calls]


def test_the_runs_of_an_agent_are_one_template():
    groups = mine([call for number in range(6) for call in session(number)])
    assert [len(group.members) for group in groups] == [48]
    assert [group.template.literals[0][-6:] for group in groups] == ["Task: "]


def test_runs_side_by_side_are_one_template():
    groups = mine([call for _ in range(4) for call in side_by_side(session(0), session(1), session(2))])
    assert [len(group.members) for group in groups] == [96]


def test_a_record_that_is_compared_with_twenty_others_is_a_value():
    prompts = [
        f"Are these two records of one customer? Answer yes or no.\n\nA: {first}\nB: {prose()}\n\nAnswer:"
        for first in (prose(9, 12) for _ in range(5))
        for _ in range(20)
    ]
    assert [len(group.members) for group in mine(prompts)] == [100]


def test_a_language_in_a_sorted_job_is_a_slot_with_and_without_examples():
    ask = "Translate the sentence into {lang}. Write nothing but the {lang} sentence.\nSentence: {text}"
    prompts = [
        before + ask.format(lang=lang, text=prose())
        for lang in LANGUAGES
        for before in ("", EXAMPLES)
        for _ in range(8)
    ]
    groups = mine(prompts)
    assert [len(group.members) for group in groups] == [40, 40]
    assert [group.template.slots for group in groups] == [("var_0", "var_0", "var_1")] * 2


@pytest.mark.parametrize("system", ["", "You read the mail of a shop that sells tents and boats."])
def test_a_user_part_with_and_without_examples_is_two_templates(system):
    prompts = [
        f"{system}{BARRIER}{before}Say whether the mail is a complaint or a question, in one word.\n\nMail: {prose()}"
        for _ in range(12)
        for before in ("", 2 * EXAMPLES)
    ]
    groups = mine(prompts)
    assert sorted(group.template.literals[0].startswith(system + BARRIER + EXAMPLES) for group in groups) == [
        False,
        True,
    ]


@pytest.mark.parametrize("sentences", [48, 4], ids=["sentences of their own", "sentences out of a few"])
def test_a_prompt_that_begins_with_a_value_is_another_template_with_examples_before_it(sentences):
    sentences_before = [prose(6, 15) for _ in range(sentences)]
    prompts = [
        f"{before}{sentences_before[number % sentences]}\nQuestion: {prose(3, 9)} True or False?\nAnswer:"
        for number in range(48)
        for before in ("", 2 * EXAMPLES)
    ]
    assert sorted(len(group.members) for group in mine(prompts)) == [48, 48]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1, 1, 0, 2]])
def test_few_sentences_that_come_in_turn_are_values(order):
    prompts = [
        f"You read answers of a help desk.\n{RUBRICS[n]}\n\nAnswer: {prose()}\nScore:"
        for n, _ in zip(cycle(order), range(36), strict=False)
    ]
    assert [len(group.members) for group in mine(prompts)] == [36]


def test_four_sentences_in_blocks_are_values_where_three_are_versions():
    rubrics = [*RUBRICS, "Tell whether the answer promises anything that a shop cannot keep."]
    prompts = [
        f"You read answers of a help desk.\n{rubric}\n\nAnswer: {prose()}\nScore:"
        for rubric in rubrics
        for _ in range(9)
    ]
    assert [len(group.members) for group in mine(prompts)] == [36]
    assert [len(group.members) for group in mine(prompts[:27])] == [9, 9, 9]


def test_an_edit_that_is_taken_back_makes_two_versions():
    prompts = [
        f"You read answers of a help desk.\n{RUBRICS[n]}\n\nAnswer: {prose()}\nScore:"
        for n in (0, 1, 0)
        for _ in range(20)
    ]
    assert [group.members for group in mine(prompts)] == [[*range(20), *range(40, 60)], [*range(20, 40)]]


def test_few_documents_that_all_calls_have_in_turn_are_values():
    documents = [" ".join(prose() for _ in range(6)) for _ in range(4)]
    prompts = [
        f"Answer from the document, in one sentence.\n\n<document>\n{documents[n]}\n</document>\n\nQuestion: {prose()}"
        for n, _ in zip(cycle(range(4)), range(48), strict=False)
    ]
    assert [len(group.members) for group in mine(prompts)] == [48]


def test_marks_between_a_value_that_is_said_twice_are_fixed_text():
    tags = [prose(1, 1)[:-1].lower() for _ in range(12)]
    prompts = [
        f"Put the answer of the model into <{tag}></{tag}> and nothing else, as the tag {tag} says.\nQuestion: {prose()}"
        for tag in tags
    ]
    groups = mine(prompts)
    assert [group.template.literals[:3] for group in groups] == [
        ("Put the answer of the model into <", "></", "> and nothing else, as the tag ")
    ]


def test_a_system_prompt_of_marks_keeps_no_question_alone():
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |"
    names = ["Anna", "Ben", "Cleo", "Dan", "Eve"]
    prompts = [
        f"{table}{BARRIER}Name of the customer: {name}\nOrder: A-{n}{n * 7} please" for n, name in enumerate(names)
    ]
    assert [len(group.members) for group in mine(prompts)] == [5]


def test_runs_of_three_calls_that_hold_a_goal_and_a_page_are_one_template() -> None:
    """Three calls of a run could follow each other by chance; all runs together cannot."""
    dice = Random(6)

    def text(low: int, high: int) -> str:
        return " ".join(dice.choices(WORDS, k=dice.randint(low, high)))

    rules, prompts = text(150, 150), list[str]()
    for _ in range(7):
        goal, page = text(30, 30), text(70, 70)
        prompts += [
            f"{rules}.\nGoal: {goal}\nPage: {page}\nLast action: You have clicked on the {text(6, 6)}\nNotes: {text(8, 8)}\nNext action:"
            for _ in range(3)
        ]
    assert [len(group.members) for group in mine(prompts)] == [21]
