"""match: whether a prompt comes from a template, and the values.

The fit is the first from the left with both ends anchored.  It needs no backtracking: each literal at its first place
leaves the most room to those after it, so when this fit fails there is none (the greedy argument of glob matching, R.
Cox, "Glob Matching Can Be Simple And Fast Too", 2017).  Only `str.find`, which is linear, looks at the text; `re`
never does.
"""

from templating.template import Template

BARRIER = "\x00"
"""Separates the parts of a prompt.  No slot crosses it; NUL, since PostgreSQL cannot hold it and so no stored text
has one."""


def match(template: Template, prompt: str, *, barrier: str = BARRIER) -> tuple[str, ...] | None:
    """One value per place so that `template.render(values) == prompt`, or None.

    A slot may be empty or hold line ends, never the barrier.  Values are the shortest from the left; the last takes
    what is left before the last literal.  Where that gives places of one name different values: None.
    O(len(prompt) * places).  Raises TypeError when the prompt is no str.
    """
    if not isinstance(prompt, str):
        raise TypeError(f"prompt must be a str, not {type(prompt).__name__}")
    if prompt.count(barrier) != sum(literal.count(barrier) for literal in template.literals):
        return None  # and else every barrier of the prompt is in a literal of whatever fits, none in a value
    values = fit(template.literals, prompt)
    return values if values is not None and agree(template.repeats, values) else None


def fit(literals: tuple[str, ...], prompt: str) -> tuple[str, ...] | None:
    """The shortest values from the left that make the prompt of these literals, whatever they hold, or None."""
    if len(literals) == 1:
        return () if prompt == literals[0] else None
    first, last = literals[0], literals[-1]
    if not prompt.startswith(first) or not prompt.endswith(last):
        return None
    start, end = len(first), len(prompt) - len(last)
    if start > end:
        return None
    if len(literals) == 2:
        return (prompt[start:end],)
    values = []
    for literal in literals[1:-1]:
        position = prompt.find(literal, start, end)
        if position < 0:
            return None
        values.append(prompt[start:position])
        start = position + len(literal)
    values.append(prompt[start:end])
    return tuple(values)


def agree(repeats: tuple[tuple[int, int], ...], values: tuple[str, ...]) -> bool:
    """Whether places with one name hold one value; repeats is `Template.repeats`."""
    return not repeats or all(values[place] == values[first] for place, first in repeats)
