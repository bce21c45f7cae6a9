"""The second look: a template whose values begin or end alike is searched again with more of its texts.

A sample with two members of one template and four of another may merge the two.
"""

from collections import Counter
from collections.abc import Sequence

from templating.mining.findings import BORN_LAST, Finding, Findings
from templating.mining.quantities import END_CHARACTERS, FEW, FEWEST_ALIKE, NEARLY_ALL
from templating.mining.sampling import spread
from templating.mining.search import search
from templating.mining.sieve import Placed
from templating.mining.skeleton import Skeleton
from templating.mining.texts import TEXTS_OF_A_SECOND_LOOK, Texts
from templating.template import Template

SIBLING_SHARE = 0.7  # least share of peeked values whose beginning (or end) occurs at least 3 times
LONG_SIBLING_SHARE = 0.3  # least share of peeked values with such a beginning (or end) of full END_CHARACTERS


def look_again(texts: Texts, findings: Findings, template: Template) -> list[str]:
    """Divides a template into several, if it is several. Returns its texts that then fit no template."""
    finding = findings.get(template)
    if finding is None or finding.supersedes or finding.looked >= min(TEXTS_OF_A_SECOND_LOOK, len(finding.rows)):
        return []
    parts = _parts(texts, template, finding) if _is_doubtful(finding.rows) else {}
    if not parts:
        return []
    findings.drop(template)
    findings |= {part: Finding([], bits=s.bits, born=BORN_LAST, since=finding.since) for part, s in parts.items()}
    return findings.place([text for text, _ in finding.rows], parts)


def _parts(texts: Texts, template: Template, finding: Finding) -> dict[Template, Skeleton]:
    """The templates that explain nearly all texts of a template; empty when it is one."""
    rows = dict(spread(finding.rows, TEXTS_OF_A_SECOND_LOOK))
    pool = texts.pool(rows)
    whole = Skeleton(template, list(range(len(rows))), [rows[text] for text in pool.texts], finding.bits, True)
    parts = {s.template: s for s in search(pool, texts.options.min_group_size, texts.budget.spent, whole=whole)}
    explained = sum(len(s.members) for s in parts.values())
    is_one = not 1 < len(parts) <= FEW or template in parts or explained < NEARLY_ALL * len(pool.texts)
    return {} if is_one else parts


def _is_doubtful(rows: Sequence[Placed]) -> bool:
    """Whether the values of a slot have only a few beginnings or ends, so that the template may be several.

    Siblings divide nearly all texts; in a slot only some values begin alike.
    """
    peeked = spread(rows, TEXTS_OF_A_SECOND_LOOK)
    columns = zip(*(values for _, values in peeked), strict=True)
    return any(_are_few([v[:END_CHARACTERS] for v in column]) or _are_few([v[-END_CHARACTERS:] for v in column]) for column in columns)


def _are_few(ends: Sequence[str]) -> bool:
    common = [(end, n) for end, n in Counter(ends).most_common(FEW) if n >= FEWEST_ALIKE]
    long = sum(n for end, n in common if len(end) == END_CHARACTERS)
    return long >= LONG_SIBLING_SHARE * len(ends) and sum(n for _, n in common) >= SIBLING_SHARE * len(ends)
