"""mine(): the entry of template mining; turns texts back into indices of the caller's prompts."""

from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from itertools import accumulate, compress
from types import MappingProxyType
from typing import NamedTuple

from templating.collecting import uncollected
from templating.memory import first_moment
from templating.mining.anew import Anew, with_prompts
from templating.mining.answer import Group
from templating.mining.budget import Budget
from templating.mining.data import are_varied
from templating.mining.known import examples
from templating.mining.quantities import FEW, FEWEST_ALIKE
from templating.mining.result import Mined, MiningResult, Options
from templating.mining.rounds import Rounds
from templating.template import Template

DEFAULTS = Options()


def mine(
    prompts: Sequence[str],
    options: Options = DEFAULTS,
    known: Sequence[Template] = (),
    sessions: Sequence[Hashable | None] | None = None,
) -> MiningResult:
    """Templates behind prompts.

    prompts: oldest first. Their order is used only as time: versions of an edit follow each other, optional parts mix.
    sessions: per prompt its run or conversation; None: unknown, so the prompt is a session of its own. The calls of one
    session are one witness of fixed text and of edits. One session for all prompts counts as none.
    known: earlier templates. A prompt that a known template matches is ungrouped with reason "known" and not mined again,
    unless a group supersedes this template: then the prompt is a member of the group.
    A prompt that fits several groups is in the most specific one, as in `Matcher`. mine([]) is empty. Equal arguments
    give equal results in every process, unless max_seconds ends the call.
    Raises TypeError, naming the index, for a prompt that is no str; ValueError for sessions of another length.
    """
    if sessions is not None and len(sessions) != len(prompts):
        raise ValueError(f"sessions must have one entry per prompt: {len(sessions)} sessions, {len(prompts)} prompts")
    with uncollected():
        return _mine(prompts, options, known, _runs(sessions or ()))


def _runs(sessions: Sequence[Hashable | None]) -> list[int]:
    """Per prompt the index of the first prompt of its session; empty when fewer than two sessions are known."""
    first: dict[Hashable, int] = {}
    runs = [index if session is None else first.setdefault(session, index) for index, session in enumerate(sessions)]
    return runs if len(first) > 1 else []


class _Prompts(NamedTuple):
    """What a search is asked for.

    calls: text -> the indices of its calls. hits: text -> the index of the known template that matches it.
    seen: the other texts, or the newest of these. runs: per call the first call of its run; empty where no run is known.
    """

    calls: Mapping[str, Sequence[int]]
    hits: Mapping[str, int]
    seen: Set[str]
    runs: Sequence[int]


def _mine(prompts: Sequence[str], options: Options, known: Sequence[Template], runs: Sequence[int]) -> MiningResult:
    """`mine` with runs in the place of sessions, as `_runs` gives them."""
    budget = Budget(options.max_seconds, options.should_stop)
    calls = _calls(prompts, budget)
    hits = _hits(calls, known, options, budget)
    seen = _seen([text for text in calls if text not in hits], calls, options)
    asked = _Prompts(calls, hits, seen, runs)
    anew = Anew(known, len(seen), options.barrier)
    groups = _search(asked, anew, options, budget)
    gone = {number for group in groups for number in group.supersedes}
    freed = [text for text, number in hits.items() if number in gone]
    groups = with_prompts(groups, freed, budget.spent)
    asked = asked._replace(hits={text: number for text, number in hits.items() if number not in gone}, seen={*seen, *freed})
    members = {text: its for text, its in calls.items() if text not in asked.hits}
    result = MiningResult(_all_mined(groups, members, anew, budget), *_others(groups, members, asked, options, budget))
    anew.note_search()
    return result


def _search(asked: _Prompts, anew: Anew, options: Options, budget: Budget) -> list[Group]:
    """The groups of the prompts, with the known templates that they supersede."""
    if not anew.numbers:
        return _groups(asked, anew.others, options, budget)
    calls = anew.before({text: its for text, its in asked.calls.items() if asked.hits.get(text) not in anew.numbers})
    hits = {text: number for text, number in asked.hits.items() if number not in anew.numbers and text not in anew.prompts}
    prompts = _Prompts(calls, hits, {*anew.prompts, *asked.seen}, anew.runs_before(asked.runs))
    return anew.judge(_groups(prompts, anew.others, options, budget))


def _groups(prompts: _Prompts, known: Sequence[tuple[int, Template]], options: Options, budget: Budget) -> list[Group]:
    """The groups of one search for each number of barriers."""
    groups: list[Group] = []
    for barriers, calls in _by_barriers(prompts.calls, options.barrier, budget).items():
        hits = {text: prompts.hits[text] for text in calls if text in prompts.hits} if prompts.hits else {}
        fresh = [text for text in calls if text not in hits] if hits else list(calls)
        alike = [(i, t) for i, t in known if sum(_barriers(text, options.barrier) for text in t.literals) == barriers]
        rounds = Rounds(calls, alike, options, budget, prompts.runs)
        rounds.run([text for text in fresh if text in prompts.seen])
        groups += rounds.groups(fresh, hits)
    return groups


