"""Names of slots: var_0, var_1 ... by first place; a variable that stands at two places has one name."""

from collections.abc import Sequence

from templating.mining.quantities import FEW, FEWEST_ALIKE
from templating.template import Template

Column = tuple[str, ...]


def named(template: Template, rows: Sequence[Sequence[str]]) -> Template:
    """The template with named slots. rows: the values of every member, by place."""
    slots, count = list[str](), 0
    # Columns are hashed by their first values: hashing a whole column would read all text of the members.
    seen: dict[Column, dict[str, Column]] = {}
    for column in zip(*rows, strict=True):
        alike = seen.setdefault(column[:FEW], {}) if _is_sure(column) else {}
        name = next((name for name, other in alike.items() if other == column), None)
        if name is None:
            name = f"var_{count}"
            alike[name], count = column, count + 1
        slots.append(name)
    return Template(template.literals, tuple(slots))


def _is_sure(column: Column) -> bool:
    """Whether a column has so many different values that an equal column is the same variable."""
    values = set[str]()
    for value in column:
        values.add(value)
        if len(values) >= FEWEST_ALIKE:
            return True
    return False
