"""The worth of each rule of the miner: the template F1 of every corpus without the rule.

    python -m benchmarks.ablation [--rule NAME ... | --constants] [--scenario NAME ...] [--seed 1 ...]

Prints one Markdown table with a line per rule: the template F1 that each corpus loses without the rule (mean over the seeds; negative:
the corpus gains), mined at once and, for two corpora, in parts of their calls, warm and as a stream of batches, and the share of the
frameworks' templates that is no longer found exactly (`benchmarks.frameworks`).
A rule is worth keeping where a corpus loses .005 or more. --constants: the same for half and for twice the value of each number.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from statistics import mean
from typing import Any
from unittest.mock import patch

from benchmarks import mining
from benchmarks.corpora import SCENARIOS, Corpus, corpus
from benchmarks.frameworks import compare
from benchmarks.score import score
from templating import mining as package
from templating.mining import alignment, ends, families, forest, one_round, revising, rounds, search, siblings, skeleton

Off = Sequence[tuple[Any, str, object]]
WAYS: Mapping[str, tuple[str, mining.Miner]] = {
    "medium, warm": ("medium", mining.warm),
    "versions, stream": ("versions", mining.stream),
}

PARTS: Mapping[str, slice] = {"every second call": slice(None, None, 2), "the first 200 calls": slice(200)}
"""Parts of a corpus on which a rule may be worth more than on the whole: what is right only for one number of calls is chance."""
PARTED = ("medium", "versions")

LARGE = {"large"}
"""Takes a quarter of an hour for all rules."""


def _constant(value: object) -> Callable[..., object]:
    return lambda *_, **__: value


def _identity(first: object, *_: object, **__: object) -> object:
    return first


def _second(_: object, two: object, *__: object) -> object:
    return two


def _no_ends(literals: Sequence[str], *_: object) -> list[bool]:
    return [False] * (len(literals) - 1)


def _label_wherever_it_stands(_: object, __: int, values: Sequence[str], *words_held: Container[str]) -> int:
    return siblings._label(values, *words_held)


RULES: Mapping[str, Off] = {
    "separators": [(revising, "parted", _identity)],
    "inside": [(skeleton, "outside", _identity)],
    "borders": [(skeleton, "settled", _identity)],
    "filing": [(rounds.Rounds, "_look_at_families", _second)],
    "mixture": [(search, "is_mixture", _constant(False))],
    "siblings": [(search, "siblings", _constant(None))],
    "instructions": [(search, "instructions", _constant(None))],
    "going on": [(search, "continued", _constant(None))],
    "behind a system text": [(search.Search, "_behind_a_system_text", _constant(None))],
    "closing": [(search, "closing", _constant(None))],
    "sections": [(siblings.Places, "_have_a_section", _constant(False))],
    "cited": [(forest, "CITED_GRAMS_SHARE", 1e9)],
    "a passage moves": [(siblings.Places, "_fixed_words", _label_wherever_it_stands)],
    "frame": [(siblings.Places, "have_frame", _constant(False))],
    "otherwise": [(siblings.Places, "say_otherwise", _constant(False))],
    "preamble": [(search.Search, "_is_preamble", _constant(False))],
    "held": [(forest.Forest, "_without_held", _second)],
    "examples": [(families, "_examples", _constant(""))],
    "edits": [(search, "versions", lambda _, skeleton, __: [skeleton.members])],
    "values of versions": [(families.Held, "has", _constant(False))],
    "held, not edited": [(families, "MOST_EDIT_RETURNS", 1 << 30)],
    "versions of few calls": [(families, "_are_outermost", _constant(False))],
    "data": [(siblings, "are_data", _no_ends), (families, "are_data", _no_ends)],
    "edits beside a slot": [(families, "_edges", _constant(()))],
    "kept sentences": [(families, "_are_rewritten", _constant(False))],
    "roll-out": [(families.Calls, "begin_or_end", _constant(0.0))],
    "words put in": [(families, "_grows", _constant(False))],
    "edits of all texts": [(revising, "part_by_edits", _constant([]))],
    "crossed ends": [(ends.Ends, "are_crossed", _constant(False))],
    "crossed sets": [(search.Search, "_is_crossed", _constant(False))],
    "near": [(forest.Forest, "far", _constant(frozenset()))],
    "rests": [(search.Search, "_rests", _constant([]))],
    "second look": [(rounds, "look_again", _constant([]))],
    "loose": [(search, "BITS_OF_A_LOOSE_TEMPLATE", 0.0)],
    "marks": [(search, "_is_marks", _constant(False))],
    "whole": [(search, "GREAT_MAJORITY", 2.0)],
    "behind quotes": [(alignment.Aligner, "_behind_quotes", _constant([]))],
    "label": [(alignment.Aligner, "_is_between_blanks", _constant(False))],
    "last line": [(search, "_begin_last_line", _constant(False))],
    "joining": [(rounds, "join", _constant(None))],
    "all held": [(forest, "BITS_BEYOND_CHANCE", 1e9)],
    "told apart": [(one_round.Round, "_joins", _constant(False))],
}


def constants() -> Iterator[tuple[str, Off]]:
    """(name, what to change) for half and for twice the value of each number of the miner, in all modules that use the number."""
    modules = [import_module(f"{package.__name__}.{module.name}") for module in iter_modules(package.__path__)]
    numbers = {name: value for module in modules for name, value in vars(module).items() if _is_number(name, value)}
    for name, value in numbers.items():
        for factor in (0.5, 2):
            changed = type(value)(value * factor)
            yield f"{name} {changed}", [(module, name, changed) for module in modules if hasattr(module, name)]


def _is_number(name: str, value: object) -> bool:
    return name.isupper() and type(value) in (int, float)


SWITCHES = {**RULES, **dict(constants())}


@contextmanager
def without_rule(rule: str) -> Iterator[None]:
    """The miner without one rule, or with a changed number; "" leaves all rules on."""
    with ExitStack() as stack:
        for owner, name, value in SWITCHES.get(rule, ()):
            stack.enter_context(patch.object(owner, name, value))
        yield


def template_f1(corpus: Corpus, miner: mining.Miner = mining.cold) -> float:
    return score(corpus, miner([trace.text for trace in corpus.traces])).template_f1


def exact_of_frameworks() -> float:
    """The share of the frameworks' own templates that are found exactly."""
    words = Counter(verdict.word for verdict in compare.verdicts(compare.recorded()))
    return words["exact"] / sum(words.values())


