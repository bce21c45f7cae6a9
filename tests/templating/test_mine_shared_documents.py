"""Prompts that cite the same long documents are templates each: a text in several kinds of prompt is a value."""

from random import Random

import pytest

from templating import mine

WORDS = [
    a + b
    for a in ("amb", "bas", "ced", "del", "emb", "fjo", "gro", "har", "isl", "jun")
    for b in ("er", "in", "ar", "ta", "on", "id", "ve", "or")
]


def prose(dice, count):
    return " ".join(dice.choices(WORDS, k=count)).capitalize() + "."


@pytest.mark.parametrize("documents", [3, 5, 12])
def test_tasks_over_one_knowledge_base_are_templates_each(documents):
    dice = Random(documents)
    base = [prose(dice, 300) for _ in range(documents)]
    tasks = [(f"You are {prose(dice, 25)}", prose(dice, 12)) for _ in range(8)]
    prompts = []
    for _ in range(240):
        begin, rule = tasks[len(prompts) % 8]
        prompts.append(
            f"{begin}\n\nDocument:\n{dice.choice(base)}\n\n{rule}\nQuestion: {prose(dice, dice.randint(3, 9))}"
        )
    assert {tuple(group.members) for group in mine(prompts)} == {tuple(range(task, 240, 8)) for task in range(8)}


def test_two_tasks_whose_system_texts_are_the_same_few_personas_are_templates_each():
    dice = Random(4)
    personas = [prose(dice, 30) for _ in range(3)]
    tasks = [
        ("Find the names in this text and list them, one a line.", "Names:"),
        ("Rate how polite this text is towards its reader.", "Rating:"),
    ]
    prompts = []
    for _ in range(120):
        task, end = tasks[len(prompts) % 2]
        prompts.append(f"{dice.choice(personas)}\x00{task}\nText: {prose(dice, dice.randint(5, 30))}\n{end}")
    assert {tuple(group.members) for group in mine(prompts)} == {tuple(range(task, 120, 2)) for task in range(2)}


def test_prompts_about_the_same_few_people_are_templates_each_whose_people_are_values():
    """Five people of six facts each, whom all prompts describe first, in turn."""
    dice = Random(6)
    facts = ("Name", "Traits", "Learned", "Currently", "Lives", "Plans")
    people = ["\n".join(f"{fact}: {prose(dice, 9)}" for fact in facts) for _ in range(5)]
    tasks = ["Write the plan of the next hour.", "Rate how much this matters to them.", "Say what they do first."]
    prompts = [
        f"{task}\n{prose(Random(task), 20)}\n\n{person}\n\nEvent: {prose(dice, dice.randint(3, 9))}\n{task.split()[0]}:"
        for _ in range(8)
        for person in people
        for task in tasks
    ]
    assert {tuple(group.members) for group in mine(prompts)} == {tuple(range(task, 120, 3)) for task in range(3)}


def test_characters_whose_name_begins_and_ends_their_prompts_are_values() -> None:
    """Eight characters of a game, each with a card, in random order: chat, a move and a note are a template each."""
    dice = Random(5)
    cards = [(prose(dice, 2)[:-1], prose(dice, 30)) for _ in range(8)]
    kinds, prompts = list[str](), list[str]()
    for number in range(120):
        name, card = dice.choice(cards)
        talk = "".join(f"{dice.choice(['Player', name])}: {prose(dice, 8)}\n" for _ in range(dice.randint(0, 5)))
        frame = f"You are {name}, somebody in a village game. Never say that you are a program.\n\n{card}\n\n"
        kinds.append(("chat", "move", "chat", "note")[number % 4])
        prompts.append(
            {
                "chat": f"{frame}Answer in three sentences at most.\0{talk}Player: {prose(dice, 6)}\n{name}:",
                "move": f"{frame}Choose what to do next: walk, talk, sleep or work.\0You see: {prose(dice, 3)}",
                "note": f"Write what {name} knows about the player now.\n\n{card}\n\n{talk}\nPoints:",
            }[kinds[-1]]
        )
    groups = {tuple(group.members) for group in mine(prompts)}
    assert groups == {tuple(i for i, kind in enumerate(kinds) if kind == name) for name in ("chat", "move", "note")}


