"""A template that is covered by another makes way for it, unless their texts say that they are two."""

from itertools import pairwise
from random import Random

import pytest

from templating import Template
from templating.mining.budget import Budget
from templating.mining.result import Options
from templating.mining.rounds import Finding, Rounds

FORM = "Sort the letter of a guest of our hotel into praise, complaint or question.\n\nLetter:\n"
THANKS = "\nMany thanks in advance and kind regards."


def letters(dice, count, ending=""):
    words = ["".join(dice.choices("aeioubdgklmnprst", k=dice.randint(3, 9))) for _ in range(300)]
    return [FORM + " ".join(dice.choices(words, k=dice.randint(5, 30))) + ending for _ in range(count)]


def left(plain, thanking, calls):
    """Which templates are left of one for all letters and one for those that end with thanks."""
    rounds = Rounds(calls, [], Options(), Budget())
    wide, narrow = Template((FORM, ""), ("letter",)), Template((FORM, THANKS), ("letter",))
    rounds._found = {
        narrow: Finding([(text, (text[len(FORM) : -len(THANKS)],)) for text in thanking]),
        wide: Finding([(text, (text[len(FORM) :],)) for text in plain]),
    }
    rounds._ask_again()
    assert sum(len(finding.rows) for finding in rounds._found.values()) == len(calls)
    return set(rounds._found), wide, narrow


def test_what_some_letters_end_with_is_a_part_of_the_letter():
    dice = Random(1)
    texts = (plain := letters(dice, 30)) + (thanking := letters(dice, 12, THANKS))
    calls = {text: [at] for at, text in enumerate(dice.sample(texts, len(texts)))}
    found, wide, _ = left(plain, thanking, calls)
    assert found == {wide}


def test_what_all_letters_end_with_from_some_time_on_is_an_edit():
    dice = Random(1)
    texts = (plain := letters(dice, 30)) + (thanking := letters(dice, 12, THANKS))
    found, wide, narrow = left(plain, thanking, {text: [at] for at, text in enumerate(texts)})
    assert found == {wide, narrow}


@pytest.mark.parametrize("in_time", [True, False])
def test_nothing_is_asked_of_a_template_when_time_is_up(in_time):
    texts = [f"{first} | {second}" for first, second in pairwise(letters(Random(1), 40))]
    rounds = Rounds(
        {text: [at] for at, text in enumerate(texts)}, [], Options(), Budget(should_stop=lambda: not in_time)
    )
    rounds._found = {Template((FORM, ""), ("letters",)): Finding([(text, (text[len(FORM) :],)) for text in texts])}
    rounds._ask_again()
    assert (" | " in "".join(*(template.literals for template in rounds._found))) == in_time
