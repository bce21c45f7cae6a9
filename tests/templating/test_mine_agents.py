"""Agents: what stays through a run is a value, also while the prompt is edited; two agents of one program are no versions of one prompt."""

import json
from random import Random

import numpy as np

from templating import mine
from templating.mining.siblings import Places
from templating.mining.skeleton import Skeleton
from templating.template import Template

HINTS = (
    "Think about the next step.",
    "Think about what the changed file means for the plan.",
    "Think about why the last step failed.",
)
HOUSE_RULES = (
    "Never change a test to make it pass.",
    "Keep the public names of every module.",
    "Write the reason for a change above the change.",
    "Ask for a review before anything is merged.",
    "Prefer the standard library to another dependency.",
)
TOOLS = """These are the steps that you can take:
* `read` - reads a file. Arguments:
  * `path` - the path of the file to read
* `write` - writes a file. Arguments:
  * `path` - the path of the file to write
  * `content` - the whole content of the file"""
KEEPER = """You are a careful clerk who keeps a plan while the work goes on. You cannot see pictures, but you can read files.
Your assignment is:

{goal}

This is the present state of the plan as JSON:

{plan}

{rules}

The latest steps, oldest first:
{steps}

{tools}
Reply with one JSON object and nothing around it.
{hint}"""
THINKER = """You are a patient robot with a train of thought, and your thoughts are kept for you in a long list.
The assignment reads:

{goal}

Stay with the assignment as it is written, and do not widen it. So far you thought this:
{steps}

Continue the train of thought where it ends.
{rules}
{tools}
{hint}"""
VERBS = ["open", "count", "merge", "sort", "move", "repair"]
THINGS = ["report", "index", "folder", "ledger", "parcel", "sensor", "gateway", "orchard"]


def sentence(dice):
    words = [
        dice.choice(VERBS),
        "the",
        dice.choice(THINGS),
        "of the",
        dice.choice(THINGS),
        "near the",
        dice.choice(THINGS),
        f"number {dice.randrange(99)}",
    ]
    return " ".join(words).capitalize() + "."


def run(form, goal, dice, rules=HOUSE_RULES[:3], count=6):
    """The prompts of one run of an agent: its goal stays, its steps grow, its plan is filled once."""
    steps, subtasks, prompts = [], [], []
    for number in range(count):
        if number == count // 2:
            subtasks = [
                {"id": "0.0", "goal": sentence(dice), "state": "open"},
                {"id": "0.1", "goal": sentence(dice), "state": "open"},
            ]
        plan = json.dumps({"id": "0", "goal": goal, "state": "open", "subtasks": subtasks}, indent=2)
        prompts.append(
            form.format(
                goal=goal,
                plan=plan,
                rules="\n".join(rules),
                steps="\n".join(steps),
                tools=TOOLS,
                hint=dice.choice(HINTS),
            )
        )
        steps.append(f"{number + 1}. {sentence(dice)}")
    return prompts


def sizes(prompts):
    return sorted(len(group.members) for group in mine(prompts))


def test_tasks_that_every_version_runs_again_are_values():
    dice = Random(3)
    tasks, rules, prompts = [f"{sentence(dice)} {sentence(dice)}" for _ in range(3)], list(HOUSE_RULES[:4]), []
    form = KEEPER.replace("{plan}", "not kept")
    for version in range(3):
        rules[version] = sentence(dice) + " Then say which of the rules above you followed."
        for task in tasks:
            prompts += run(form, task, dice, rules)
    assert sizes(prompts) == [18, 18, 18]


def test_a_goal_that_the_plan_cites_is_a_value_in_two_runs():
    dice = Random(1)
    goals = (
        "Write a script that greets everyone who signs in.",
        "Find out why our nightly backup never ends before noon.",
    )
    prompts = [prompt for goal in goals for prompt in run(KEEPER, goal, dice, count=8)]
    assert sizes(prompts) == [16]


def test_two_agents_that_take_turns_are_no_versions_of_one_prompt():
    dice, rules, prompts = Random(2), list(HOUSE_RULES[:2]), []
    for rule in HOUSE_RULES[2:4]:
        rules.append(rule)
        for _ in range(3):
            goal = sentence(dice)
            prompts += [prompt for form in (THINKER, KEEPER) for prompt in run(form, goal, dice, rules, count=3)]
    assert sizes(prompts) == [9, 9, 9, 9]


def test_a_few_hints_that_come_again_at_the_end_are_no_bodies_of_templates():
    values = [(str(number), HINTS[number % 2 + 1]) for number in range(12)]
    skeleton = Skeleton(Template(("Step ", " is done. ", ""), ("var_0", "var_1")), list(range(12)), values, 99.0, True)
    assert not Places(skeleton, "").have_body(np.arange(12))
