"""What the runs of agents (sessions) say about a template: the calls of one run are one witness.

A run holds its goal, its plan, the beginning of its history.  What only one run shows is not fixed text; what two or three runs have, each its
own, may be what several templates behind one preamble say, until a fourth comes: the same number that makes a slot of an edit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from templating.mining.borders import shared_length
from templating.mining.families import MOST_EDIT_TEXTS

WORDS_OF_A_RUNS_BODY = 8  # words with which the values of a run begin, or end, to be a body
EQUAL_WORDS_OF_RUNS = 2  # of these that are the same in runs of one template
MOST_RUNS = 8  # runs; of more it is values that begin alike
HOLDING_SHARE = 0.8  # of the texts are of runs that hold something of their own at a place


class Witnesses:
    """What the runs say about sets of texts."""

    def __init__(self) -> None:
        self._kinds: list[dict[str, str]] = []

    def are_enough(
        self, rows: Mapping[str, Sequence[str]], places: Iterable[int], runs_of: Callable[[str], Sequence[int]]
    ) -> bool:
        """Whether the texts of a template are of runs enough to tell a value that a run holds from fixed text.

        rows: text -> its values.  places: those at an end, where templates behind one preamble have their bodies.
        runs_of: text -> the runs of its calls.
        What has texts of several kinds, of which a set before was made that was of too few runs, is of too few as well.
        """
        by_run: dict[int, list[str]] = {}
        for text in rows:
            for run in set(runs_of(text)):
                by_run.setdefault(run, []).append(text)
        if len(by_run) == 1 or any(
            len({kinds.get(text, "") for text in rows}) > 1
            for kinds in self._kinds
            if not kinds.keys().isdisjoint(rows)
        ):
            return False
        runs = [its for its in by_run.values() if len(its) > 1]
        if sum(map(len, runs)) < HOLDING_SHARE * sum(map(len, by_run.values())):
            return True
        for place in places:
            held = _held([[rows[text][place] for text in its] for its in runs])
            if held:
                self._kinds.append({text: kind for kind, its in zip(held, runs, strict=True) for text in its})
                return False
        return True


def _held(columns: Sequence[Sequence[str]]) -> list[str]:
    """Per run the text of its own with which its values begin, or end; none unless nearly all have one, and these are few."""
    for turn in (1, -1):
        held = [_shared([value[::turn] for value in column]) for column in columns]
        own = sum(len(column) for text, column in zip(held, columns, strict=True) if text)
        if 1 < len(set(held) - {""}) <= MOST_EDIT_TEXTS and len(columns) <= MOST_RUNS and own >= HOLDING_SHARE * sum(map(len, columns)):
            return held
    return []


def _shared(values: Sequence[str]) -> str:
    """The first words of a text with which all values begin; nothing when it is short."""
    words = values[0][: shared_length(values)].split(None, WORDS_OF_A_RUNS_BODY)[:WORDS_OF_A_RUNS_BODY]
    return " ".join(words[:EQUAL_WORDS_OF_RUNS]) if len(words) == WORDS_OF_A_RUNS_BODY else ""
