"""The second look: a template that was found in few of its texts is searched again with more of them.

A sample with two members of one template and four of another may merge the two.
"""

from templating.mining.findings import Finding, Findings
from templating.mining.quantities import FEW, MUCH_MORE, NEARLY_ALL
from templating.mining.search import Search
from templating.mining.skeleton import Skeleton
from templating.mining.texts import TEXTS_OF_A_SECOND_LOOK, Texts
from templating.template import Template


def look_again(texts: Texts, findings: Findings, template: Template) -> list[str]:
    """Divides a template into several, if it is several. Returns its texts that then fit no template."""
    finding = findings.get(template)
    if finding is None or finding.supersedes or finding.looked >= TEXTS_OF_A_SECOND_LOOK or MUCH_MORE * finding.looked > len(finding.rows):
        return []
    parts = _parts(texts, template, finding)
    if not parts:
        return []
    return findings.divide(template, parts.values())


def _parts(texts: Texts, template: Template, finding: Finding) -> dict[Template, Skeleton]:
    """The templates that explain nearly all texts of a template; empty when it is one."""
    pool = texts.pool(finding.some(TEXTS_OF_A_SECOND_LOOK))
    pool.aligned[tuple(pool.texts)] = template, finding.bits, True
    parts = {s.template: s for s in Search(pool, texts.options.min_group_size, texts.budget.spent).run()}
    explained = sum(len(s.members) for s in parts.values())
    is_one = not 1 < len(parts) <= FEW or template in parts or explained < NEARLY_ALL * len(pool.texts)
    return {} if is_one else parts
