"""What all values of a slot hold inside of a token is part of the value; what may stand between two values stays."""

from random import Random

import pytest

from templating import mine

TOPICS = [
    "late parcels",
    "a torn sleeve",
    "gift cards",
    "two refunds",
    "wrong size",
    "slow login",
    "an open invoice",
    "the new app",
]


def mined(text, count=30):
    """The fixed texts of the one template of `count` calls.  text: makes a prompt of a Random."""
    dice = Random(3)
    [found] = mine([text(dice) for _ in range(count)])
    return found.template.literals


@pytest.mark.parametrize(
    "value",
    [
        lambda dice: f"{dice.randint(0, 9)}.{dice.randint(10, 99)}",
        lambda dice: f"{dice.randint(0, 23):02}:{dice.randint(0, 59):02}",
        lambda dice: f"{dice.randint(1980, 2030)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}",
        lambda dice: f"{dice.randint(1, 28)}T{dice.randint(10, 23)}:{dice.randint(10, 59)}",
        lambda dice: f"{dice.randint(1, 99)},{dice.randint(100, 999)}.{dice.randint(10, 99)}",
        lambda dice: (
            f"{dice.choice(['anna', 'ben', 'cleo'])}.{dice.choice(['kay', 'roe'])}@{dice.choice(['mail.example', 'work.test'])}"
        ),
        lambda dice: (
            f"{dice.choice(['http', 'https', 'ftp'])}://{dice.choice(['a', 'b'])}.{dice.choice(['test', 'example'])}/{dice.randint(1, 99)}"
        ),
        lambda dice: f"{dice.choice(['gpt', 'llama', 'qwen'])}-{dice.randint(2, 9)}",
    ],
    ids=["number", "time", "date", "timestamp", "thousands", "e-mail", "URL", "id"],
)
def test_a_mark_inside_of_a_token_is_part_of_the_value(value):
    literals = mined(lambda dice: f"Take the value {value(dice)} and write one line about {dice.choice(TOPICS)}.")
    assert [text.strip() for text in literals] == ["Take the value", "and write one line about", "."]


@pytest.mark.parametrize(
    ("before", "between", "after"),
    [("(", "): ", ""), ("[", "],", "]"), ("", ". ", "."), ("", " - ", ""), ("", ", ", ""), ("", ":", "")],
)
def test_a_mark_that_may_stand_between_two_values_stays(before, between, after):
    literals = mined(
        lambda dice: (
            f"Write a friendly answer about {before}{dice.choice(TOPICS)}{between}{dice.choice(TOPICS)} of {dice.randint(10, 99)}{after} please"
        )
    )
    assert len(literals) == 4
    assert between.strip() in literals[1]


def test_a_mark_beside_which_a_value_is_empty_once_stays():
    literals = mined(
        lambda dice: (
            f"Describe the tag {dice.choice(['', 'big', 'old'])}-{dice.choice(['cat', 'dog', 'owl'])} in one short sentence."
        )
    )
    assert literals == ("Describe the tag ", "-", " in one short sentence.")