def _calls(prompts: Sequence[str], budget: Budget) -> dict[str, list[int]]:
    """text -> the indices of its calls."""
    calls = defaultdict[str, list[int]](list)
    for index, prompt in enumerate(budget.over(prompts)):
        if not isinstance(prompt, str):
            raise TypeError(f"prompts[{index}] must be a str, not {type(prompt).__name__}")
        calls[prompt].append(index)
    return dict(calls)


def _hits(texts: Iterable[str], known: Sequence[Template], options: Options, budget: Budget) -> dict[str, int]:
    """text -> the index of the known template that matches it."""
    if not known:
        return {}
    from templating.matcher import Matcher  # imported here: a first search needs no matcher

    matcher = Matcher(known, barrier=options.barrier, remembers=False)
    hits = {}
    for text in texts:
        budget.spent()  # matching goes on when time is up, since its answer is exact; but should_stop is called
        hit = matcher.match(text)
        if hit is not None:
            hits[text] = hit.index
    return hits


def _seen(fresh: list[str], calls: Mapping[str, list[int]], options: Options) -> set[str]:
    """The texts in which templates are looked for: all, or the newest if there are more than max_prompts calls."""
    if options.max_prompts is None:
        return set(fresh)
    ages = accumulate(len(calls[text]) for text in reversed(fresh))
    return {text for text, age in zip(reversed(fresh), ages, strict=True) if age <= options.max_prompts}


def _by_barriers(calls: Mapping[str, Sequence[int]], barrier: str, budget: Budget) -> dict[int, Mapping[str, Sequence[int]]]:
    """The texts with their calls by the number of their barriers: no template fits texts of two numbers."""
    kinds: dict[int, Mapping[str, Sequence[int]]] = {}
    numbers = [_barriers(text, barrier) for text in budget.over(calls)]
    for number in dict.fromkeys(numbers):
        kinds[number] = dict(compress(calls.items(), map(number.__eq__, numbers)))
    return kinds


def _barriers(text: str, barrier: str) -> int:
    return text.count(barrier) if barrier and barrier in text else 0  # `in` is faster than `count` for a text without barriers


def _others(
    groups: Iterable[Group], members: Container[str], asked: _Prompts, options: Options, budget: Budget
) -> tuple[Mapping[int, str], bool]:
    """(the reason of each prompt in no group, whether all prompts were seen)"""
    stopped = budget.spent()
    placed = {text for group in groups for text, _ in group.rows if text in members}
    reasons = {}
    for text in budget.over(asked.calls.keys() - placed):
        looked = text in asked.seen and not stopped
        reasons[text] = "known" if text in asked.hits else _reason(text, looked, options.barrier)
    ungrouped = dict(sorted((i, reason) for text, reason in reasons.items() for i in asked.calls[text]))
    complete = not stopped and len(asked.seen) + len(asked.hits) == len(asked.calls)
    return MappingProxyType(ungrouped), complete


def _reason(text: str, looked: bool, barrier: str) -> str:
    """The key of REASONS for a text that is in no group and that no known template matches."""
    if not text.replace(barrier, "").strip():
        return "blank"
    return "alone" if looked else "unseen"


def _all_mined(groups: Sequence[Group], members: Mapping[str, Sequence[int]], anew: Anew, budget: Budget) -> tuple[Mined, ...]:
    """The groups as the caller sees them, with templates that remember prompts. members: text -> calls that may be in a group."""
    start = first_moment()
    mined = (_mined(group, members, anew, start, budget) for group in groups)
    return tuple(sorted(mined, key=lambda group: (-len(group.members), group.members[:1])))


def _mined(group: Group, members: Mapping[str, Sequence[int]], anew: Anew, start: int, budget: Budget) -> Mined:
    """start: the moment of the first prompt of the search."""
    rows, moments, size = list[tuple[int, tuple[str, ...]]](), dict[str, int](), 0
    for text, values in budget.over(group.rows):
        its = members.get(text, ())
        rows += [(i, values) for i in its]
        moments[text] = anew.moments[text] if text in anew.moments else start + its[0]
        size += len(text) * len(its)
    rows.sort()
    template = _named(group.template, [values for _, values in group.rows])
    texts = [*group.examples, *sorted(moments, key=moments.__getitem__)]
    return Mined(
        replace(template, examples=examples(template, texts), memory=anew.memory(group, moments)),
        [i for i, _ in rows],
        [values for _, values in rows],
        supersedes=tuple(sorted(group.supersedes)),
        fixed_share=group.template.fixed * len(rows) / max(1, size),
        bits_saved=group.bits * max(0, len(rows) - 1),
    )


def _named(template: Template, rows: Sequence[Sequence[str]]) -> Template:
    """The template with slots var_0, var_1 ... by first place; a variable that stands at two places has one name. rows: the values of every member."""
    slots, count = list[str](), 0
    # Columns are hashed by their first values: hashing a whole column would read all text of the members.
    seen: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
    for column in zip(*rows, strict=True):
        alike = seen.setdefault(column[:FEW], {}) if are_varied(column, FEWEST_ALIKE) else {}
        name = next((name for name, other in alike.items() if other == column), None)
        if name is None:
            name = f"var_{count}"
            alike[name], count = column, count + 1
        slots.append(name)
    return Template(template.literals, tuple(slots))
