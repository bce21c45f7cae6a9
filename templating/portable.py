"""Slot names that are valid in every tool: a name is a variable in programs, templates and data sets."""

import unicodedata
from collections.abc import Collection, Iterable
from keyword import iskeyword

RESERVED_NAMES = frozenset(
    ("true", "false", "none", "null", "self", "super", "loop", "caller", "varargs", "kwargs", "this")
)
"""Constants of Jinja, Nunjucks and Handlebars, and names with a meaning inside their blocks, loops and macros."""


def portable_name(name: str, reserved: Collection[str] = ()) -> str:
    """An identifier that every tool accepts: in the letters as which Python reads it (NFKC), without a leading `_`, not reserved.

    name: an identifier.  A portable name stays unchanged.  reserved: further names that one tool reserves.
    """
    plain = unicodedata.normalize("NFKC", name).lstrip("_")
    if not plain.isidentifier():  # "_", "_1"
        plain = f"slot_{plain}".rstrip("_")
    return f"{plain}_" if iskeyword(plain) or plain in RESERVED_NAMES or plain in reserved else plain


def meant_name(name: str, names: Iterable[str]) -> str | None:
    """The name among `names` that a reader means: this one, else the one in other letters of the same look (NFKC); None without any."""
    known_names = list(names)
    return next((candidate for candidate in meanings(name) if candidate in known_names), None)


def meanings(name: str) -> tuple[str, ...]:
    """The names that a reader may mean by this one: itself, then the same letters as Python reads them (NFKC) where they differ."""
    return tuple(dict.fromkeys((name, unicodedata.normalize("NFKC", name))))


def portable_names(names: Iterable[str], reserved: Collection[str] = ()) -> dict[str, str]:
    """A portable name for each, in the given order and all distinct; portable names stay unchanged."""
    distinct = list(dict.fromkeys(names))
    portable = {name: portable_name(name, reserved) for name in distinct}
    names_taken = {name for name in distinct if portable[name] == name}
    for name in distinct:
        if portable[name] != name:
            while portable[name] in names_taken:
                portable[name] += "_"
            names_taken.add(portable[name])
    return portable