def test_a_head_that_all_prompts_of_one_meeting_have_is_a_value_of_each_prompt() -> None:
    """Ten meetings, each with a title, a day and guests at the head of three prompts."""
    dice = Random(6)
    tasks = ["Sum up this part. Keep all the names.", "List who does what, one a line.", "Join the parts to a report."]
    prompts = [
        f"{head}\n\n{task}\n\n{prose(dice, 30)}"
        for head in [f"Meeting: {prose(dice, 14)}\nDay: {day + 1} May\nGuests: {prose(dice, 9)}" for day in range(10)]
        for _ in range(2)
        for task in tasks
    ]
    assert {tuple(group.members) for group in mine(prompts)} == {tuple(range(task, 60, 3)) for task in range(3)}


@pytest.mark.parametrize("texts", [12, 40])
def test_instructions_behind_one_system_text_over_the_same_texts_are_templates_each(texts: int) -> None:
    """An evaluation: every instruction over every text, instruction first."""
    dice = Random(texts)
    rules = [
        "Sum it up.",
        "List who is in it.",
        "Write a title.",
        "Give the days.",
        "Say how polite the text is, from one to five.",
    ]
    base = [prose(dice, dice.randint(20, 80)) for _ in range(texts)]
    prompts = [
        f"Use only the text that the user gives, and never guess.\0{rule}\n\n{text}" for text in base for rule in rules
    ]
    groups = {tuple(group.members) for group in mine(prompts)}
    assert groups == {tuple(range(rule, len(prompts), len(rules))) for rule in range(len(rules))}


@pytest.mark.parametrize("order", ["mixed", "by text", "by instruction"])
def test_instructions_below_the_same_texts_behind_one_system_text_are_templates_each(order: str) -> None:
    dice = Random(order)
    rules = [
        "Sum it up.",
        "List who is in it.\nOne name a line.",
        "Write a title.",
        "Which days does the text mention?",
        "Give three words that fit the text:",
    ]
    calls = [
        (rule, text) for text in (prose(dice, dice.randint(20, 80)) for _ in range(20)) for rule in range(len(rules))
    ]
    calls = {"mixed": dice.sample(calls, len(calls)), "by text": calls, "by instruction": sorted(calls)}[order]
    prompts = [
        f"Use only the text that the user gives, and never guess.\0{text}\n\n{rules[rule]}" for rule, text in calls
    ]
    expected = {tuple(i for i, (rule, _) in enumerate(calls) if rule == number) for number in range(len(rules))}
    assert {tuple(group.members) for group in mine(prompts)} == expected


@pytest.mark.parametrize("form", ["{text}\n{question}", "{question}\n{text}", "{text}\n\nAnswer in {question}"])
def test_questions_and_texts_behind_one_system_text_are_values(form: str) -> None:
    """Twenty questions about each of five texts, and a text in eight languages: no line is an instruction."""
    dice = Random(form)
    texts = [prose(dice, 40) for _ in range(5)]
    questions = (
        ["French", "German", "Dutch", "Czech", "Greek", "Polish", "Danish", "Hindi"]
        if "Answer" in form
        else [prose(dice, 7)[:-1] + "?" for _ in range(20)]
    )
    prompts = [
        "Use only the text that the user gives, and never guess.\0" + form.format(text=text, question=question)
        for text in texts
        for question in questions
    ]
    assert [len(group.members) for group in mine(prompts)] == [len(prompts)]


@pytest.mark.parametrize(
    "form",
    [
        "<context>\n{context}\n</context>\n\n{question}\n\nAnswer from the context.",
        "Question:\n{question}\nContext: (Sources)\n{context}",
        "{question}\n\nContext:\n{context}",
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_passages_found_for_a_few_questions_are_values(form: str, seed: int) -> None:
    """Each of six questions is asked nine times, over four of the six passages near it, in any order."""
    dice = Random(seed)
    base = [prose(dice, dice.randint(25, 70)) for _ in range(20)]
    prompts = []
    for _ in range(6):
        question, near = prose(dice, dice.randint(3, 9)), dice.sample(base, 6)
        for _ in range(9):
            context = "\n\n".join(dice.sample(near, 4))
            prompts.append(form.format(question=question, context=context))
    assert [len(group.members) for group in mine(prompts)] == [len(prompts)]
