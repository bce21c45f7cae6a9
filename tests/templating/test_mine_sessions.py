"""The calls of one session are one witness, both of fixed text and of an edit."""

from random import Random

import pytest

from templating import mine
from tests.templating.test_mine_shapes import RUBRICS, prose, session

RUNS = [list(session(number)) for number in range(3)]
CALLS = [call for run in RUNS for call in run]


def sets(groups):
    return [tuple(group.members) for group in groups]


def test_sessions_of_another_length_are_refused_with_both_lengths():
    with pytest.raises(ValueError, match="2 sessions, 3 prompts"):
        mine(["a", "b", "c"], sessions=["s", "s"])


@pytest.mark.parametrize(
    "sessions", [["s"] * 24, [None] * 24, range(24)], ids=["one for all", "none known", "one per call"]
)
def test_sessions_that_say_nothing_change_nothing(sessions):
    assert sets(mine(CALLS, sessions=sessions)) == sets(mine(CALLS))


def test_any_hashable_is_a_session():
    sessions = [key for key in (("run", 1), 2.5, frozenset({3})) for _ in range(8)]
    assert sets(mine(CALLS, sessions=sessions)) == [tuple(range(24))]


def test_a_text_that_only_one_session_shows_is_no_fixed_text():
    """Runs whose calls come at random: only their sessions tell the goal and the document of a run from the text of a prompt."""
    pairs = [(prose(30, 40), prose(30, 40)) for _ in range(4)]
    order = [number for number in range(4) for _ in range(8)]
    Random(3).shuffle(order)
    asks = [
        f"You help a reader.\nGoal: {pairs[n][0]}\nLast step: {prose()}\nDocument: {pairs[n][1]}\nNext step:"
        for n in order
    ]
    assert len(mine(asks)) == 4
    assert sets(mine(asks, sessions=order)) == [tuple(range(32))]


def test_a_sentence_of_one_session_is_no_edit():
    asks = [
        f"You read answers of a help desk.\n{RUBRICS[n]}\n\nAnswer: {prose()}\nScore:"
        for n in (0, 1)
        for _ in range(10)
    ]
    assert sets(mine(asks)) == [tuple(range(10)), tuple(range(10, 20))]
    assert sets(mine(asks, sessions=[number // 10 for number in range(20)])) == [tuple(range(20))]
    assert sets(mine(asks, sessions=[number // 2 for number in range(20)])) == [tuple(range(10)), tuple(range(10, 20))]


def test_runs_of_few_templates_behind_one_preamble_are_no_template_of_the_preamble():
    preamble = f"You build a graph from a text.\n{prose(30, 40)}\n\n"
    bodies = [f"{prose(12, 14)[:-1]} {word} " for word in ("goal", "asks", "seeks")]
    order = [number for number in range(3) for _ in range(6)]
    asks = [f"{preamble}{bodies[number]}{prose()[:-1]}" for number in order]
    assert sets(mine(asks, sessions=order)) == []
    later_calls = [f"{preamble}{bodies[0]}{prose()[:-1]}" for _ in range(4)]
    assert sets(mine([*asks, *later_calls], sessions=[*order, *[3] * 4])) == [(*range(6), *range(18, 22))]
