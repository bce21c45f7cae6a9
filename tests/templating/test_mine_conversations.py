"""A value that repeats the labels of its template: the labels of the last turn are the template's, earlier ones the
value's.
"""

from random import Random

import pytest
from shop_words import TOPICS

from templating import mine


def said(dice):
    return " ".join(dice.choices(TOPICS, k=dice.randint(1, 3))) + dice.choice(["?", "!", "", "."])


def turns(dice, least, labels):
    return "".join(f"\n{label} {said(dice)}" for _ in range(dice.randint(least, 4)) for label in labels)


def mined(text, count=40):
    """The fixed texts of the one template of `count` calls. text: makes a prompt of a Random."""
    dice = Random(11)
    [group] = mine([text(dice) for _ in range(count)])
    return [literal.strip() for literal in group.template.literals]


@pytest.mark.parametrize(
    "labels", [("Human:", "AI:"), ("Q:", "A:"), ("### User", "### Assistant"), ("Message:", "Sentiment:")]
)
@pytest.mark.parametrize("least", [0, 1])
def test_the_label_of_the_last_turn_is_fixed_text(labels, least):
    first, second = labels
    literals = mined(
        lambda dice: f"Go on politely.\nSo far:\n{turns(dice, least, labels)[1:]}\n{first} {said(dice)}\n{second}"
    )
    assert literals[1:] == [first, second]


def test_the_turns_of_a_conversation_in_the_middle_are_one_value():
    literals = mined(lambda dice: f"Sum up this talk for a colleague.\n{turns(dice, 1, ('Human:', 'AI:'))}\n\nSummary:")
    assert literals == ["Sum up this talk for a colleague.\n\nHuman:", "Summary:"]


def test_marks_of_code_that_are_repeated_before_the_text_behind_it_are_no_labels():
    def code(dice):
        return "\n".join(
            f"def {word}(x) {{\n  use x;\n  keep {dice.randint(1, 99)};\n}};"
            for word in dice.sample(["f", "g", "h", "i"], dice.randint(1, 4))
        )

    literals = mined(lambda dice: f"Review this code.\n{code(dice)}\n\nRemark: {said(dice)}\nAnswer:")
    assert [text.split("\n")[-1] for text in literals] == ["def", "Remark:", "Answer:"]
