"""Mine a window: the new templates of its calls, what they replace, and the template of each call. Pure: no I/O.

A window holds ungrouped calls (owed and residue) and, in a review, a sample of the calls of templates under review. These templates are not
given to the miner as known ones; `app.grouping.reviews` interprets its result for them.

A new template related to a known one may be an edit of it, or show that fixed text varies (a date): only the calls of both show which. So
the known one is put under review at once, and the window mined again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import templating
from app.grouping.findings import Finding, Findings, Placement, Window, as_findings
from app.grouping.reviews import REVIEWED_TEMPLATES, judged, late_edits, related
from app.store.calls import Call
from app.store.tasks import JoinedTasks
from app.store.templates import StoredTemplate
from templating import Matcher, Template

if TYPE_CHECKING:
    from templating import MiningResult, Options

Sampler = Callable[[Collection[UUID]], Sequence[Call]]
"""Returns a sample of the calls of these templates."""


def find(window: Window, options: "Options", sample: Sampler) -> tuple[Window, Findings]:
    """Mine a window. Returns the window with the templates that came under review on the way, and the findings."""
    findings = _find(window, options)
    known_templates = [stored for stored in window.known_templates if stored.id not in window.reviewing]
    doubtful = {
        stored.id
        for stored in related([finding.template for finding in findings.new], known_templates, REVIEWED_TEMPLATES)
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

    stored_templates = [stored for stored in window.known_templates if stored.id not in window.reviewing]
    reviewed = [stored for stored in window.known_templates if stored.id in window.reviewing]
    mined = _mined(proofs, options, [stored.template for stored in stored_templates])
    new = judged(as_findings(mined, proofs, stored_templates), reviewed, proofs)
    new = [*new, *late_edits(new, reviewed, proofs, mine_alone)]
    new = [finding for finding in new if _is_of_enough(finding, window.min_distinct)]
    new = _kept_apart(sorted(new, key=lambda finding: finding.calls[0].moment), window)
    new, placements = _placed(new, window.known_templates, ordered)
    unseen = frozenset(proofs[index].id for index, reason in mined.ungrouped.items() if reason == "unseen")
    return Findings(new, placements, unseen - {placement.call.id for placement in placements})


def mine_templates(*arguments: Any, **options: Any) -> "MiningResult":
    """`templating.mine`, imported with the first run: processes that never mine do not load numpy and its 18 MB."""
    return templating.mine(*arguments, **options)


def _mined(calls: Sequence[Call], options: "Options", known_templates: Sequence[Template] = ()) -> "MiningResult":
    """The result of the miner; the calls of one session count as one witness of fixed text."""
    return mine_templates(
        [call.prompt for call in calls], options, known_templates, sessions=[call.session for call in calls]
    )


def _is_of_enough(finding: Finding, authors: int) -> bool:
    """Whether the calls of a finding come from at least `authors` named users or conversations."""
    return authors <= 1 or len({call.author for call in finding.calls} - {None}) >= authors


def _kept_apart(findings: Sequence[Finding], window: Window) -> list[Finding]:
    """The findings, superseding only templates whose tasks may be one, after the findings before. The others stay beside the finding.

    The task of the same template decides, also of one that was replaced and now returns; else the oldest superseded one.
    """
    stored_templates = [*window.known_templates, *window.replaced_templates]
    task_ids = {stored.id: stored.task_id for stored in window.known_templates}
    joined = JoinedTasks(window.apart)
    kept_findings: list[Finding] = []
    for finding in findings:
        same_task_ids = [stored.task_id for stored in stored_templates if stored.template == finding.template]
        superseded: list[UUID] = []
        for old in sorted(finding.supersedes):
            if all(joined.may_be_one(task_ids[old], task_id) for task_id in same_task_ids):
                superseded.append(old)
                same_task_ids.append(task_ids[old])
        joined.join(same_task_ids)
        kept_findings.append(replace(finding, supersedes=frozenset(superseded)))
    return kept_findings


def evidence(calls: Sequence[Call]) -> list[Call]:
    """The calls from which templates are mined.

    Later turns of an agent repeat the prompt of its first turn. A follow-up turn therefore counts only when no other call in the
    window has its prompt: one conversation must not make a template of what a single user wrote.
    """
    prompts = {call.prompt for call in calls if not call.follow_up}
    first_calls = []
    for call in calls:
        if not call.follow_up:
            first_calls.append(call)
        elif call.prompt not in prompts:
            prompts.add(call.prompt)
            first_calls.append(call)
    return first_calls


def _placed(
    findings: Sequence[Finding], known_templates: Sequence[StoredTemplate], calls: Sequence[Call]
) -> tuple[list[Finding], list[Placement]]:
    """Findings chosen by at least one call, and the calls whose template changes.

    The matcher chooses, as at ingest: calls of the window and later calls with the same prompt get the same template.
    """
    superseded = frozenset().union(*(finding.supersedes for finding in findings))
    key_of: dict[Template, UUID | int] = {
        stored.template: stored.id for stored in known_templates if stored.id not in superseded
    }
    for index, finding in enumerate(findings):
        key_of.setdefault(finding.template, index)
    keys = list(key_of.values())
    matcher = Matcher(key_of)
    hits = [(call, matcher.match(call.prompt)) for call in calls]
    placements = [Placement(call, keys[match.index], match.values) for call, match in hits if match is not None]
    return _without_idle(
        findings, [placement for placement in placements if placement.template != placement.call.template_id]
    )


def _without_idle(
    findings: Sequence[Finding], placements: Sequence[Placement]
) -> tuple[list[Finding], list[Placement]]:
    """Leave out findings that no call chooses: more specific templates match all their calls."""
    chosen_templates = {placement.template for placement in placements}
    places = [place for place, finding in enumerate(findings) if place in chosen_templates or finding.supersedes]
    renumbered: dict[UUID | int, UUID | int] = {old: new for new, old in enumerate(places)}
    renumbered_placements = [
        replace(placement, template=renumbered.get(placement.template, placement.template)) for placement in placements
    ]
    return [findings[place] for place in places], renumbered_placements
