"""Sets of prompts explain another set, or a part of one."""

import numpy as np

from templating.mining.forest import Forest
from templating.mining.pool import Pool
from templating.mining.signatures import gram_codes, member_sets
from templating.mining.units import split

FIRST = "Sort this letter into one of the many narrow drawers of the oldest desk in the room."
ADDED = "A letter about money goes to the second drawer at once."
OTHER = "Say which of the five clerks reads this letter, and whether aloud or not."


def test_sets_that_explain_a_set_do_not_explain_the_version_inside_that_holds_together():
    # Given three versions: the second adds a sentence, the third has another sentence in place of the first
    heads = [FIRST, f"{FIRST} {ADDED}", f"{OTHER} {ADDED}"]
    texts = [f"{head} Never open it. Letter {n} of {head[0]}{n}" for head in heads for n in range(4)]
    forest = Forest(Pool.of(texts, [[n] for n in range(len(texts))], ""), 3)
    place = next(i for i, set_ in enumerate(forest.sets) if len(set_.members) == len(texts))
    # I expect that parts of all texts share more than all do, and that nothing parts the texts of the first version
    assert forest.explained(place, 8) == 1.0
    assert forest.explained(place, 8, among=[0, 1, 2, 3]) == 0.0


def shared_by_all(texts):
    """The number of shared grams that count as fixed text."""
    rows = split(texts)
    sets = member_sets(rows, gram_codes(rows), 1, np.ones(len(texts), np.int64), 2)
    return max((set_.grams for set_ in sets if len(set_.members) == len(texts)), default=0)


def test_text_that_stands_equally_often_in_every_text_is_fixed_text_and_other_repeats_are_values():
    rule = "keep to the reports and leave out all else"
    assert shared_by_all([f"{n} {rule} {n}{n} {rule} {n}" for n in range(4)]) == 7
    assert shared_by_all([f"{n} " + f"{rule} {n} " * (2 + n) for n in range(4)]) == 0


def parts_without_held_values(times):
    """Of seven parts, three texts each among 25, those that hold no value for a while."""
    forest = Forest(Pool.of([f"Note {n} of the day" for n in range(25)], [[time] for time in times], ""), 3)
    return forest._without_held([np.arange(first, first + 3) for first in range(0, 21, 3)], np.arange(25))


def test_texts_of_known_templates_whose_times_are_not_known_are_no_evidence_that_values_are_held():
    assert len(parts_without_held_values(range(25))) == 0
    assert len(parts_without_held_values([*range(-21, 0), *range(4)])) == 7
