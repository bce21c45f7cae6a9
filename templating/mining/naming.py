"""Names of the slots that a search found: var_0, var_1 ... by first place, one name where the same variable stands twice."""

from collections.abc import Sequence

from templating.template import Template

SURE = 3  # different values that two places share before they share a name: two agree by chance, or are all there is


def named(template: Template, rows: Sequence[Sequence[str]]) -> Template:
    """The template with its names.  rows: the values of every member, by place."""
    names: dict[object, str] = {}
    slots = []
    for place, column in enumerate(zip(*rows, strict=True)):
        key: object = column if len(set(column)) >= SURE else place
        slots.append(names.setdefault(key, f"var_{len(names)}"))
    return Template(template.literals, tuple(slots))
