"""A template that is the preamble of hidden templates gives its texts back, for rounds over families of them (`hidden`, `filing`)."""

from collections.abc import Sequence

from templating.mining.findings import Finding, Findings
from templating.mining.hidden import alike_in_many_ways, bounded
from templating.mining.mixture import is_open
from templating.mining.search import search
from templating.mining.second_look import MOST_PARTS, SIBLING_SHARE
from templating.mining.sieve import Placed
from templating.mining.skeleton import Skeleton
from templating.mining.texts import Texts
from templating.template import Template


def given_back(texts: Texts, findings: Findings, template: Template) -> list[str]:
    """Drops a template that is the preamble of hidden templates of few calls. Returns its texts, else nothing."""
    finding = findings[template]
    if finding.supersedes or template in findings.known or len(finding.rows) <= finding.looked:
        return []
    places = [place for place in range(len(template.slots)) if is_open(template, place)]
    if not places or texts.budget.spent():
        return []
    rows = bounded(finding.rows)
    if not any(_are_several(texts, template, finding, rows, place) for place in places):
        return []
    return [text for text, _ in findings.drop(template).rows]


def _are_several(texts: Texts, template: Template, finding: Finding, rows: Sequence[Placed], place: int) -> bool:
    """Whether most of the texts whose values in a slot begin, or end, alike have templates of their own."""
    some = alike_in_many_ways([(text, values[place]) for text, values in rows], texts.budget.spent)
    if not some:
        return False
    pool, values = texts.pool(some), dict(rows)
    whole = Skeleton(template, list(range(len(some))), [values[text] for text in pool.texts], finding.bits, True)
    parts = search(pool, texts.options.min_group_size, texts.budget.spent, whole=whole)
    return len(parts) > MOST_PARTS and sum(len(s.members) for s in parts) >= SIBLING_SHARE * len(some)
