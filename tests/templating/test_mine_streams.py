"""Calls that come batch by batch: what known templates say, what waits, and what is not worked out twice."""

from random import Random

from templating import Template, mine
from templating.mining import search
from templating.mining.verdicts import Verdicts

LETTERS = Random(5)
WORDS = ["".join(LETTERS.choices("aeioubdgklmnprst", k=LETTERS.randint(4, 9))) for _ in range(400)]


def text(dice, low=12, high=20):
    return " ".join(dice.choices(WORDS, k=dice.randint(low, high)))


def test_a_known_template_is_another_run_than_the_one_of_new_calls():
    """A run that says one word otherwise widens it, though all its calls are of one session."""
    dice = Random(1)
    known = Template(("Whatever language a question has, answer it in JSON.\nQuestion: ", ""), ("question",))
    calls = [f"Whatever language a question has, answer it in French.\nQuestion: {text(dice)}" for _ in range(3)]
    others = [text(dice) for _ in range(4)]
    [group] = mine([*calls, *others], known=[known], sessions=["one"] * 3 + ["two"] * 4)
    assert group.supersedes == (0,)
    assert group.members == [0, 1, 2]


def test_a_sentence_that_one_call_lacks_beside_a_slot_is_no_value_yet():
    dice = Random(2)
    rule = "Name the three most likely causes before you name a remedy."
    known = Template(("You help a shop with its till.\nFault: ", f"\n{rule}\nAnswer:"), ("fault",))
    without = f"You help a shop with its till.\nFault: {text(dice)}\nAnswer:"
    assert len(mine([without], known=[known])) == 0


def test_siblings_of_one_run_each_wait_for_more_runs():
    """What the calls of a run share may be what it holds, or what another template says: four runs tell."""
    dice = Random(3)
    preamble = "You answer questions about a table of the stock of a shop.\n" + text(dice, 30, 40)
    bodies = [[text(dice, 30, 40) for _ in range(2)] for _ in range(2)]
    calls = [f"{preamble}\n{a}\nQ: {text(dice)}\n{b}\nA:" for a, b in bodies for _ in range(6)]
    assert len(mine(calls, sessions=[at // 6 for at in range(12)])) == 0


def test_long_leftovers_are_worked_out_once(monkeypatch):
    """With every batch they are searched again; what is known of a set of them by its texts is not worked out again."""
    monkeypatch.setattr(search, "_VERDICTS", Verdicts())
    aligned = []
    align = search.skeleton
    monkeypatch.setattr(search, "skeleton", lambda *args: aligned.append(1) or align(*args))
    dice = Random(4)
    preamble = text(dice, 60, 70)
    bodies = [text(dice, 900, 1000) for _ in range(3)]
    left = [f"{preamble}\n{body}\n{text(dice, 400, 500)}" for body in bodies for _ in range(2)]
    first = mine([*left, text(dice)])
    before = len(aligned)
    second = mine([*left, text(dice)])
    assert [group.members for group in second] == [group.members for group in first]
    assert len(aligned) - before < before
