"""Witnesses: the runs of agents (sessions). All calls of one run are one witness of a template's fixed text.

All calls of a run hold its goal, its plan, the beginning of its history. So a text of only one run is not fixed text. If two or three runs
have each a text of their own, these may be values, or the bodies of several templates behind one preamble; a fourth run decides, as the
fourth text at an edited place does.
"""

from collections.abc import Callable, Mapping, Sequence

from templating.mining.borders import shared_length
from templating.mining.mixture import is_open
from templating.mining.quantities import FEW, FEWEST_EDGE_WORDS, FEWEST_WORDS_OF_A_BODY, GREAT_MAJORITY, MOST_EDIT_TEXTS
from templating.template import Template


class Witnesses:
    """The test whether sets of texts come from enough runs."""

    def __init__(self) -> None:
        self._kinds: list[dict[str, str]] = []

    def are_enough(self, template: Template, rows: Mapping[str, Sequence[str]], runs_of: Callable[[str], Sequence[int]]) -> bool:
        """Whether the texts of a template come from enough runs to tell fixed text from a value that a run holds.

        rows: text -> its values. runs_of: text -> the runs of its calls.
        False also for texts of several kinds of which an earlier set came from too few runs.
        """
        by_run: dict[int, list[str]] = {}
        for text in rows:
            for run in set(runs_of(text)):
                by_run.setdefault(run, []).append(text)
        if len(by_run) == 1 or self._are_of_several_kinds(rows):
            return False
        runs = [its for its in by_run.values() if len(its) > 1]
        if sum(map(len, runs)) < GREAT_MAJORITY * sum(map(len, by_run.values())):
            return True
        return not self._are_bodies(template, rows, runs)

    def _are_of_several_kinds(self, rows: Mapping[str, Sequence[str]]) -> bool:
        met = (kinds for kinds in self._kinds if not kinds.keys().isdisjoint(rows))
        return any(len({kinds.get(text, "") for text in rows}) > 1 for kinds in met)

    def _are_bodies(self, template: Template, rows: Mapping[str, Sequence[str]], runs: Sequence[Sequence[str]]) -> bool:
        """Whether a slot at an end, where templates behind one preamble have their bodies, holds a text for each of a few runs."""
        for place in (place for place in range(len(template.slots)) if is_open(template, place)):
            held = _held([[rows[text][place] for text in its] for its in runs])
            if held:
                self._kinds.append({text: kind for kind, its in zip(held, runs, strict=True) for text in its})
                return True
        return False


def _held(columns: Sequence[Sequence[str]]) -> list[str]:
    """Per run its own text with which all its values begin, or end; empty unless nearly all texts have one, and there are few runs."""
    for turn in (1, -1):
        held = [_shared([value[::turn] for value in column]) for column in columns]
        own = sum(len(column) for text, column in zip(held, columns, strict=True) if text)
        if 1 < len(set(held) - {""}) <= MOST_EDIT_TEXTS and len(columns) <= FEW and own >= GREAT_MAJORITY * sum(map(len, columns)):
            return held
    return []


def _shared(values: Sequence[str]) -> str:
    """The first words of a text with which all values begin; nothing when it is short."""
    words = values[0][: shared_length(values)].split(None, FEWEST_WORDS_OF_A_BODY)[:FEWEST_WORDS_OF_A_BODY]
    return " ".join(words[:FEWEST_EDGE_WORDS]) if len(words) == FEWEST_WORDS_OF_A_BODY else ""
