"""A mark that parts two values in every text is fixed text, also when values hold it too; marks of prose, lists and
records are not.
"""

import json
from itertools import pairwise
from random import Random

import pytest

from templating import Template, mine
from templating.matching import fit
from templating.mining.budget import Budget
from templating.mining.findings import Finding, Findings
from templating.mining.result import Options
from templating.mining.revising import revise
from templating.mining.separators import parted
from templating.mining.texts import Texts

START, END = "Compare what the two guests said about their stay.\n\n", "\n\nName one thing that both of them liked."


def prose(dice, least=4, most=40, mark=","):
    words = ["".join(dice.choices("aeioubdgklmnprst", k=dice.randint(3, 9))) for _ in range(dice.randint(least, most))]
    return " ".join([f"{word}{mark}" if dice.random() < 0.1 else word for word in words[:-1]] + words[-1:])


def record(dice):
    return f"{dice.randint(1, 99)} {prose(dice, 1, 1)} {dice.choice(('Road', 'Lane', 'Square'))} - {prose(dice, 1, 1)}"


def separators(value, calls=40):
    dice = Random(3)
    rows = [(value(dice),) for _ in range(calls)]
    literals = parted((START, END), rows, bool)
    assert literals[0] == START
    assert literals[-1] == END
    assert all(fit(literals, START + value + END) for (value,) in rows)
    return list(literals[1:-1])


@pytest.mark.parametrize(
    "mark", ["\n#\n", " | ", "\n> ", " -> ", "\n```\n", "\n* * *\n", " — ", " <=> ", "\n\n\n---\n"]
)
def test_a_mark_between_two_values_is_fixed_text(mark):
    assert separators(lambda dice: prose(dice) + mark + prose(dice)) == [mark]


def test_a_text_beside_a_mark_in_all_texts_is_fixed_text_too():
    assert separators(lambda dice: f"{prose(dice)} (guest)\n#\nGuest: {prose(dice)}") == [" (guest)\n#\nGuest: "]


def test_two_marks_between_three_values_are_fixed_text():
    assert separators(lambda dice: f"{prose(dice)} | {prose(dice)} # {prose(dice)}") == [" | ", " # "]


def test_values_may_hold_the_mark_as_well():
    noted = lambda dice: f"{prose(dice)}\n* {prose(dice, mark='*')}{dice.choice(['', '', ' * with thanks'])}"  # noqa: E731
    assert separators(noted) == ["\n* "]
    dice = Random(5)
    (group,) = mine([START + noted(dice) + END for _ in range(40)])
    assert group.template.literals == (START, "\n* ", END)


@pytest.mark.parametrize(
    "value",
    [
        lambda dice: f"{prose(dice)}. {prose(dice)}",
        lambda dice: f"Dear {prose(dice, 1, 2)},\n{prose(dice)}",
        lambda dice: "\n- ".join(prose(dice, 3, 6) for _ in range(dice.randint(2, 9))),
        lambda dice: f"{prose(dice, 40, 90, ' -')} - {prose(dice, 40, 90, ' -')}",
        lambda dice: f"{dice.choice(['a', 'a', 'the'])} = {prose(dice)}",
        record,
    ],
    ids=["two sentences", "a greeting", "a list", "prose with dashes", "one out of a few", "the fields of a record"],
)
def test_a_mark_that_values_hold_by_themselves_is_no_separator(value):
    assert separators(value) == []


def test_two_values_out_of_a_few_each_that_come_in_all_pairs_are_two():
    levels = ["beginner", "intermediate", "expert"]
    assert separators(lambda dice: f"{dice.choice(['MySQL', 'PostgreSQL', 'SQLite'])}, {dice.choice(levels)}") == [", "]


def test_few_texts_prove_nothing():
    assert separators(lambda dice: f"{prose(dice)} | {prose(dice)}", 10) == []


def test_a_mark_that_one_value_lacks_is_no_separator():
    dice = Random(6)
    values = [f"{prose(dice)} | {prose(dice)}" for _ in range(99)] + [prose(dice)]
    assert parted((START, END), [(value,) for value in values], bool) == (START, END)


def few(value_of):
    """dice -> one of twelve such values: values of a slot repeat."""
    dice = Random(8)
    values = [value_of(dice) for _ in range(12)]
    return lambda dice: dice.choice(values)


