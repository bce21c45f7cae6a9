"""Revising: each template is examined with all its texts, for rules that need many: edits, and labels and marks that separate its values.

Before, a template that was found in few of its texts is searched again with more of them (`look_again`): a sample with two members of
one template and four of another may merge the two.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from templating.matching import fit
from templating.mining.families import edits, without_data
from templating.mining.findings import Finding, Findings
from templating.mining.quantities import CLEAR_MAJORITY, FEW, MUCH_MORE, NEARLY_ALL
from templating.mining.search import Search
from templating.mining.separators import parted, repeated
from templating.mining.sieve import Placed, values_of
from templating.mining.skeleton import ALIGNED_TEXTS, Skeleton, template_of
from templating.mining.texts import TEXTS_OF_A_SECOND_LOOK, Texts
from templating.template import Template


def revise(texts: Texts, findings: Findings) -> None:
    """Divides templates by their edits, each once, and separates their values, while there is time."""
    to_part, looked_at = list(findings), set[Template]()
    while to_part and not texts.budget.spent():
        template = to_part.pop()
        if template not in looked_at:  # a version without its rare values may have the template of all
            looked_at.add(template)
            to_part += part_by_edits(texts, findings, template)
    for template in list(findings):
        if not texts.budget.spent():
            _separate(findings, _aligned(texts, findings, template), texts.budget.spent)


def _aligned(texts: Texts, findings: Findings, template: Template) -> Template:
    """The template of all texts in the place of one that was aligned among a few of these: few texts do not prove a short label."""
    finding = findings[template]
    if template in findings.known or not 0 < finding.looked < ALIGNED_TEXTS < len(finding.rows):
        return template
    best = texts.template_of([text for text, _ in finding.rows])
    if best is None or best.template.fixed <= template.fixed or best.template in findings:
        return template
    rows = zip((text for text, _ in finding.rows), values_of(best.template.literals, (text for text, _ in finding.rows)), strict=True)
    findings[best.template] = replace(findings.drop(template), rows=list(rows))
    return best.template


def part_by_edits(texts: Texts, findings: Findings, template: Template) -> list[Template]:
    """Divides a template by its edits, with all its texts. Returns the new templates, one for each version.

    A round has a thousand texts, one or two of a version with few calls, which look like a rare value or an optional part.
    Only all texts together show whether the calls of one version follow those of another in time.
    """
    finding = findings[template]
    if not finding.rows or finding.supersedes:
        return []
    kinds = _versions(texts, template, finding.rows)
    if sum(map(len, kinds)) < CLEAR_MAJORITY * len(finding.rows):
        return []
    parts = [part for its in kinds if (part := texts.template_of(its))]
    if len(parts) < len(kinds):
        return []
    findings.divide(template, parts)
    return [s.template for s in parts]


def _versions(texts: Texts, template: Template, rows: Sequence[Placed]) -> list[list[str]]:
    """The texts of each version with enough calls; empty when nothing was edited."""
    rows = sorted(rows, key=lambda row: texts.calls[row[0]][0])
    values = [its for _, its in rows]
    columns = without_data(template, values, texts.options.barrier)
    keys = edits([text for text, _ in rows], columns, texts.runs, tick=texts.budget.spent, held=texts.held, all_calls=True, whole_rows=values)
    if not any(keys):
        return []
    kinds: dict[tuple[str, ...], list[str]] = {}
    for key, (text, _) in zip(keys, rows, strict=True):
        kinds.setdefault(key, []).append(text)
    return [its for its in kinds.values() if texts.count(its) >= texts.options.min_group_size]


def _separate(findings: Findings, template: Template, tick: Callable[[], object]) -> None:
    """Makes fixed text of the marks that separate the values of a slot in every text."""
    finding = findings[template]
    if template in findings.known:
        return
    its_values = [values for _, values in finding.rows]
    literals = repeated(template.literals, its_values, tick)
    if literals == template.literals:
        literals = parted(literals, its_values, tick)
    if literals == template.literals:
        return
    new = template_of(literals)
    rows = [(text, its) for text, _ in finding.rows if (its := fit(new.literals, text)) is not None]
    if new not in findings and len(rows) == len(finding.rows):
        findings[new] = replace(findings.drop(template), rows=rows)


def look_again(texts: Texts, findings: Findings, template: Template) -> list[str]:
    """Divides a template into several, if it is several. Returns its texts that then fit no template."""
    finding = findings.get(template)
    if finding is None or finding.supersedes or finding.looked >= TEXTS_OF_A_SECOND_LOOK or MUCH_MORE * finding.looked > len(finding.rows):
        return []
    parts = _searched_again(texts, template, finding)
    if not parts:
        return []
    return findings.divide(template, parts.values())


def _searched_again(texts: Texts, template: Template, finding: Finding) -> dict[Template, Skeleton]:
    """The templates that explain nearly all texts of a template; empty when it is one."""
    pool = texts.pool(finding.some(TEXTS_OF_A_SECOND_LOOK))
    pool.aligned[tuple(pool.texts)] = template, finding.bits, True
    parts = {s.template: s for s in Search(pool, texts.options.min_group_size, texts.budget.spent).run()}
    explained = sum(len(s.members) for s in parts.values())
    is_one = not 1 < len(parts) <= FEW or template in parts or explained < NEARLY_ALL * len(pool.texts)
    return {} if is_one else parts
