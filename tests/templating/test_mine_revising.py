"""A template is examined with all its texts, however few of them it was found in."""

from templating.matching import fit
from templating.mining.budget import Budget
from templating.mining.findings import Finding, Findings
from templating.mining.result import Options
from templating.mining.revising import revise
from templating.mining.skeleton import template_of
from templating.mining.texts import Texts
from tests.templating.test_mine_shapes import prose

LABELS = ("Question: ", "\nA. ", "\nB. ", "\nC. ", "\nEnd with one letter.")


def revised(count, looked):
    """The fixed texts of a template of `count` prompts that a round found in `looked` of them, without its labels."""
    prompts = ["".join(label + prose()[:-1] for label in LABELS[:-1]) + LABELS[-1] for _ in range(count)]
    texts = Texts({prompt: [time] for time, prompt in enumerate(prompts)}, Options(), Budget())
    findings = Findings(texts.budget.spent)
    wide = template_of((LABELS[0], LABELS[-1]))
    findings[wide] = Finding([(prompt, fit(wide.literals, prompt)) for prompt in prompts], bits=50.0, looked=looked)
    revise(texts, findings)
    [(template, finding)] = findings.items()
    assert [
        template.literals[0] + "".join(v + t for v, t in zip(row, template.literals[1:], strict=True))
        for _, row in finding.rows
    ] == prompts
    return template.literals


def test_labels_that_few_texts_did_not_prove_are_fixed_text_of_all_texts():
    assert revised(28, looked=9) == LABELS