ROLE, TASK = few(lambda dice: prose(dice, 1, 3)), few(lambda dice: f"{prose(dice, 3, 30)}. {prose(dice, 3, 30)}")


@pytest.mark.parametrize("mark", [". ", ": ", " (", ",\n", " for ", ".\n\n", ') or "', "\n    "])
def test_a_mark_at_a_word_is_fixed_text_where_what_it_parts_comes_again_with_something_else(mark):
    assert separators(lambda dice: ROLE(dice) + mark + TASK(dice)) == [mark]
    (group,) = mine([START + ROLE(dice) + mark + TASK(dice) + END for dice in [Random(9)] for _ in range(40)])
    assert group.template.literals == (START, mark, END)


def test_a_mark_at_a_word_is_none_where_one_side_never_comes_again():
    assert separators(lambda dice: f"{ROLE(dice)}. {prose(dice)}") == []
    assert separators(lambda dice: f"{prose(dice)}. {TASK(dice)}") == []


TOWNS = {"UK": "Leeds York Bath Deal", "Ireland": "Cork Sligo Trim Tuam", "Malta": "Mdina Zurrieq Rabat Victoria"}
SENTENCE = few(lambda dice: prose(dice, 3, 30))


@pytest.mark.parametrize(
    "value",
    [
        lambda dice: ". ".join(SENTENCE(dice) for _ in range(dice.randint(2, 4))),
        lambda dice: "; ".join(ROLE(dice) for _ in range(dice.randint(2, 5))),
        lambda dice: json.dumps({"who": ROLE(dice), "what": TASK(dice)}),
        few(lambda dice: f"{prose(dice)}. {prose(dice)}"),
        lambda dice: "\n".join(SENTENCE(dice) for _ in range(2 * dice.randint(1, 4))),
        lambda dice: " ".join(f"{n}, {ROLE(dice)}" for n in range(1, dice.randint(3, 9))),
        lambda dice: dice.choice([f"{town}, {country}" for country, towns in TOWNS.items() for town in towns.split()]),
    ],
    ids=[
        "few sentences",
        "few items",
        "JSON",
        "values that come again as a whole",
        "turns",
        "numbered items",
        "places",
    ],
)
def test_a_text_that_repeats_within_one_value_is_not_parted(value):
    assert separators(value, 200) == []


@pytest.mark.parametrize(
    "fixed",
    [
        ("", " (", " turns)"),
        ("one of [", "]\n", ""),
        ("", ": {", "}"),
        ("(", ") ", ""),
        ("f(", ")[", "]"),
        ("in `", "`.\n", ""),
        ("", ' "', '"'),
    ],
    ids="".join,
)
def test_a_bracket_closes_where_it_was_opened_however_few_the_texts(fixed):
    dice = Random(4)
    before, between, after = fixed
    calls = [
        f"{START}{before}{prose(dice)}{between}{prose(dice, 1, 2)}{bracketed}{after}{END}"
        for bracketed in ("", " [or not]", " (now)", "")
    ]
    (group,) = mine(calls)
    assert group.template.literals == (START + before, between, after + END)


def test_a_bracket_that_fixed_text_has_alone_takes_none_from_values():
    assert parted(("Choose 1) ", " or 2) this.\n"), [("tea (hot)",), ("water",), ("milk (cold",)], bool) == (
        "Choose 1) ",
        " or 2) this.\n",
    )


def test_a_quote_that_all_values_end_with_belongs_to_the_text_behind_them():
    dice = Random(5)
    calls = [f"{START}`{prose(dice)}.`{END}" for _ in range(9)] + [f"{START}`{prose(dice)} `mint`.`{END}"]
    (group,) = mine(calls)
    assert group.template.literals[0] == START + "`"
    assert group.template.literals[1].endswith("`" + END)


def test_a_full_stop_that_values_end_with_is_theirs_when_some_go_on():
    rows = [(f"{number} pots", " Or so" if number % 8 == 5 else "") for number in range(24)]
    assert parted((START, ".", END), rows, bool) == (START, END)


def test_a_full_stop_between_two_values_is_fixed_text():
    assert (
        parted((START, ".", END), [("yes", dice.choice(["", "Now"])) for dice in [Random(8)] for _ in range(24)], bool)[
            1
        ]
        == "."
    )


