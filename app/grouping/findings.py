"""What mining a window comes to: new templates, what they replace, and the call of each.  Pure: no I/O.

A window has calls that no template matches (owed and residue) and, in a review, a sample of calls that a template under
review matches.  Templates under review are not told to the miner, so it looks at their calls with fresh eyes; `_verdict`
then says what the answer means for them.

A new template that is related to a known one may be an edit of it, or show that something varies which never had (a
date): only the calls of both can tell. So the known one is put under review at once, and the window mined again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from app.grouping.lineage import SeenCalls, alive_together, fixed_tokens, kinship
from app.store.calls import Call
from app.store.runs import GroupState
from app.store.templates import StoredTemplate
from app.store.versions import Apart
from templating import Matcher, MiningResult, Options, Template, match, mine, name_slots, slot_kind

MOST_REVIEWED = 20
"""Templates under review at once: more would leave a sample of few calls for each."""


NEWEST, FEWEST_NEWEST = 5, 10
"""The newest fifth of a sample, at least ten calls, is searched for an edit: soon enough to see one by the next review,
enough calls to have little in common by chance."""

SENTENCE_TOKENS, SENTENCE_SIZE = 4, 20
"""Less fixed text than this more is no edit: a day, a language or a tone that has changed is a value."""

MENDING_CALLS, MENDED = 20, 2
"""Fixed text twice as long, in all of at least twenty calls from the whole life of a template, is no whim of the sample;
should it be one, the calls that do not have it are mined again and widen it."""


@dataclass(frozen=True)
class Window:
    """What a run has read. `state`: the group as it was found, with the fence of this run.

    cut: owed calls were left out. residue_read: the residue is in the window, though it may have been empty.
    known: the templates that match calls of the group now; reviewing: those of them that are under review, with
    `reviewed`, a sample of their calls. min_distinct: users or conversations that a template must be found with.
    apart: tasks that stay apart whatever is found.
    """

    state: GroupState
    run_id: UUID
    owed: Sequence[Call]
    cut: bool
    residue: Sequence[Call]
    residue_read: bool
    reviewed: Sequence[Call]
    reviewing: frozenset[UUID]
    known: Sequence[StoredTemplate]
    min_distinct: int = 0
    apart: Apart = field(default_factory=Apart)

    @property
    def calls(self) -> list[Call]:
        return [*self.owed, *self.residue, *self.reviewed]


@dataclass(frozen=True)
class Finding:
    """A new template and the calls that it was found in, oldest first.

    supersedes: stored templates that it takes the place of.
    taken_from: stored templates whose slots held some of its calls until now; they stay.
    kinds: what each slot holds, told from its values.
    """

    template: Template
    calls: Sequence[Call]
    supersedes: frozenset[UUID] = frozenset()
    taken_from: frozenset[UUID] = frozenset()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    kinds: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Placement:
    """The template of a call: a stored one by id, a new one by its place among the findings."""

    call: Call
    template: UUID | int
    variables: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """new: in the order of their first calls. placements: calls whose template is another than before.

    unseen: calls that the miner did not get to before its time was up.
    """

    new: Sequence[Finding]
    placements: Sequence[Placement]
    unseen: frozenset[UUID]


Sampler = Callable[[Collection[UUID]], Sequence[Call]]
"""Gives a sample of the calls of these templates."""


def find(window: Window, options: Options, sample: Sampler) -> tuple[Window, Findings]:
    """Mine a window; answers it as it was in the end, with what came under review on the way."""
    found = _find(window, options)
    known = [stored for stored in window.known if stored.id not in window.reviewing]
    doubtful = {stored.id for stored in related([finding.template for finding in found.new], known, MOST_REVIEWED)}
    if not doubtful:
        return window, found
    window = replace(
        window, reviewing=window.reviewing | doubtful, reviewed=[*window.reviewed, *sample(sorted(doubtful))]
    )
    return window, _find(window, options)


def related(to: Sequence[Template], known: Sequence[StoredTemplate], most: int) -> list[StoredTemplate]:
    """The known templates that are most related to some of these."""
    ranked = [(max((kinship(stored.template, each) for each in to), default=0.0), stored) for stored in known]
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    return [stored for closeness, stored in ranked[: max(0, most)] if closeness > 0]


def _find(window: Window, options: Options) -> Findings:
    ordered = sorted(window.calls, key=lambda call: call.moment)
    proofs = evidence(ordered)
    told = [stored for stored in window.known if stored.id not in window.reviewing]
    reviewed = [stored for stored in window.known if stored.id in window.reviewing]
    mined = mine([call.prompt for call in proofs], options, [stored.template for stored in told])
    new = _judged(_as_findings(mined, proofs, told), reviewed, proofs)
    new = [*new, *_late_edits(new, reviewed, proofs, options)]
    new = [_kept_apart(finding, window) for finding in new if _is_of_enough(finding, window.min_distinct)]
    new, placements = _placed(sorted(new, key=lambda finding: finding.calls[0].moment), window.known, ordered)
    unseen = frozenset(proofs[index].id for index, reason in mined.ungrouped.items() if reason == "unseen")
    return Findings(new, placements, unseen - {placement.call.id for placement in placements})


def _is_of_enough(finding: Finding, authors: int) -> bool:
    """Whether so many users or conversations have what the template holds in every call; those without a name are none."""
    return authors <= 1 or len({call.author for call in finding.calls} - {None}) >= authors


def _kept_apart(finding: Finding, window: Window) -> Finding:
    """It takes the place of templates of tasks that may be one, the oldest first; others stay beside it."""
    task_ids = {stored.id: stored.task_id for stored in window.known}
    kept: list[UUID] = []
    for old in sorted(finding.supersedes):
        if not any(window.apart.keeps(task_ids[old], task_ids[other]) for other in kept):
            kept.append(old)
    return replace(finding, supersedes=frozenset(kept))


def evidence(calls: Sequence[Call]) -> list[Call]:
    """The calls that count as evidence for a template.

    Later turns of an agent repeat the prompt of the first; counted each, one conversation would make a template of
    what a single user wrote. So a follow-up turn counts only when nothing else in the window has its prompt.
    """
    counted = {call.prompt for call in calls if not call.follow_up}
    chosen = []
    for call in calls:
        if not call.follow_up:
            chosen.append(call)
        elif call.prompt not in counted:
            counted.add(call.prompt)
            chosen.append(call)
    return chosen


def _as_findings(mined: MiningResult, proofs: Sequence[Call], told: Sequence[StoredTemplate]) -> list[Finding]:
    prompts = [call.prompt for call in proofs]
    return [
        Finding(
            template=name_slots(group, prompts),
            calls=[proofs[member] for member in group.members],
            supersedes=frozenset(told[index].id for index in group.supersedes),
            evidence={"calls": len(group.members), "fixed_share": group.fixed_share, "bits_saved": group.bits_saved},
            kinds=[_kind(slot) for slot in zip(*group.values, strict=True)],
        )
        for group in mined
    ]


def _kind(values: Sequence[str]) -> dict[str, Any]:
    kind = slot_kind(values)
    return {"kind": kind.kind.value, "values": list(kind.values), "optional": kind.optional}


# Reviews


def _judged(
    findings: Sequence[Finding], reviewed: Sequence[StoredTemplate], proofs: Sequence[Call]
) -> Sequence[Finding]:
    """The findings, after every template under review has had its say about them."""
    for old in reviewed:
        findings = _verdict(findings, old, [call for call in proofs if call.template_id == old.id])
    return findings


def _verdict(findings: Sequence[Finding], old: StoredTemplate, own: Sequence[Call]) -> Sequence[Finding]:
    """What the findings mean for a template under review, whose sampled calls are `own`.

    - The template is found again: it stands; other findings with its calls are edits that it had swallowed.
    - One finding has all its calls and calls besides: a wider template, which takes its place.
    - One finding has all its calls and no others: the sample merely happened to be narrower. Dropped, unless it has so
      much more fixed text that the old one was what a few calls of two prompts had in common.
    - Several findings have all its calls: it was a mixture. The oldest finding takes its place, the others leave it.
    - Some of its calls are in no finding: it stands for those, and findings with more fixed text leave it.
    """
    ids = frozenset(call.id for call in own)
    takers = [finding for finding in findings if any(call.id in ids for call in finding.calls)]
    if any(finding.template == old.template for finding in takers):
        return _changed(findings, takers, lambda taker: None if taker.template == old.template else _leave(taker, old))
    if not takers or not _covered(own, takers):
        return _changed(findings, takers, lambda taker: _leave_if_more_specific(taker, old, ids))
    if len(takers) == 1:
        return _changed(findings, takers, lambda taker: _widen_or_mend(taker, old, len(own)))
    oldest = min(takers, key=lambda taker: taker.calls[0].moment)
    return _changed(findings, takers, lambda taker: _replace(taker, old) if taker is oldest else _leave(taker, old))


def _covered(own: Sequence[Call], takers: Sequence[Finding]) -> bool:
    """Whether every call goes to one of the findings, though it may not have been its evidence."""
    members = {call.id for taker in takers for call in taker.calls}
    others = (call.prompt for call in own if call.id not in members)
    return all(any(match(taker.template, prompt) is not None for taker in takers) for prompt in others)


def _changed(
    findings: Sequence[Finding], takers: Sequence[Finding], change: Callable[[Finding], Finding | None]
) -> list[Finding]:
    changed = [change(finding) if finding in takers else finding for finding in findings]
    return [finding for finding in changed if finding is not None]


def _leave(finding: Finding, old: StoredTemplate) -> Finding:
    return replace(finding, taken_from=finding.taken_from | {old.id})


def _replace(finding: Finding, old: StoredTemplate) -> Finding:
    return replace(finding, supersedes=finding.supersedes | {old.id})


def _widen_or_mend(finding: Finding, old: StoredTemplate, calls: int) -> Finding | None:
    wider = any(match(old.template, call.prompt) is None for call in finding.calls)
    mends = calls >= MENDING_CALLS and fixed_size(finding.template) >= MENDED * fixed_size(old.template)
    return _replace(finding, old) if wider or mends else None


def _leave_if_more_specific(finding: Finding, old: StoredTemplate, own: frozenset[UUID]) -> Finding | None:
    if fixed_size(finding.template) > fixed_size(old.template):
        return _leave(finding, old)
    return finding if any(call.id not in own for call in finding.calls) else None


def fixed_size(template: Template) -> int:
    """Characters of fixed text."""
    return sum(map(len, template.literals))


def _late_edits(
    findings: Sequence[Finding], reviewed: Sequence[StoredTemplate], proofs: Sequence[Call], options: Options
) -> list[Finding]:
    """Edits beside a slot, which read like an optional part when the calls of all times are mined together."""
    taken = {call.id for finding in findings for call in finding.calls}
    edits = []
    for old in reviewed:
        own = [call for call in proofs if call.template_id == old.id]
        edit = None if any(call.id in taken for call in own) else _late_edit(old, own, options)
        edits += [] if edit is None else [edit]
    return edits


def _late_edit(old: StoredTemplate, own: Sequence[Call], options: Options) -> Finding | None:
    """A template of the newest calls alone, if it is an edit of the old one.

    It is when its calls follow the others in time, it has a sentence more, and the slots still vary: a slot that has
    held one value lately is no edit.
    """
    newest = own[-max(FEWEST_NEWEST, len(own) // NEWEST) :]
    if len(own) < 2 * len(newest):
        return None
    mined = mine([call.prompt for call in newest], options)
    if len(mined) != 1 or mined.ungrouped or not _has_a_sentence_more(old.template, mined[0].template):
        return None
    [found] = _as_findings(mined, newest, [])
    calls = [call for call in own if match(found.template, call.prompt) is not None]
    chosen = {call.id for call in calls}
    others = SeenCalls(call.moment for call in own if call.id not in chosen)
    if not others.total() or alive_together(SeenCalls(call.moment for call in calls), others):
        return None
    return _leave(replace(found, calls=calls), old)


def _has_a_sentence_more(old: Template, new: Template) -> bool:
    before, after = fixed_tokens(old), fixed_tokens(new)
    more = len("".join(after)) - len("".join(before))
    return len(new.slots) >= len(old.slots) and len(after) - len(before) >= SENTENCE_TOKENS and more >= SENTENCE_SIZE


# The call of each


def _placed(
    findings: Sequence[Finding], known: Sequence[StoredTemplate], calls: Sequence[Call]
) -> tuple[list[Finding], list[Placement]]:
    """Findings that some call chooses, and the calls whose template changes.

    The matcher decides, as it will for the next call of the same prompt at ingest; so a window and the calls after it
    are read alike, also those that were no evidence.
    """
    superseded = frozenset().union(*(finding.supersedes for finding in findings))
    keys: list[UUID | int] = [stored.id for stored in known if stored.id not in superseded]
    templates = [stored.template for stored in known if stored.id not in superseded]
    matcher = Matcher([*templates, *(finding.template for finding in findings)])
    keys += range(len(findings))
    found = [(call, matcher.match(call.prompt)) for call in calls]
    placements = [Placement(call, keys[hit.index], hit.values) for call, hit in found if hit is not None]
    return _without_idle(
        findings, [placement for placement in placements if placement.template != placement.call.template_id]
    )


def _without_idle(
    findings: Sequence[Finding], placements: Sequence[Placement]
) -> tuple[list[Finding], list[Placement]]:
    """Leave out findings that no call chooses: more specific ones have them all."""
    chosen = {placement.template for placement in placements}
    kept = [place for place, finding in enumerate(findings) if place in chosen or finding.supersedes]
    renumbered: dict[UUID | int, UUID | int] = {old: new for new, old in enumerate(kept)}
    moved = [
        replace(placement, template=renumbered.get(placement.template, placement.template)) for placement in placements
    ]
    return [findings[place] for place in kept], moved
