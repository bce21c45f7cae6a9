"""Mine a window: the new templates of its calls, what they replace, and the template of each call.  Pure: no I/O.

A window has calls that no template matches (owed and residue) and, in a review, a sample of calls that a template under
review matches.  Templates under review are not told to the miner; `app.grouping.reviews` says what the answer means for them.

A new template that is related to a known one may be an edit of it, or show that something varies which never had (a
date): only the calls of both can tell. So the known one is put under review at once, and the window mined again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import templating
from app.grouping.findings import Finding, Findings, Placement, Window, as_findings
from app.grouping.reviews import REVIEWED_TEMPLATES, judged, late_edits, related
from app.store.calls import Call
from app.store.templates import StoredTemplate
from templating import Matcher, Template

if TYPE_CHECKING:
    from templating import MiningResult, Options

Sampler = Callable[[Collection[UUID]], Sequence[Call]]
"""Gives a sample of the calls of these templates."""


def find(window: Window, options: "Options", sample: Sampler) -> tuple[Window, Findings]:
    """Mine a window. Answers the window with the templates that came under review on the way, and the findings."""
    findings = _find(window, options)
    known = [stored for stored in window.known if stored.id not in window.reviewing]
    doubtful = {
        stored.id for stored in related([finding.template for finding in findings.new], known, REVIEWED_TEMPLATES)
    }
    if not doubtful:
        return window, findings
    window = replace(
        window, reviewing=window.reviewing | doubtful, reviewed=[*window.reviewed, *sample(sorted(doubtful))]
    )
    return window, _find(window, options)


def _find(window: Window, options: "Options") -> Findings:
    ordered = sorted(window.calls, key=lambda call: call.moment)
    proofs = evidence(ordered)

    def mine_alone(calls: Sequence[Call]) -> "MiningResult":
        return _mined(calls, options)

    told = [stored for stored in window.known if stored.id not in window.reviewing]
    reviewed = [stored for stored in window.known if stored.id in window.reviewing]
    mined = _mined(proofs, options, [stored.template for stored in told])
    new = judged(as_findings(mined, proofs, told), reviewed, proofs)
    new = [*new, *late_edits(new, reviewed, proofs, mine_alone)]
    new = [_kept_apart(finding, window) for finding in new if _is_of_enough(finding, window.min_distinct)]
    new, placements = _placed(sorted(new, key=lambda finding: finding.calls[0].moment), window.known, ordered)
    unseen = frozenset(proofs[index].id for index, reason in mined.ungrouped.items() if reason == "unseen")
    return Findings(new, placements, unseen - {placement.call.id for placement in placements})


def mine(*asked: Any, **told: Any) -> "MiningResult":
    """`templating.mine`, which a process loads with its first run: the others never need numpy and its 18 MB."""
    return templating.mine(*asked, **told)


def _mined(calls: Sequence[Call], options: "Options", known: Sequence[Template] = ()) -> "MiningResult":
    """What the miner finds; calls of one session are one witness of what is fixed text."""
    return mine([call.prompt for call in calls], options, known, sessions=[call.session for call in calls])


def _is_of_enough(finding: Finding, authors: int) -> bool:
    """Whether at least so many named users or conversations made the calls of a finding."""
    return authors <= 1 or len({call.author for call in finding.calls} - {None}) >= authors


def _kept_apart(finding: Finding, window: Window) -> Finding:
    """The finding, superseding only templates whose tasks may become one; the oldest decide, the others stay beside it."""
    task_ids = {stored.id: stored.task_id for stored in window.known}
    kept: list[UUID] = []
    for old in sorted(finding.supersedes):
        if not any(window.apart.keeps(task_ids[old], task_ids[other]) for other in kept):
            kept.append(old)
    return replace(finding, supersedes=frozenset(kept))


def evidence(calls: Sequence[Call]) -> list[Call]:
    """The calls that count as evidence for a template.

    Later turns of an agent repeat the prompt of its first turn. A follow-up turn therefore counts only when no other call in the
    window has its prompt: one conversation must not make a template of what a single user wrote.
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


def _placed(
    findings: Sequence[Finding], known: Sequence[StoredTemplate], calls: Sequence[Call]
) -> tuple[list[Finding], list[Placement]]:
    """Findings that some call chooses, and the calls whose template changes.

    The matcher decides, as it will at ingest for the next call of the same prompt: calls of the window and later calls get the same
    template.
    """
    superseded = frozenset().union(*(finding.supersedes for finding in findings))
    keys: list[UUID | int] = [stored.id for stored in known if stored.id not in superseded]
    templates = [stored.template for stored in known if stored.id not in superseded]
    matcher = Matcher([*templates, *(finding.template for finding in findings)])
    keys += range(len(findings))
    hits = [(call, matcher.match(call.prompt)) for call in calls]
    placements = [Placement(call, keys[hit.index], hit.values) for call, hit in hits if hit is not None]
    return _without_idle(
        findings, [placement for placement in placements if placement.template != placement.call.template_id]
    )


def _without_idle(
    findings: Sequence[Finding], placements: Sequence[Placement]
) -> tuple[list[Finding], list[Placement]]:
    """Leave out findings that no call chooses: more specific templates match all their calls."""
    chosen = {placement.template for placement in placements}
    kept = [place for place, finding in enumerate(findings) if place in chosen or finding.supersedes]
    renumbered: dict[UUID | int, UUID | int] = {old: new for new, old in enumerate(kept)}
    moved = [
        replace(placement, template=renumbered.get(placement.template, placement.template)) for placement in placements
    ]
    return [findings[place] for place in kept], moved