def test_a_template_without_texts_stays_as_it_is():
    assert parted(('Say "', '" and (', ")."), [], bool) == ('Say "', '" and (', ").")


@pytest.mark.parametrize("mark", [": ", " of the list: ", ")\n"])
def test_a_text_that_follows_a_number_in_every_value_is_fixed_text(mark):
    assert separators(lambda dice: f"{dice.randint(1, 30)}{mark}{prose(dice)}", 4) == [mark]


def test_a_range_of_numbers_is_one_value():
    assert separators(lambda dice: f"{dice.randint(1, 9)} to {dice.randint(10, 99)}", 30) == []


@pytest.mark.parametrize("in_time", [True, False])
def test_nothing_is_asked_of_a_template_when_time_is_up(in_time):
    dice = Random(1)
    values = [f"{first} | {second}" for first, second in pairwise(prose(dice) for _ in range(40))]
    calls = {START + value: [position] for position, value in enumerate(values)}
    texts = Texts(calls, Options(), Budget(should_stop=lambda: not in_time))
    findings = Findings(texts.budget.spent)
    findings[Template((START, ""), ("stays",))] = Finding([(START + value, (value,)) for value in values])
    revise(texts, findings)
    assert (" | " in "".join(*(template.literals for template in findings))) == in_time


@pytest.mark.parametrize("count", [3, 40])
def test_chunks_with_a_number_before_each_are_one_value(count: int) -> None:
    dice = Random(3)
    words = [
        "parcel",
        "order",
        "refund",
        "invoice",
        "tent",
        "jacket",
        "password",
        "card",
        "address",
        "size",
        "return",
        "voucher",
        "late",
        "arrived",
    ]

    def some(number: int) -> str:
        return " ".join(dice.choice(words) for _ in range(number))

    def prompt() -> str:
        chunks = "\n\n".join(f"[{dice.randint(1, 40)}] {some(9)}." for _ in range(dice.randint(2, 4)))
        return f"Context:\n{chunks}\n\nQuestion: {some(5)}?\nAnswer:"

    [group] = mine([prompt() for _ in range(count)])
    assert group.template.literals == ("Context:\n[", ".\n\nQuestion: ", "?\nAnswer:")


LANGUAGES = ("French", "German", "Spanish", "Polish", "Japanese", "Dutch", "Finnish", "Korean")


def test_a_colon_behind_one_of_a_few_texts_is_fixed_text_although_the_texts_behind_it_never_recur():
    assert separators(lambda dice: f"{dice.choice(LANGUAGES)}: {prose(dice)}") == [": "]
    assert separators(lambda dice: f"{dice.choice(LANGUAGES)}:\n\n{prose(dice)}") == [":\n\n"]
    assert separators(lambda dice: f"{dice.choice(LANGUAGES)}: {prose(dice, 2, 2)}") == [": "]


@pytest.mark.parametrize("mark", [". ", ".\n\n", ": "])
def test_a_mark_behind_one_of_a_few_short_texts_is_fixed_text_although_the_text_behind_it_holds_the_mark_too(mark):
    assert separators(lambda dice: f"{dice.choice(LANGUAGES)}{mark}{prose(dice)}{mark}{prose(dice)}") == [mark]


def test_sentences_out_of_a_few_are_one_value():
    sentences = [prose(Random(number), 2, 4) for number in range(8)]
    assert separators(lambda dice: ". ".join(dice.choice(sentences) for _ in range(4)), calls=60) == []


def test_the_speakers_of_a_conversation_and_greetings_are_a_part_of_the_value():
    def spoken(dice):
        return "\n".join(f"{dice.choice(('Ann', 'Bo', 'Cy'))}: {prose(dice)}" for _ in range(dice.randint(2, 5)))

    assert separators(spoken) == []
    assert separators(lambda dice: f"{dice.choice(('Hi', 'Hello', 'Dear all'))}, {prose(dice)}") == []


def test_an_angle_bracket_that_fixed_text_opens_is_closed_by_fixed_text():
    dice = Random(7)
    (group,) = mine([f"Message-ID: <{dice.getrandbits(64):016x}>\n\n{prose(dice)}\n\nIs this spam?" for _ in range(40)])
    assert group.template.literals == ("Message-ID: <", ">\n\n", "\n\nIs this spam?")
