"""A few calls of several templates behind one preamble make no common template; the calls wait for more of each."""

from random import Random

import pytest

from templating import mine

PREAMBLE = "You work for the library of a small town. Be brief, be polite, and never promise what you cannot keep.\n\n"
BODIES = (
    "Context: {0}\nSentence: {1}\nIs the sentence supported by the context above? Say yes or no and nothing else.",
    "{1}\n\nAnswer the question of the reader in two sentences, and name the shelf on which the book stands. About: {0}",
    "Rewrite the notice so that a child of eight understands every word of it.\nNotice: {0}",
)


def prose(dice, least=3, most=12):
    words = ["".join(dice.choices("aeioubdgklmnprst", k=dice.randint(4, 9))) for _ in range(dice.randint(least, most))]
    return " ".join(words).capitalize() + "."


def calls(dice, body, count):
    return [PREAMBLE + BODIES[body].format(prose(dice), prose(dice)) for _ in range(count)]


def bodies_of(prompts, group):
    return {
        next(n for n, body in enumerate(BODIES) if body[-20:-4] in prompts[member] or body[:7] in prompts[member])
        for member in group.members
    }


@pytest.mark.parametrize("counts", [(2, 1), (2, 0, 1), (1, 2, 1), (2, 2), (2, 2, 1), (6, 2, 2), (2, 30, 3)])
def test_calls_of_several_templates_are_in_no_group_together(counts):
    dice = Random(sum(counts))
    prompts = [text for body, count in enumerate(counts) for text in calls(dice, body, count)]
    dice.shuffle(prompts)
    groups = mine(prompts)
    assert all(len(bodies_of(prompts, group)) == 1 for group in groups)
    assert sorted(len(group.members) for group in groups) == sorted(count for count in counts if count > 2)


def test_a_preamble_with_few_questions_is_one_template_though_some_are_alike():
    dice = Random(3)
    questions = ["Where is the key of the reading room?", "Where is the key of the cellar?", prose(dice), prose(dice)]
    (group,) = mine([PREAMBLE + question for question in questions])
    assert group.template.literals[0] == PREAMBLE


@pytest.mark.parametrize("count", [3, 5, 7])
def test_few_calls_of_one_prompt_with_a_growing_conversation_are_one_template(count):
    dice = Random(count)
    turns = [f"{'Reader' if number % 2 else 'Librarian'}: {prose(dice, 9, 16)}\n" for number in range(count)]
    prompts = [PREAMBLE + "".join(turns[: number + 1]) for number in range(count)]
    (group,) = mine([*prompts, PREAMBLE + f"Librarian: {prose(dice, 9, 16)}\n"])
    assert group.members == list(range(count + 1))


def test_a_value_that_two_of_three_calls_have_is_a_value():
    dice = Random(4)
    document = prose(dice, 60, 60)
    prompts = [f"{PREAMBLE}{text}\nQuestion: {prose(dice)}" for text in (document, document, prose(dice))]
    (group,) = mine(prompts)
    assert len(group.template.slots) == 2


def test_one_call_without_an_optional_sentence_is_of_the_template_that_the_others_make():
    dice = Random(11)
    stress = "Pay particular attention to {} and put it first.\n".format
    parts = ["", stress("deadlines"), stress("the budget"), stress("who talks to the shops")]
    prompts = [
        "Summarise the notes below for people who were not there.\n\nStart with one sentence on the outcome. Then list decisions.\n"
        f'{part}Leave out jokes and who was late.\n\nNotes:\n"""\n{prose(dice)}\n{prose(dice)}\n"""'
        for part in parts
    ]
    (group,) = mine(prompts)
    assert group.members == [0, 1, 2, 3]
