"""Skeletons: the template of a set of texts. A few texts are aligned; texts that do not fit the result are added to the alignment."""

from collections.abc import Sequence
from math import log2
from typing import NamedTuple

import numpy as np

from templating.matching import fit
from templating.mining.alignment import STEPS_PER_TICK, Aligner, Anchor
from templating.mining.borders import around_moments, settled
from templating.mining.inside import outside
from templating.mining.pool import Pool
from templating.mining.sampling import spread
from templating.mining.shared_text import trim
from templating.template import Template

ALIGNED_TEXTS = 14  # most texts that are aligned; all others are only matched against the result
BITS_THAT_HOLD = 10.0  # least bits of fixed text at an end: one word
UNITS_THAT_HOLD = 5  # least units that count as BITS_THAT_HOLD, whatever the units are
MOST_REMEMBERED_TEXTS = 32  # most texts of a set that is aligned once in a call: wider sets are seldom in two pools
MOST_REMEMBERED_SETS = 1 << 11  # most such sets, at the size of a template each; then all are dropped, which costs time only
MOST_MENDS = 4  # most times that misfits are added to the aligned texts


class Skeleton(NamedTuple):
    """A template with the texts of a set that fit it.

    members: ascending numbers of these texts in the pool. values: per member. bits: what the fixed text saves per member.
    held: whether a part of the prompt begins or ends with fixed text of BITS_THAT_HOLD or more.
    """

    template: Template
    members: list[int]
    values: list[tuple[str, ...]]
    bits: float
    held: bool

    @property
    def is_open(self) -> bool:
        """Whether the beginning, or the end, has no word of fixed text."""
        return not all(any(map(str.isalnum, self.template.literals[end])) for end in (0, -1))


def skeleton(pool: Pool, members: Sequence[int]) -> Skeleton | None:
    """The template of these texts of the pool, or None when they share nothing but white space, or some texts less than half of what others share.

    Few texts are aligned once in a call of `mine`: another pool of the call has hardly another worth of their units. Other sets are
    aligned once in a pool. Raises SpentError when time is up before it is found.
    """
    aligned = pool.aligned if len(members) > MOST_REMEMBERED_TEXTS else pool.splits.aligned
    texts = tuple(pool.texts[member] for member in members)
    if texts not in aligned:
        if len(aligned) >= MOST_REMEMBERED_SETS:
            aligned.clear()
        best = _aligned(pool, members)
        aligned[texts] = None if best is None else (best.template, best.bits, best.held)
        return best
    before = aligned[texts]
    if before is None:
        return None
    template, bits, held = before
    rows = _fitting(template.literals, pool, members)
    return Skeleton(template, [m for m, _ in rows], [v for _, v in rows], bits, held)


