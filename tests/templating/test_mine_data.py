"""JSON and code between fixed texts are values: a likeness of some calls within makes no template of these calls."""

from random import Random

import numpy as np
import pytest

from templating import Template, mine
from templating.mining.data import are_data
from templating.mining.siblings import Places
from templating.mining.skeleton import Skeleton

DICE = Random(9)
WORDS = ["".join(DICE.choices("aeioubdgklmnprst", k=DICE.randint(4, 9))) for _ in range(400)]


def prose(count=8):
    return " ".join(DICE.choices(WORDS, k=count)).capitalize() + "."


@pytest.mark.parametrize(
    ("literals", "inside"),
    [
        (('Plan:\n{\n  "goal": "', '",\n  "state": "', '"\n}\nWhat is next? ', ""), [True, True, False]),
        (("```python\n", "\n```\nReview: ", ""), [True, False]),
        (('{"task": "', '", "text": "', '"}'), [False, False]),
        (("Answer as {x}. ", " is ", "."), [False, False]),
        (("Say { ", "\nThen write a letter to ", " }"), [False, False]),
        (
            ("```\n", "\nThis fence is never closed, and what follows is prose. ", "\n```python\n", "\n```"),
            [False, False, True],
        ),
    ],
    ids=["JSON", "a fence", "around a whole prompt", "beside", "prose in brackets", "a fence that is not closed"],
)
def test_a_text_inside_of_brackets_or_a_fence_is_data(literals, inside):
    rows = [tuple(f"{n}" for _ in inside) for n in range(5)]
    assert are_data(literals, rows, "\x00") == inside


def test_few_texts_inside_of_brackets_are_words_of_a_schema():
    assert are_data(('Answer as {"a": ', "} please.", ""), [(f"{n % 2}", f"{n}") for n in range(9)], "\x00") == [
        False,
        False,
    ]


def test_the_plans_that_an_agent_keeps_are_values():
    """Three plans, each with its own steps whose states change: the plans agree in long texts at several places
    within JSON.
    """
    prompts = []
    for _ in range(3):
        steps = [prose() for _ in range(3)]
        for turn in range(12):
            plan = ",\n".join(
                f'    {{"goal": "{step}",\n     "state": "{"done" if position < turn % 4 else "open"}"}}'
                for position, step in enumerate(steps)
            )
            prompts.append(
                f'You are a diligent engineer. You work on one task at a time.\n\nHere is your plan:\n\n{{\n  "steps": [\n{plan}\n  ]\n}}\n\n'
                f"What you saw last: {prose()}\nWrite the next action, and nothing else."
            )
    assert [len(group.members) for group in mine(prompts)] == [36]


def test_an_instruction_with_its_own_schema_in_json_is_a_template_of_its_own():
    """The frame has the schema and an example in JSON between fixed texts; both go with the instruction."""
    instructions = [
        (
            prose(30),
            ", ".join(f'"{word}": {{"type": "string", "title": "{prose(3)}"}}' for word in DICE.sample(WORDS, 3)),
            prose(20),
        )
        for _ in range(4)
    ]
    prompts = [
        f'{text}\nAnswer in JSON that fits this schema:\n{{"properties": {{{fields}}}, "type": "object"}}\n'
        f'An example of the input: {{"text": "{example}"}}\n\nNow do the same with this input.\ninput: {{"text": "{prose(12)}"}}\noutput:'
        for _ in range(15)
        for text, fields, example in instructions
    ]
    groups = mine(prompts)
    assert sorted(group.members for group in groups) == [list(range(number, 60, 4)) for number in range(4)]


def test_a_slot_of_whole_records_at_the_end_of_a_prompt_has_no_bodies_of_templates():
    shape = '"city": "Ceuta", "tags": ["eu", "late"], "is active": true, "note": "paid in two parts"'
    records = [f'{{"id": {number}, {shape}}}' for number in range(6)]
    template = Template(("The code must pass these tests:\n", ""), ("var_0",))
    records_only = Skeleton(template, list(range(6)), [(record,) for record in records], 60.0, True)
    places = Places(records_only, "")
    assert not places.have_body(np.arange(3))
    assert not places.have_instruction(np.arange(6))
