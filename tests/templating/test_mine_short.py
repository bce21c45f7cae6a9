"""Short templates: few words are enough where a whole pool shares them, never where some of a pool do."""

import json
from random import Random

import pytest

from templating import mine

QUESTIONS = [
    "How do I reset my password?",
    "Where is my order 1182?",
    "Can I change the delivery address of my parcel",
    "what's your refund policy for shoes",
    "my invoice is wrong by 12 euros",
    "Is the blue jacket in stock",
    "please cancel everything",
    "The app crashes at login",
    "who designed the logo",
    "gift cards expire when",
]


@pytest.mark.parametrize("begin", ["Translate to French: ", "Classify this message: ", "Write a haiku about "])
@pytest.mark.parametrize("calls", [3, 10])
def test_a_few_words_make_a_template_when_every_call_of_the_path_has_them(begin: str, calls: int) -> None:
    [found] = mine([begin + question for question in QUESTIONS[:calls]])
    assert found.template.literals == (begin, "")
    assert found.values == [(question,) for question in QUESTIONS[:calls]]


def test_the_same_words_in_a_few_of_many_free_texts_make_none() -> None:
    assert not mine([*QUESTIONS, *(f"How do I {what}" for what in ("sign out", "pay by card", "find my size"))])


def test_one_word_makes_none() -> None:
    assert not mine([f"Summarize: {question}" for question in QUESTIONS])


@pytest.mark.parametrize("seed", [5, 8, 24, 37])
def test_few_json_texts_are_not_a_template_of_braces(seed: int) -> None:
    dice, words = (
        Random(seed),
        [
            "owner",
            "total",
            "red",
            "shipping",
            "address",
            "weight",
            "colour",
            "until",
            "since",
            "when",
            "of",
            "the",
            "and",
            "be",
            "not",
            "is",
            "what",
            "name",
            "price",
        ],
    )
    value = lambda *others: dice.choice([None, False, *others])  # noqa: E731
    texts = [
        json.dumps(
            {
                dice.choice(words): dice.choice([False, None, True]),
                dice.choice(words): dice.choice([None, dice.randint(1, 999), dice.choice(words)]),
                dice.choice(words): value(dice.randint(1, 999)),
            }
        )
        for _ in range(6)
    ]
    assert list(mine([*QUESTIONS, *texts])) == []


def test_few_calls_with_a_json_prompt_of_words_are_a_template() -> None:
    texts = [
        json.dumps({"instruction": "Translate to French", "text": f"The number {n} is next."}) for n in (17, 243, 3891)
    ]
    assert [group.template.literals[0] for group in mine(texts)] == [
        '{"instruction": "Translate to French", "text": "The number '
    ]
