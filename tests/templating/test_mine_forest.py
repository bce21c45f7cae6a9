"""What other sets say about a set, and about a part of one."""

from templating.mining.forest import Forest
from templating.mining.pool import Pool

FIRST = "Sort this letter into one of the many narrow drawers of the oldest desk in the room."
ADDED = "A letter about money goes to the second drawer at once."
OTHER = "Say which of the five clerks reads this letter, and whether aloud or not."


def test_what_explains_a_set_does_not_explain_the_version_inside_that_holds_together():
    # Given three versions: the second adds a sentence, the third has another one in place of the first
    heads = [FIRST, f"{FIRST} {ADDED}", f"{OTHER} {ADDED}"]
    texts = [f"{head} Never open it. Letter {n} of {head[0]}{n}" for head in heads for n in range(4)]
    forest = Forest(Pool.of(texts, [[n] for n in range(len(texts))], ""), 3)
    at = next(i for i, one in enumerate(forest.sets) if len(one.members) == len(texts))
    # I expect that parts of all texts share more than all do, and that nothing parts the texts of the first version
    assert forest.explained(at, 8) == 1.0
    assert forest.explained(at, 8, among=[0, 1, 2, 3]) == 0.0
