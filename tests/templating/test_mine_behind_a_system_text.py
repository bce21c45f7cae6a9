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


MORE_TASKS = {
    "price": lambda dice: f"What is the price of {some(dice, 1, 2)} shoes in {some(dice, 1, 1)}?",
    "list": lambda dice: f"Order a list of all {some(dice, 1, 1)} by {some(dice, 1, 1)}.",
    "mail": lambda dice: f'Send an email to {some(dice, 1, 2)} with the subject "{some(dice, 2, 4)}"',
    "poem": lambda dice: f"Write a poem about {some(dice, 1, 3)} in the style of {some(dice, 1, 2)}.",
    "cart": lambda dice: f"Add the {some(dice, 1, 2)} to my shopping cart.",
    "table": lambda dice: f"Book a table for {dice.randint(2, 12)} at {some(dice, 1, 2)} at {dice.randint(5, 10)} pm",
    "post": lambda dice: f'Leave a comment on the post about {some(dice, 1, 2)} saying "{some(dice, 2, 5)}"',
    "route": lambda dice: f"Compare the driving time from {some(dice, 1, 2)} to {some(dice, 1, 2)}.",
    "song": lambda dice: f"Play {some(dice, 1, 3)} from my list of {some(dice, 1, 1)} songs.",
    "weather": lambda dice: f"Tell me the weather in {some(dice, 1, 1)} on {some(dice, 1, 1)} morning.",
    "timer": lambda dice: f"Set a timer of {dice.randint(2, 59)} minutes named {some(dice, 1, 1)}",
    "news": lambda dice: f"Open the newest page of {some(dice, 1, 2)} news.",
}


@pytest.mark.parametrize("system", SYSTEMS[1:])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_stream_finds_as_many_of_many_short_tasks_behind_one_system_text_as_one_search_of_all(
    system: str, seed: int
) -> None:
    """Given 19 tasks of eight prompts on average. The first batch has one template for all, which later batches take apart little by little."""
    dice = Random(seed)
    tasks = TASKS | MORE_TASKS
    labels = [label for number, label in enumerate(tasks) for _ in range(7 + number % 3)]
    dice.shuffle(labels)
    texts = [system + tasks[label](dice) for label in labels]

    at_once, streamed = (
        exact & {frozenset([label]) for label in tasks} for exact in (groups(texts, labels), stream(texts, labels))
    )

    assert len(streamed) >= len(at_once) > len(tasks) // 2


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


RULES = tuple(some(Random(game), 30, 30).capitalize() + "." for game in range(9))


@pytest.mark.parametrize(
    "systems",
    [
        ("You play games and follow the rules.\0\n[GAME] ",),
        ("You play games and follow the rules.\0", "You play games and follow the rules\0"),
    ],
)
def test_games_that_are_played_one_after_the_other_behind_one_system_text_are_a_template_each(
    systems: tuple[str, ...],
) -> None:
    """The system text has a full stop in some games only, or a label begins what the user says."""
    dice = Random(1)
    labels = [str(game) for game in range(len(RULES)) for _ in range(10)]

    exact = groups(
        [systems[int(label) % len(systems)] + RULES[int(label)] + "\n" + some(dice, 1, 30) for label in labels], labels
    )

    assert exact == {frozenset([str(game)]) for game in range(len(RULES))}


@pytest.mark.parametrize("number", [3, 6, 12])
@pytest.mark.parametrize("system", ["", SYSTEMS[1]])
def test_a_call_whose_user_says_nothing_does_not_stop_the_search(system: str, number: int) -> None:
    tasks = [f"Tell me more about x{task} y{task}" for task in range(number)] + [
        f"Show {task} apples" for task in range(number)
    ]
    questions = [f"How would you describe x{task} y{task}" for task in range(number)] + [
        f"How would you rate z{task}" for task in range(number)
    ]

    for texts in (tasks, questions):
        members = [member for group in mine([*(system + text for text in texts), system]) for member in group.members]
        assert len(members) == len({*members})
