"""Calls that come batch by batch: the evidence of known templates, the calls that wait, and the work that is not
repeated.
"""

from random import Random

from templating import Matcher, Template, mine
from templating.mining import search, skeleton

LETTERS = Random(5)
WORDS = ["".join(LETTERS.choices("aeioubdgklmnprst", k=LETTERS.randint(4, 9))) for _ in range(400)]


def text(dice, low=12, high=20):
    return " ".join(dice.choices(WORDS, k=dice.randint(low, high)))


def test_a_known_template_is_another_run_than_the_one_of_new_calls():
    """A run that says one word otherwise widens the template, though all its calls are of one session."""
    dice = Random(1)
    known = Template(("Whatever language a question has, answer it in JSON.\nQuestion: ", ""), ("question",))
    calls = [f"Whatever language a question has, answer it in French.\nQuestion: {text(dice)}" for _ in range(3)]
    later_calls = [text(dice) for _ in range(4)]
    [group] = mine([*calls, *later_calls], known=[known], sessions=["one"] * 3 + ["two"] * 4)
    assert group.supersedes == (0,)
    assert group.members == [0, 1, 2]


def test_a_sentence_that_one_call_lacks_beside_a_slot_is_no_value_yet():
    dice = Random(2)
    rule = "Name the three most likely causes before you name a remedy."
    known = Template(("You help a shop with its till.\nFault: ", f"\n{rule}\nAnswer:"), ("fault",))
    without = f"You help a shop with its till.\nFault: {text(dice)}\nAnswer:"
    assert len(mine([without], known=[known])) == 0


