"""The quality of a grouping, against the known truth.

A group is two or more traces to which a miner gives one template; any other trace is ungrouped.

- round trip: share of grouped traces that template and values render exactly, byte for byte.
- pair F1: over all pairs of traces, "same template" predicted against true. Large templates weigh most.
- template F1: over templates, each weighing the same. A group counts only when it holds exactly the traces of a template,
  its fixed text is that of the template up to where a slot's border lies, and every trace renders back.
- coverage: share of templated traces that are in some group. noise recall: share of free texts that are in none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.corpora import Corpus


class Group(NamedTuple):
    """A miner's group: literals, members (indices of traces), and for each member its values by place."""

    literals: tuple[str, ...]
    members: Sequence[int]
    rows: Sequence[Sequence[str]]


class Score(NamedTuple):
    round_trip: float
    pair_f1: float
    template_f1: float
    coverage: float
    noise_recall: float


def render(literals: Sequence[str], row: Sequence[str]) -> str:
    return literals[0] + "".join(value + text for value, text in zip(row, literals[1:], strict=True))


def skeleton(literals: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The literals in a normal form: equally right answers become equal.

    - A text with which all values of a slot begin or end counts as fixed text; a slot with one value vanishes.
    - A border that could lie in several places goes as far right as possible: "a." + "" + "b" and "a." + "c." + "b"
      do not tell whether the optional part is "c." or ".c".
    - White space at the border of a slot is dropped.
    """
    texts = [literals[0]]
    for values, text in zip(zip(*rows, strict=True), literals[1:], strict=True):
        head = _shared_start(values)
        rests = [value[len(head) :] for value in values]
        tail = _shared_start([remainder[::-1] for remainder in rests])[::-1]
        texts[-1] += head
        if any(rests):
            right = _turns([remainder.removesuffix(tail) for remainder in rests], tail + text)
            texts[-1] += (tail + text)[:right]
            texts.append((tail + text)[right:])
        else:
            texts[-1] += text
    if len(texts) == 1:
        return (texts[0],)
    inner = (text.strip() for text in texts[1:-1])
    return (texts[0].rstrip(), *(text for text in inner if text), texts[-1].lstrip())


def _turns(values: Sequence[str], after: str) -> int:
    """The characters by which the border can move to the right: while every non-empty value begins as the text after the slot does."""
    present = [value for value in values if value]
    turns = 0
    while turns < len(after) - 1 and all((value + after)[turns] == after[turns] for value in present):
        turns += 1
    return turns


def _shared_start(values: Sequence[str]) -> str:
    """The common prefix of all values: that of the smallest and the largest, since all others lie between these two."""
    low, high = min(values), max(values)
    return low[: next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))]


def score(corpus: Corpus, answer: Iterable[Group]) -> Score:
    groups = [group for group in answer if len(group.members) > 1]
    rendering = [_renders(corpus, group) for group in groups]
    owner = {i: number for number, group in enumerate(groups) for i in group.members}
    truth = _members(corpus)
    right = sum(all(good) and _is_template(corpus, truth, group) for group, good in zip(groups, rendering, strict=True))
    free = [i for i, trace in enumerate(corpus.traces) if trace.template is None]
    templated = len(corpus.traces) - len(free)
    return Score(
        round_trip=_share(sum(map(sum, rendering)), sum(map(len, rendering))),
        pair_f1=_pair_f1(corpus, owner),
        template_f1=_f1(right, len(groups), len(truth)),
        coverage=_share(sum(corpus.traces[i].template is not None for i in owner), templated),
        noise_recall=_share(sum(i not in owner for i in free), len(free)),
    )


def _members(corpus: Corpus) -> Mapping[str, list[int]]:
    members = defaultdict(list)
    for i, trace in enumerate(corpus.traces):
        if trace.template is not None:
            members[trace.template].append(i)
    return members


def _renders(corpus: Corpus, group: Group) -> list[bool]:
    return [
        render(group.literals, row) == corpus.traces[i].text for i, row in zip(group.members, group.rows, strict=True)
    ]


def _is_template(corpus: Corpus, truth: Mapping[str, list[int]], group: Group) -> bool:
    """Whether the group is exactly one true template: the same traces and the same fixed text."""
    name = corpus.traces[group.members[0]].template
    if name is None or set(truth[name]) != set(group.members):
        return False
    true_rows = [corpus.traces[i].values for i in group.members]
    return skeleton(group.literals, group.rows) == skeleton(corpus.literals[name], true_rows)


def _pair_f1(corpus: Corpus, owner: Mapping[int, int]) -> float:
    true = Counter(trace.template for trace in corpus.traces if trace.template is not None)
    mined_sizes = Counter(owner.values())
    common_sizes = Counter(
        (corpus.traces[i].template, group) for i, group in owner.items() if corpus.traces[i].template is not None
    )
    return _f1(_pairs(common_sizes), _pairs(mined_sizes), _pairs(true))


def _pairs(counts: Counter) -> int:
    return sum(n * (n - 1) // 2 for n in counts.values())


def _f1(right: int, mined: int, true: int) -> float:
    return _share(2 * right, mined + true)


def _share(part: float, total: float) -> float:
    """part / total; 1 for an empty total: a scenario without noise has perfect noise recall."""
    return part / total if total else 1.0
