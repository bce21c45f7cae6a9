"""Short templates: few words are enough where a whole pool shares them, never where some of a pool do."""

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