def test_siblings_of_one_run_each_wait_for_more_runs():
    """Text that the calls of one run share is a value of the run or fixed text of another template: four runs tell."""
    dice = Random(3)
    preamble = "You answer questions about a table of the stock of a shop.\n" + text(dice, 30, 40)
    bodies = [[text(dice, 30, 40) for _ in range(2)] for _ in range(2)]
    calls = [f"{preamble}\n{a}\nQ: {text(dice)}\n{b}\nA:" for a, b in bodies for _ in range(6)]
    assert len(mine(calls, sessions=[position // 6 for position in range(12)])) == 0


def test_a_set_of_few_texts_is_aligned_once_in_a_call(monkeypatch):
    aligned = []
    align = skeleton._aligned
    monkeypatch.setattr(
        skeleton,
        "_aligned",
        lambda pool, members: aligned.append(tuple(pool.texts[m] for m in members)) or align(pool, members),
    )
    dice = Random(4)
    preamble = text(dice, 60, 70)
    bodies = [text(dice, 60, 70) for _ in range(3)]
    instruction = text(dice, 30, 40)
    mine(
        [
            *(f"{preamble}\n{body}\n{text(dice)}" for body in bodies for _ in range(2)),
            *(f"{instruction}\n{text(dice)}" for _ in range(4)),
        ]
    )
    assert 1 < len(aligned) == len(set(aligned))


def test_a_new_prompt_is_compared_only_with_the_known_templates_that_share_most_with_it(monkeypatch):
    """The known templates share a preamble; a set of all of them is not aligned again for each new prompt of one of them."""
    aligned = []
    align = search.skeleton
    monkeypatch.setattr(
        search,
        "skeleton",
        lambda pool, members: aligned.append([pool.texts[m] for m in members]) or align(pool, members),
    )
    dice = Random(9)
    preamble, rules = text(dice, 30, 40), [text(dice, 90, 99) for _ in range(6)]
    known = [Template((f"{preamble}\n{rule}\nDay: Monday\nText: ", "\nAnswer:"), ("text",)) for rule in rules]
    [group] = mine(
        [f"{preamble}\n{rules[0]}\nDay: {day}\nText: {text(dice)}\nAnswer:" for day in ("Tuesday", "Friday")],
        known=known,
    )
    assert group.supersedes == (0,)
    assert all(not any(rule in prompt for rule in rules[1:]) for prompts in aligned for prompt in prompts)


def streamed(batches):
    """The known templates after these batches; a prompt that a known template matches does not come back."""
    known, unmatched = [], []
    for batch in batches:
        unmatched = [prompt for prompt in [*unmatched, *batch] if Matcher(known).match(prompt) is None]
        groups = mine(unmatched, known=known)
        superseded = {index for group in groups for index in group.supersedes}
        known = [template for index, template in enumerate(known) if index not in superseded] + [
            group.template for group in groups
        ]
    return known


def runs_of_an_agent(dice):
    rules = f"You plan the next step of an agent. {text(dice, 30, 40)}\nHistory:\n"
    for _ in range(6):
        goal = text(dice, 14, 16)
        yield [f"{rules}{goal}\n" + "\n".join(text(dice, 5, 8) for _ in range(step)) for step in range(1, 8)]


def test_runs_that_each_made_a_template_become_one():
    """The history of every run begins with its goal: a known template remembers prompts, so later runs meet its
    values.
    """
    assert len(streamed(runs_of_an_agent(Random(6)))) == 1


def test_a_template_remembers_some_prompts_that_it_was_found_in():
    dice = Random(7)
    prompts = [f"Sum up the report of the day for the board.\n{text(dice)}" for _ in range(40)]
    [group] = mine(prompts)
    remembered = [group.template.render(values) for values in group.template.examples]
    assert remembered == sorted(remembered, key=prompts.index)
    assert {prompts[0], prompts[-1]} < set(remembered) < set(prompts)


def test_prompts_that_a_template_remembers_do_not_make_it_another():
    [group] = mine([f"Sum up the report of the day for the board.\n{text(Random(seed))}" for seed in range(4)])
    assert group.template == Template(group.template.literals, group.template.slots)


def test_a_known_prompt_without_a_slot_is_looked_at_beside_one_that_begins_like_it():
    dice = Random(8)
    known = Template(("Cancel: my order",))
    assert not mine([*(text(dice, 4, 4) for _ in range(4)), f"Cancel: my order {text(dice, 3, 3)}"], known=[known])


def remembering(literals, rows):
    """A known template that remembers prompts with these values."""
    return Template(literals, tuple(f"var_{place}" for place in range(len(literals) - 1)), examples=tuple(rows))


def test_a_mark_that_stood_inside_a_value_by_chance_is_fixed_text_again_when_the_template_is_widened():
    dice = Random(11)
    head = "Pick the best answer to the question of the day.\nA. "

    def answer():
        return text(dice, 1, 3)

    known = remembering((head, " low\nC. ", ""), [(f"{answer()}\nB. {answer()}", answer()) for _ in range(4)])
    [group] = mine([f"{head}{answer()}\nB. {answer()}\nC. {answer()}" for _ in range(4)], known=[known])
    assert group.supersedes == (0,)
    assert group.template.literals == (head, "\nB. ", "\nC. ", "")


def test_a_long_text_is_a_value_where_another_known_template_of_the_same_prompt_has_a_slot():
    dice = Random(13)
    head = "You check the sums of a till with care, one after the other.\nSum: "
    tail = "\nAnswer in one line, and say which receipt is wrong."
    rule = "Only mark a receipt as wrong when it cannot be right at all."
    frozen = remembering((head, f"\nNote: {rule}{tail}"), [(text(dice, 2, 4),) for _ in range(4)])
    open_slot = remembering(
        (f"{head}EUR ", "\nNote: ", tail), [(text(dice, 2, 4), text(dice, 8, 12)) for _ in range(4)]
    )
    calls = [f"{head}{text(dice, 2, 4)}\nNote: nothing.{tail}" for _ in range(4)]
    [group] = mine(calls, known=[frozen, open_slot])
    assert group.supersedes == (0, 1)


def test_single_calls_of_many_prompts_behind_the_preamble_of_known_templates_wait():
    """Alone these calls look like one template with free slots; the known templates show what stands in the slots."""
    dice = Random(14)
    preamble = f"You work for a company of many agents, who build a program. {text(dice, 12, 14)}"

    def role():
        return f"{preamble}\nYou are {text(dice, 2, 3)}. {text(dice, 30, 40)}\nTask: "

    known = [remembering((role(), f"\n{text(dice, 30, 40)}."), [(text(dice),) for _ in range(3)]) for _ in range(6)]
    assert len(mine([f"{role()}{text(dice)}\n{text(dice, 30, 40)}." for _ in range(11)], known=known)) == 0
