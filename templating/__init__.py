"""Finds prompt templates and matches prompts with them: pure functions on strings, no I/O, no framework.

A name is imported when the name is first asked for: a caller that only matches does not wait for numpy, one that only
mines does not wait for the tables of languages.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from templating.collecting import keep_old, uncollected

if TYPE_CHECKING:
    from templating.matcher import Match, Matcher
    from templating.matching import BARRIER, match
    from templating.mining.mine import mine
    from templating.mining.result import REASONS, Mined, MiningResult, Options
    from templating.portable import meanings, meant_name, portable_name, portable_names
    from templating.slot_naming import name_slots
    from templating.slots import Kind, SlotKind, slot_kind
    from templating.template import Template

__all__ = [
    "BARRIER",
    "REASONS",
    "Kind",
    "Match",
    "Matcher",
    "Mined",
    "MiningResult",
    "Options",
    "SlotKind",
    "Template",
    "match",
    "meanings",
    "meant_name",
    "mine",
    "name_slots",
    "portable_name",
    "portable_names",
    "slot_kind",
]

_HOMES = {
    "templating.matcher": ("Match", "Matcher"),
    "templating.matching": ("BARRIER", "match"),
    "templating.mining.mine": ("mine",),
    "templating.mining.result": ("REASONS", "Mined", "MiningResult", "Options"),
    "templating.portable": ("meanings", "meant_name", "portable_name", "portable_names"),
    "templating.slot_naming": ("name_slots",),
    "templating.slots": ("Kind", "SlotKind", "slot_kind"),
    "templating.template": ("Template",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """The public name, from the module that is its home (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with uncollected():  # what a module makes while it is loaded stays
        value: object = getattr(import_module(_HOME_OF[name]), name)
        keep_old()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
