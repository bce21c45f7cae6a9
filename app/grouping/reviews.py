"""Interprets new templates for the known ones under review, and finds edits that these have swallowed. Pure: no I/O.

Templates under review are not given to the miner, so it mines a sample of their calls anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from app.grouping.findings import Finding, as_findings
from app.grouping.lineage import SeenCallTimes, alive_together, fixed_tokens, kinship
from app.store.calls import Call
from app.store.templates import StoredTemplate
from templating import Template, match

if TYPE_CHECKING:
    from templating import MiningResult

REVIEWED_TEMPLATES = 20
"""Templates under review, up to which templates join that are only related to a due one: with more, the sample of each has too few calls.
More may be due at once, as all templates of a young group are; those have few calls.
"""

NEWEST_PART = 5
"""The newest fifth of a sample is searched for an edit; the next review then finds the edit."""

NEWEST_CALLS = 10
"""Least calls in that part: fewer share too much text by chance."""

EDIT_TOKENS = 4
"""Least tokens of fixed text that an edit adds: a changed day, language or tone is a value."""

EDIT_CHARACTERS = 20
"""Least characters of fixed text that an edit adds, for the same reason."""

MENDING_CALLS = 20
"""Least sampled calls, of all the template's calls, to show that longer fixed text is no accident of the sample."""

MENDING_GROWTH = 2
"""Growth of fixed text that replaces a template. If it is an accident, the calls without that text are mined again and widen the template."""


Miner = Callable[[Sequence[Call]], "MiningResult"]
"""Mines the prompts of these calls, without known templates."""


def related(to: Sequence[Template], stored_templates: Sequence[StoredTemplate], limit: int) -> list[StoredTemplate]:
    """The known templates that are most related to any of `to`, at most `limit`."""
    ranked = [
        (max((kinship(stored.template, template) for template in to), default=0.0), stored)
        for stored in stored_templates
    ]
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    return [stored for closeness, stored in ranked[: max(0, limit)] if closeness > 0]


def judged(
    findings: Sequence[Finding], reviewed: Sequence[StoredTemplate], proofs: Sequence[Call]
) -> Sequence[Finding]:
    """The findings, adjusted for each template under review.

    A template found again is a finding only if it replaces another one under review: it stood beside the others before, and takes the place
    of none of them.
    """
    for old in reviewed:
        findings = _verdict(findings, old, [call for call in proofs if call.template_id == old.id])
    standing = {old.template for old in reviewed}
    reviewed_ids = {old.id for old in reviewed}
    findings = [
        replace(finding, supersedes=finding.supersedes & reviewed_ids) if finding.template in standing else finding
        for finding in findings
    ]
    return [finding for finding in findings if finding.supersedes or finding.template not in standing]


def _verdict(findings: Sequence[Finding], old: StoredTemplate, own_calls: Sequence[Call]) -> Sequence[Finding]:
    """The verdict of the findings on a template under review, whose sampled calls are `own_calls`.

    - The template is found again: it stands; other findings with its calls are edits that it had swallowed. It may take the
      place of other templates under review.
    - One finding has all its calls and calls besides: a wider template, which takes its place.
    - One finding has all its calls and no others: the sample merely happened to be narrower. Dropped, unless it has so
      much more fixed text that the old one was what a few calls of two prompts had in common.
    - Several findings have all its calls: it was a mixture. The oldest finding takes its place, the others leave it.
    - Some of its calls are in no finding: it stands for those, and findings with more fixed text leave it.
    """
    ids = frozenset(call.id for call in own_calls)
    takers = [finding for finding in findings if any(call.id in ids for call in finding.calls)]
    if any(finding.template == old.template for finding in takers):
        return _changed_findings(
            findings, takers, lambda taker: taker if taker.template == old.template else _leave(taker, old)
        )
    if not takers or not _covered(own_calls, takers):
        return _changed_findings(findings, takers, lambda taker: _leave_if_more_specific(taker, old, ids))
    if len(takers) == 1:
        return _changed_findings(findings, takers, lambda taker: _widen_or_mend(taker, old, len(own_calls)))
    oldest = min(takers, key=lambda taker: taker.calls[0].moment)
    return _changed_findings(
        findings, takers, lambda taker: _replace(taker, old) if taker is oldest else _leave(taker, old)
    )


def _covered(own_calls: Sequence[Call], takers: Sequence[Finding]) -> bool:
    """Whether each call matches one of the findings, including calls that were not mined."""
    members = {call.id for taker in takers for call in taker.calls}
    other_prompts = (call.prompt for call in own_calls if call.id not in members)
    return all(any(match(taker.template, prompt) is not None for taker in takers) for prompt in other_prompts)


def _changed_findings(
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
    mends = calls >= MENDING_CALLS and finding.template.fixed >= MENDING_GROWTH * old.template.fixed
    return _replace(finding, old) if wider or mends else None


def _leave_if_more_specific(finding: Finding, old: StoredTemplate, own_calls: frozenset[UUID]) -> Finding | None:
    if finding.template.fixed > old.template.fixed:
        return _leave(finding, old)
    return finding if any(call.id not in own_calls for call in finding.calls) else None


def late_edits(
    findings: Sequence[Finding], reviewed: Sequence[StoredTemplate], proofs: Sequence[Call], mine_alone: Miner
) -> list[Finding]:
    """Edits beside a slot; mined together with older calls, such an edit looks like an optional part."""
    taken_ids = {call.id for finding in findings for call in finding.calls}
    edits = []
    for old in reviewed:
        own_calls = [call for call in proofs if call.template_id == old.id]
        edit = None if any(call.id in taken_ids for call in own_calls) else _late_edit(old, own_calls, mine_alone)
        edits += [] if edit is None else [edit]
    return edits


def _late_edit(old: StoredTemplate, own_calls: Sequence[Call], mine_alone: Miner) -> Finding | None:
    """A template of the newest calls alone, if it is an edit of the old template.

    The calls of an edit follow the others in time, have a sentence more, and their slots still vary.
    """
    newest = own_calls[-max(NEWEST_CALLS, len(own_calls) // NEWEST_PART) :]
    if len(own_calls) < 2 * len(newest):
        return None
    mined = mine_alone(newest)
    if len(mined) != 1 or mined.ungrouped or not _has_a_sentence_more(old.template, mined[0].template):
        return None
    [edit] = as_findings(mined, newest, [])
    calls = [call for call in own_calls if match(edit.template, call.prompt) is not None]
    edited_ids = {call.id for call in calls}
    other_calls = SeenCallTimes(call.moment for call in own_calls if call.id not in edited_ids)
    if not other_calls.total() or alive_together(SeenCallTimes(call.moment for call in calls), other_calls):
        return None
    return _leave(replace(edit, calls=calls), old)


def _has_a_sentence_more(old: Template, new: Template) -> bool:
    before, after = fixed_tokens(old), fixed_tokens(new)
    characters_more = len("".join(after)) - len("".join(before))
    return (
        len(new.slots) >= len(old.slots)
        and len(after) - len(before) >= EDIT_TOKENS
        and characters_more >= EDIT_CHARACTERS
    )