def _aligned(pool: Pool, members: Sequence[int]) -> Skeleton | None:
    """`skeleton`, worked out."""
    witnesses = spread(members, ALIGNED_TEXTS)
    best: Skeleton | None = None
    for _ in range(MOST_MENDS):
        now = _fitted(pool, witnesses, members)
        if now is None or (best is not None and now.bits < best.bits / 2):
            return None  # the texts are of several templates; which of the texts were aligned first is chance
        best = now
        fitting = set(now.members)
        misfits = [m for m in members if m not in fitting]
        if not misfits:
            return best
        witnesses = sorted({*witnesses, *spread(misfits, ALIGNED_TEXTS // 2)})
    return best


def bits_at_ends(pool: Pool, members: Sequence[int]) -> float:
    """The most bits of fixed text that a template of all these texts can have at an end of a part, up to BITS_THAT_HOLD; only the ends are compared."""
    most, (heads, tails) = 0.0, pool.outermost
    for part in range(pool.parts):
        first, last = members[0] * pool.parts + part, members[-1] * pool.parts + part
        for outermost, step in ((heads, 1), (tails, -1)):
            if outermost[first] == outermost[last]:
                most = max(most, _shared_bits(pool, np.array(members) * pool.parts + part, step))
                if most >= BITS_THAT_HOLD:
                    return BITS_THAT_HOLD
    return most


def _shared_bits(pool: Pool, rows: np.ndarray, step: int) -> float:
    """Bits of the outermost units that all these rows share at their beginning (step 1) or end (-1); the outermost unit may lack its blank."""
    first, last = pool.rows.first[rows], pool.rows.last[rows]
    size, places = min(UNITS_THAT_HOLD, int((last - first).min())), first if step > 0 else last - 1
    span = places[:, None] + step * np.arange(size)
    codes, bare = pool.rows.codes[span], pool.rows.bare[span]
    same = (codes == codes[0]).all(axis=0)
    if step > 0:
        same[:1] = (bare[:, :1] == bare[0, :1]).all()
    run = int(same.argmin()) if size and not same.all() else size
    if step < 0 and run < size:
        run += int((bare[:, run] == bare[0, run]).all())
    return float(pool.bits[span[0, :run]].sum())


def _fitted(pool: Pool, witnesses: Sequence[int], members: Sequence[int]) -> Skeleton | None:
    """The template of the witnesses with the members that it fits; None when the witnesses share nothing but white space and barriers."""
    literals, bits, held = _literals(pool, witnesses)
    rows = _fitting(literals, pool, members) if _has_text(literals, pool.barrier) else []
    outer = outside(literals, [values for _, values in rows], pool.go_on)
    if not _has_text(outer, pool.barrier):
        return None
    if len(outer) < len(literals):
        rows = _fitting(outer, pool, members)
        bits *= sum(map(len, outer)) / sum(map(len, literals))
    for move in (around_moments, settled):
        moved = move(outer, [values for _, values in rows], pool.go_on)
        if moved != outer and _has_text(moved, pool.barrier):
            outer, rows = moved, _fitting(moved, pool, members)
    return Skeleton(template_of(outer), [m for m, _ in rows], [v for _, v in rows], bits, held)


def template_of(literals: tuple[str, ...]) -> Template:
    """The template of these literals, with unnamed slots."""
    return Template(literals, tuple(f"var_{i}" for i in range(len(literals) - 1)))


def _has_text(literals: Sequence[str], barrier: str) -> bool:
    """Whether the literals hold more than white space and barriers, which every prompt of several parts has."""
    return any(literal.replace(barrier, "").strip() for literal in literals)


def _fitting(literals: tuple[str, ...], pool: Pool, members: Sequence[int]) -> list[tuple[int, tuple[str, ...]]]:
    """The texts that these literals fit, with their values; no value holds a barrier, since all barriers are in literals."""
    fits = ((m, fit(literals, pool.texts[m])) for m in members)
    return [(m, values) for m, values in fits if values is not None]


def _literals(pool: Pool, witnesses: Sequence[int]) -> tuple[tuple[str, ...], float, bool]:
    """(literals over all parts, their worth in bits, whether a part begins or ends with one)"""
    literals, bits, held = [""], 0.0, False
    rows = np.array(witnesses) * pool.parts
    aligner = Aligner(pool.rows, pool.bits, pool.go_on)
    for part in range(pool.parts):
        first, last = pool.rows.first[rows + part], pool.rows.last[rows + part]
        texts = [pool.part(m, part) for m in witnesses]
        anchors = aligner.align(first, last, texts[0])
        own = _cut(anchors, pool, texts)
        bits += _worth(aligner, anchors, first, last)
        pool.go_on()
        held |= any(aligner.worth(a) >= BITS_THAT_HOLD for a in anchors if (a.starts == first).all() or (a.ends == last).all())
        literals[-1] += (pool.barrier if part else "") + own[0]
        literals += own[1:]
    return tuple(literals), bits, held


def _worth(aligner: Aligner, anchors: list[Anchor], first: np.ndarray, last: np.ndarray) -> float:
    """Bits that the fixed text saves per member: its own bits, less the bits of its positions."""
    total = 0.0
    for i, anchor in enumerate(anchors):
        before = anchor.starts - (anchors[i - 1].ends if i else first)
        after = (anchors[i + 1].starts if i + 1 < len(anchors) else last) - anchor.ends
        edge = (i == 0 and not before.any()) or (i + 1 == len(anchors) and not after.any())
        total += max(0.0, aligner.worth(anchor) - (0.0 if edge else log2(1 + float((before + after).mean()))))
    return total


def _cut(anchors: list[Anchor], pool: Pool, texts: list[str]) -> list[str]:
    """The literals of one part: the anchors' texts, each extended outward to the last border on which all texts agree."""
    rows = pool.rows
    spans = [((rows.starts[a.starts] + rows.blanks[a.starts]).tolist(), rows.starts[a.ends].tolist()) for a in anchors]
    literals, begins = [""], [0] * len(texts)
    ends_at = [len(t) for t in texts]
    for number, (heads, tails) in enumerate([*spans, (ends_at, ends_at)]):
        if number % STEPS_PER_TICK == 0:
            pool.go_on()
        values = [t[b:h] for t, b, h in zip(texts, begins, heads, strict=True)]
        before, after, gap = trim(values)
        literals[-1] += before
        tail = after + texts[0][heads[0] : tails[0]]
        if gap:
            literals.append(tail)
        else:
            literals[-1] += tail
        begins = tails
    return literals
