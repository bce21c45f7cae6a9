"""Which kind of log a file is, by its first records that are JSON objects."""

from collections.abc import Sequence

from app.cli.formats.anthropic import Anthropic
from app.cli.formats.base import Body, Fit, Format
from app.cli.formats.langfuse import Langfuse
from app.cli.formats.openai import OpenAI
from app.cli.formats.otlp import Otlp
from app.cli.formats.promptlode import Promptlode

# Where two fit as well, the first is taken.
FORMATS: dict[str, Format] = {kind.name: kind for kind in (Otlp(), Langfuse(), Anthropic(), OpenAI(), Promptlode())}

# So many records tell; more would only wait.
LOOKED_AT = 20


def detect(values: Sequence[Body]) -> Format:
    """The kind that fits these best; our own without any."""
    totals = {kind.name: sum(kind.fit(value) for value in values) for kind in FORMATS.values()}
    return FORMATS[max(totals, key=lambda name: totals[name])] if any(totals.values()) else FORMATS["promptlode"]


def kind_of(value: Body, expected: Format) -> Format:
    """The kind of one record: that of its file unless another fits better, for some files are mixed."""
    found = detect([value])
    return expected if expected.fit(value) >= found.fit(value) else found


def contradicts(values: Sequence[Body], chosen: Format) -> Format | None:
    """The kind that these certainly are where they can hardly be of the chosen one."""
    if not values or any(chosen.fit(value) is Fit.CERTAIN for value in values):
        return None
    found = detect(values)
    return found if found is not chosen and any(found.fit(value) is Fit.CERTAIN for value in values) else None
