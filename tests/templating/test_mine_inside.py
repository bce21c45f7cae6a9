"""Text inside of a token that all values share is part of the value; text that may stand between two values is fixed."""

from random import Random

import pytest
from shop_words import TOPICS

from templating import mine


def mined(text, count=30):
    """The fixed texts of the one template of `count` calls. text: makes a prompt of a Random."""
    dice = Random(3)
    [group] = mine([text(dice) for _ in range(count)])
    return group.template.literals


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


def items(dice, head, most):
    """Between two and `most` items, each behind its head."""
    return "".join(
        head.format(k) + dice.choice(TOPICS) + dice.choice(["?", "!", ""]) for k in range(1, dice.randint(2, most) + 1)
    )


@pytest.mark.parametrize("head", ["\n{}. ", " ({}) ", "\nSource {}: ", "\n[[ ## step_{} ## ]]\n", "\n- item {:02}: "])
def test_a_numbered_list_of_two_items_or_more_is_one_value(head):
    literals = mined(
        lambda dice: f"Rank these passages, the best first:{items(dice, head, 5)}\n\nQuery: {dice.choice(TOPICS)}"
    )
    assert len(literals) == 3
    assert head.format(2).strip() not in literals[1]


def test_items_with_two_heads_each_are_one_value():
    def steps(dice):
        return "".join(
            f"\nStep {k}: {dice.choice(TOPICS)}\nResult {k}: {dice.choice(TOPICS)} {dice.randint(1, 99)}"
            for k in range(1, dice.randint(2, 5))
        )

    literals = mined(lambda dice: f"Go on from here, one step at a time.{steps(dice)}\nGive the next step only.")
    assert [text.strip() for text in literals] == [
        "Go on from here, one step at a time.\nStep 1:",
        "Give the next step only.",
    ]


def test_a_numbered_rubric_out_of_a_few_is_one_value():
    dice = Random(5)
    rubrics = ["".join(f"{k}: {dice.choice(TOPICS)} {dice.randint(1, 99)}\n" for k in range(1, 5)) for _ in range(4)]
    literals = mined(
        lambda dice: (
            f"Score the reply by this rubric.\n{dice.choice(rubrics)}\nReply: {items(dice, ' {0}, ', 9)}\nScore:"
        ),
        120,
    )
    assert len(literals) <= 4
    assert not any("3:" in text for text in literals)


def test_the_numbers_of_the_template_itself_stay():
    literals = mined(
        lambda dice: (
            f"Answer three questions about the text.\nText:{items(dice, '{0}. ', 6)}\n1. {dice.choice(TOPICS)}?\n2. {dice.choice(TOPICS)}?"
            f"\n3. {dice.choice(TOPICS)}?\nAnswers:"
        )
    )
    assert [text.strip() for text in literals[2:]] == ["?\n2.", "?\n3.", "?\nAnswers:"]


def test_a_word_that_a_few_long_values_share_is_part_of_them():
    notes = [
        "Paint the fence of the yard first and then all doors.",
        "Ask who has the keys of the shed before you go there.",
        "Oil every hinge you find in the rooms of both houses.",
    ]
    literals = mined(
        lambda dice: f"Plan the day.\nNotes: {dice.choice(notes)}\nQuestion: {items(dice, ' {0}, ', 9)}\nPlan:", 40
    )
    assert len(literals) == 3


@pytest.mark.parametrize(
    "text", ["{0}.{1}", "{0}-{1}@{0}", "{0}: {1}", "(1) {0} (2) {1}", "\n1. {0}\n2. {1}", "{0}\x00{1}"]
)
def test_texts_that_are_all_value_are_no_template_and_no_error(text):
    dice = Random(9)
    prompts = [text.format(dice.choice(TOPICS).split()[-1], dice.randint(1, 999)) for _ in range(40)]
    for group in mine(prompts):
        assert [group.template.render(values) for values in group.values] == [prompts[i] for i in group.members]


@pytest.mark.parametrize("calls", [12, 40])
def test_the_one_call_whose_list_is_empty_is_a_member(calls):
    dice = Random(2)
    lists = ["", *(items(dice, "{0}. ", 5) + ".\n" for _ in range(calls - 1))]
    [group] = mine(
        [
            f"Goal: {dice.choice(TOPICS)} {n}\nYou are a planner. Steps completed so far:\n{steps_done}Next step:"
            for n, steps_done in enumerate(lists)
        ]
    )
    assert len(group.members) == calls


@pytest.mark.parametrize("count", [8, 24])
def test_a_word_that_a_few_long_values_share_by_chance_is_part_of_the_value(count):
    tasks = [
        "You may look up the order and refund what was paid for it within thirty days",
        "Ask for the name of the guest, find the table, and write the booking down for him",
        "The shop sells lamps of brass for small rooms and chairs of oak for the garden",
        "Nobody but the owner opens the gate at night and feeds the two dogs behind it",
    ]
    [group] = mine([f"Judge the call.\n\nTask: {tasks[k % 4]}\n\nCall: look_up({k * 37 % 101})" for k in range(count)])
    assert group.template.literals == ("Judge the call.\n\nTask: ", "\n\nCall: look_up(", ")")
