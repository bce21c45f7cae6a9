"""What new templates mean for the known ones that are under review, and the edits that those have swallowed.  Pure: no I/O.

A run tells the miner nothing of templates under review, so the miner looks at a sample of their calls with fresh eyes.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from app.grouping.findings import Finding, as_findings
from app.grouping.lineage import SeenCalls, alive_together, fixed_tokens, kinship
from app.store.calls import Call
from app.store.templates import StoredTemplate
from templating import Template, match

if TYPE_CHECKING:
    from templating import MiningResult

REVIEWED_TEMPLATES = 20
"""Templates under review at once, at most: more would leave a sample of few calls for each."""

NEWEST_PART = 5
"""The newest fifth of a sample is searched for an edit, which is then seen by the next review."""

NEWEST_CALLS = 10
"""Calls in that part, at least: fewer have too much in common by chance."""

EDIT_TOKENS = 4
"""Tokens of fixed text that an edit adds, at least: a day, a language or a tone that changed is a value."""

EDIT_CHARACTERS = 20
"""Characters of fixed text that an edit adds, at least, for the same reason."""

MENDING_CALLS = 20
"""Sampled calls, from the template's whole life, that show longer fixed text to be no accident of the sample."""

MENDING_GROWTH = 2
"""Times as much fixed text as before. Should it be an accident, the calls without that text are mined again and widen it."""


Miner = Callable[[Sequence[Call]], "MiningResult"]
"""Mines the prompts of these calls, told of no known template."""


def related(to: Sequence[Template], known: Sequence[StoredTemplate], most: int) -> list[StoredTemplate]:
    """The known templates that are most related to any of `to`, at most `most`."""
    ranked = [(max((kinship(stored.template, template) for template in to), default=0.0), stored) for stored in known]
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    return [stored for closeness, stored in ranked[: max(0, most)] if closeness > 0]


def judged(
    findings: Sequence[Finding], reviewed: Sequence[StoredTemplate], proofs: Sequence[Call]
) -> Sequence[Finding]:
    """The findings, changed by what each template under review says about them."""
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
    """Whether each call matches one of the findings, also a call that was no evidence for it."""
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
    mends = calls >= MENDING_CALLS and fixed_size(finding.template) >= MENDING_GROWTH * fixed_size(old.template)
    return _replace(finding, old) if wider or mends else None


def _leave_if_more_specific(finding: Finding, old: StoredTemplate, own: frozenset[UUID]) -> Finding | None:
    if fixed_size(finding.template) > fixed_size(old.template):
        return _leave(finding, old)
    return finding if any(call.id not in own for call in finding.calls) else None


def fixed_size(template: Template) -> int:
    """Characters of fixed text."""
    return sum(map(len, template.literals))


def late_edits(
    findings: Sequence[Finding], reviewed: Sequence[StoredTemplate], proofs: Sequence[Call], mine_alone: Miner
) -> list[Finding]:
    """Edits beside a slot; mined with the calls of all times, such an edit reads like an optional part."""
    taken = {call.id for finding in findings for call in finding.calls}
    edits = []
    for old in reviewed:
        own = [call for call in proofs if call.template_id == old.id]
        edit = None if any(call.id in taken for call in own) else _late_edit(old, own, mine_alone)
        edits += [] if edit is None else [edit]
    return edits


def _late_edit(old: StoredTemplate, own: Sequence[Call], mine_alone: Miner) -> Finding | None:
    """A template of the newest calls alone, if that template is an edit of the old one.

    An edit has calls that follow the others in time, a sentence more, and slots that still vary.
    """
    newest = own[-max(NEWEST_CALLS, len(own) // NEWEST_PART) :]
    if len(own) < 2 * len(newest):
        return None
    mined = mine_alone(newest)
    if len(mined) != 1 or mined.ungrouped or not _has_a_sentence_more(old.template, mined[0].template):
        return None
    [edit] = as_findings(mined, newest, [])
    calls = [call for call in own if match(edit.template, call.prompt) is not None]
    chosen = {call.id for call in calls}
    others = SeenCalls(call.moment for call in own if call.id not in chosen)
    if not others.total() or alive_together(SeenCalls(call.moment for call in calls), others):
        return None
    return _leave(replace(edit, calls=calls), old)


def _has_a_sentence_more(old: Template, new: Template) -> bool:
    before, after = fixed_tokens(old), fixed_tokens(new)
    more = len("".join(after)) - len("".join(before))
    return len(new.slots) >= len(old.slots) and len(after) - len(before) >= EDIT_TOKENS and more >= EDIT_CHARACTERS
