"""Names of slots that work wherever a prompt may go: the key of a value is the name in a program, a template and a data set."""

import unicodedata
from collections.abc import Collection, Iterable
from keyword import iskeyword

RESERVED_NAMES = frozenset(
    ("true", "false", "none", "null", "self", "super", "loop", "caller", "varargs", "kwargs", "this")
)
"""Constants of Jinja, Nunjucks and Handlebars, and what means something inside their blocks, loops and macros."""


def portable_name(name: str, reserved: Collection[str] = ()) -> str:
    """An identifier as every tool can have it: in the letters that Python reads it as (NFKC), no `_` before, nothing reserved.

    name: an identifier.  A portable name stays what it is.  reserved: what one tool keeps for itself besides.
    """
    plain = unicodedata.normalize("NFKC", name).lstrip("_")
    if not plain.isidentifier():  # "_", "_1"
        plain = f"slot_{plain}".rstrip("_")
    return f"{plain}_" if iskeyword(plain) or plain in RESERVED_NAMES or plain in reserved else plain


def portable_names(names: Iterable[str], reserved: Collection[str] = ()) -> dict[str, str]:
    """A portable name for each, in the order given and no two alike: those that are portable keep theirs."""
    distinct = list(dict.fromkeys(names))
    portable = {name: portable_name(name, reserved) for name in distinct}
    taken = {name for name in distinct if portable[name] == name}
    for name in distinct:
        if portable[name] != name:
            while portable[name] in taken:
                portable[name] += "_"
            taken.add(portable[name])
    return portable
