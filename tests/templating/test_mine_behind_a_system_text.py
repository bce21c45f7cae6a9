"""One system text in front of all prompts changes nothing: short tasks are found as without it, and free texts of people stay together."""

from random import Random

import pytest

from templating import Matcher, mine

SYSTEMS = (
    "",
    "You are a helpful assistant.\0",
    "You are an agent on a web page. Give one action at a time.\n\nStop when the aim is reached.\0",
)
WORDS = [
    f"{begin}{end}"
    for begin in ("par", "gar", "sto", "ri", "win", "cop", "lan", "mel", "tur")
    for end in ("cel", "den", "ne", "ver", "ter", "ling", "mos")
]


def some(dice: Random, least: int, most: int) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(dice.randint(least, most)))


THINGS = (
    "apple",
    "mug",
    "potato",
    "tomato",
    "plate",
    "fork",
    "spoon",
    "book",
    "laptop",
    "pillow",
    "cloth",
    "vase",
    "bowl",
    "cup",
)
PLACES = ("fridge", "cabinet", "drawer", "countertop", "sink", "microwave", "desk", "shelf", "bed", "bin")
TASKS = {
    "some": lambda dice: f"put some {dice.choice(THINGS)} on {dice.choice(PLACES)}.",
    "two": lambda dice: f"find two {dice.choice(THINGS)} and put them in {dice.choice(PLACES)}.",
    "clean": lambda dice: f"clean some {dice.choice(THINGS)} and put it in {dice.choice(PLACES)}.",
    "heat": lambda dice: f"heat some {dice.choice(THINGS)} and put it in {dice.choice(PLACES)}.",
    "cool": lambda dice: f"cool some {dice.choice(THINGS)} and put it in {dice.choice(PLACES)}.",
    "lamp": lambda dice: f"look at {dice.choice(THINGS)} under the desklamp.",
    "examine": lambda dice: f"examine the {dice.choice(THINGS)} with the desklamp.",
}


def groups(texts: list[str], labels: list[str]) -> set[frozenset[str]]:
    """The labels of each group that holds all prompts of its labels."""
    exact = set()
    for group in mine(texts):
        its = frozenset(labels[member] for member in group.members)
        if len(group.members) == sum(label in its for label in labels):
            exact.add(its)
    return exact


@pytest.mark.parametrize("system", SYSTEMS[1:])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_short_tasks_behind_one_system_text_are_a_template_each(system: str, seed: int) -> None:
    dice = Random(seed)
    labels = [label for label in TASKS for _ in range(24)]
    dice.shuffle(labels)

    exact = groups([system + TASKS[label](dice) for label in labels], labels)

    assert exact == {frozenset([label]) for label in TASKS}


@pytest.mark.parametrize("system", SYSTEMS[1:])
def test_free_texts_of_people_behind_one_system_text_are_one_template(system: str) -> None:
    dice = Random(1)

    mined = mine([system + some(dice, 4, 20).capitalize() + dice.choice(".?") for _ in range(120)])

    assert [(group.template.literals[0], len(group.members)) for group in mined] == [(system, 120)]


@pytest.mark.parametrize("system", SYSTEMS[:2])
def test_short_prompts_that_begin_with_another_word_each_are_not_joined_over_the_system_text(system: str) -> None:
    dice = Random(1)
    verbs = ("Translate", "Classify", "Rewrite", "Rank", "Explain", "Shorten")
    labels = [verb for verb in verbs for _ in range(15)]
    dice.shuffle(labels)

    texts = [f"{system}{verb}: {some(dice, 3, 12)}" for verb in labels]

    assert groups(texts, labels) == {frozenset([verb]) for verb in verbs}


@pytest.mark.parametrize("system", SYSTEMS[1:])
def test_a_stream_finds_most_short_tasks_behind_one_system_text(system: str) -> None:
    """Given a first batch with few prompts of each task. If more prompts come, I expect a template for each task, but for two at most."""
    dice = Random(2)
    labels = [label for label in TASKS for _ in range(40)]
    dice.shuffle(labels)
    texts = [system + TASKS[label](dice) for label in labels]

    assert len(stream(texts, labels) & {frozenset([label]) for label in TASKS}) >= len(TASKS) - 2


def stream(texts: list[str], labels: list[str], batch: int = 20) -> set[frozenset[str]]:
    known, pool = [], []
    for start in range(0, len(texts), batch):
        matcher = Matcher(known)
        pool += [text for text in texts[start : start + batch] if matcher.match(text) is None]
        mined = mine(pool, known=known)
        superseded = {number for group in mined for number in group.supersedes}
        known = [template for number, template in enumerate(known) if number not in superseded] + [
            group.template for group in mined
        ]
        pool = [text for text in pool if Matcher(known).match(text) is None]
    matcher, placed = Matcher(known), {}
    for label, text in zip(labels, texts, strict=True):
        hit = matcher.match(text)
        placed.setdefault(None if hit is None else hit.index, []).append(label)
    return {frozenset(its) for its in placed.values() if len(its) == sum(label in its for label in labels)}
