"""A prompt that begins with its text and ends with an instruction; short instructions that differ in a value; a value before a line break."""

from random import Random

import pytest

from templating import mine

LANGUAGES = ("German", "French", "Dutch", "Italian", "Spanish")
NAMES = ("Ana Lopez", "Bob Neil", "Chen Wei", "Dora Mass", "Eve", "Farid K.", "Grace Hopper", "Hugo")
WORDS = [
    f"{begin}{end}"
    for begin in ("par", "gar", "sto", "ri", "win", "cop", "lan")
    for end in ("cel", "den", "ne", "ver", "ter")
]


def sentence(dice: Random) -> str:
    words = [dice.choice(WORDS) + str(dice.randint(1, 99)) * (dice.random() < 0.2) for _ in range(dice.randint(5, 25))]
    return " ".join(words).capitalize() + dice.choice(".?!.")


def text(dice: Random) -> str:
    return " ".join(sentence(dice) for _ in range(dice.randint(1, 3)))


def literals_of(make, calls: int = 80, seed: int = 1) -> list[tuple[str, ...]]:
    dice = Random(seed)
    return [group.template.literals for group in mine([make(dice) for _ in range(calls)])]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n\nTranslate the text above into ", "."),
        ("\n\nTranslate the text above into ", ""),
        ("\n\nTranslate the text above into ", "!"),
        ('\n\nTranslate the text above into "', '".'),
        ("\n\nTranslate the text above. Language: ", ""),
        ("\n\nIs the text above written in ", "?"),
        ("\n\nTranslate the text above into ", ". Keep names."),
    ],
)
def test_an_instruction_below_the_text_is_one_template_whatever_value_ends_it(before: str, after: str) -> None:
    [literals] = literals_of(lambda dice: f"{text(dice)}{before}{dice.choice(LANGUAGES)}{after}")
    assert literals == ("", before, after)


def test_a_question_above_its_context_is_one_template() -> None:
    [literals] = literals_of(lambda dice: f"{sentence(dice)}\n\nUse this context:\n{text(dice)}")
    assert literals == ("", "\n\nUse this context:\n", "")


def test_instructions_below_texts_are_told_apart_where_each_has_a_value_at_its_end() -> None:
    dice = Random(2)
    prompts = [f"{text(dice)}\n\nTranslate the text above into {dice.choice(LANGUAGES)}." for _ in range(40)]
    prompts += [f"{text(dice)}\n\nSummarise the text above for {dice.choice(NAMES)}." for _ in range(40)]
    dice.shuffle(prompts)
    assert sorted(len(group.members) for group in mine(prompts)) == [40, 40]


@pytest.mark.parametrize(("before", "after"), [("Summarise this for ", ": "), ("Summarise this text for ", ".\n\n")])
def test_short_instructions_that_differ_in_a_value_are_one_template_among_many_other_prompts(
    before: str, after: str
) -> None:
    dice = Random(3)
    summaries = [f"{before}{dice.choice(NAMES)}{after}{text(dice)}" for _ in range(160)]
    answers = [f"Write an answer in {dice.choice(LANGUAGES)} that says: {text(dice)} Sign as Kim." for _ in range(160)]
    prompts = summaries + answers + [text(dice) for _ in range(480)]
    dice.shuffle(prompts)
    [group] = [group for group in mine(prompts) if prompts[group.members[0]].startswith(before)]
    assert len(group.members) == len(summaries)
    assert group.template.literals == (before, after, "")


@pytest.mark.parametrize("after", [".\n\n", ":\n", ": ", ". "])
def test_a_value_out_of_a_few_ends_at_the_first_mark_that_all_calls_have_behind_it(after: str) -> None:
    [literals] = literals_of(lambda dice: f"Summarise this text for {dice.choice(NAMES)}{after}{text(dice)}", calls=120)
    assert literals[:2] == ("Summarise this text for ", after)
    assert len(literals) == 3