def figures(rule: str, corpora: Mapping[str, Sequence[Corpus]]) -> dict[str, float]:
    with without_rule(rule):
        means = {name: mean(map(template_f1, corpus)) for name, corpus in corpora.items()}
        for way, (name, miner) in WAYS.items():
            if name in corpora:
                means[way] = mean(template_f1(corpus, miner) for corpus in corpora[name])
        return means | {"frameworks": exact_of_frameworks()}


def table(rules: Sequence[str], corpora: Mapping[str, Sequence[Corpus]]) -> Iterator[str]:
    all_rules = figures("", corpora)
    yield f"| without | {' | '.join(all_rules)} |"
    yield f"|{'---|' * (1 + len(all_rules))}"
    yield f"| nothing | {' | '.join(f'{value:.3f}' for value in all_rules.values())} |"
    for rule in rules:
        costs = [all_rules[name] - value for name, value in figures(rule, corpora).items()]
        yield f"| {rule} | {' | '.join(f'{cost:+.3f}' if abs(cost) >= 0.0005 else '' for cost in costs)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", nargs="+", choices=RULES, default=list(RULES))
    parser.add_argument("--constants", action="store_true")
    parser.add_argument(
        "--scenario", nargs="+", choices=SCENARIOS, default=[name for name in SCENARIOS if name not in LARGE]
    )
    parser.add_argument("--seed", nargs="+", type=int, default=[1, 2])
    options = parser.parse_args()
    corpora = {name: [corpus(name, seed) for seed in options.seed] for name in options.scenario}
    corpora |= {
        f"{name}, {part}": [replace(of_all, traces=of_all.traces[kept_calls]) for of_all in corpora[name]]
        for name in PARTED
        if name in corpora
        for part, kept_calls in PARTS.items()
    }
    for line in table(list(dict(constants())) if options.constants else options.rule, corpora):
        print(line, flush=True)


if __name__ == "__main__":
    main()
