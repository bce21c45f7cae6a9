"""Names of slots that work wherever a prompt may go: the key of a value is the name in a program, a template and a data set."""

import unicodedata
from collections.abc import Iterable
from keyword import iskeyword

RESERVED_NAMES = frozenset(
    {
        # Constants of Jinja, Nunjucks and Handlebars, and what means something inside their blocks, loops and macros
        *("true", "false", "none", "null", "self", "super", "loop", "caller", "varargs", "kwargs", "this"),
        # Arguments and input variables that LangChain ("stop") and MLflow keep for themselves
        *("stop", "prompt", "allow_partial"),
        # Arguments of dspy.Predict
        *("config", "demos", "lm", "new_signature", "signature"),
        # Properties of a dspy.Signature, and what its module uses
        *("fields", "input_fields", "output_fields", "instructions", "dspy", "str"),
        # Members of Pydantic's models that no field may hide
        *("model_config", "model_dump", "model_dump_json"),
        *("model_validate", "model_validate_json", "model_validate_strings"),
    }
)
"""Names that a tool takes for something of its own: found by `python -m benchmarks.exports`, which renders each with the real libraries."""


def portable_name(name: str) -> str:
    """An identifier as every tool can have it: in the letters that Python reads it as (NFKC), no `_` before, nothing reserved.

    name: an identifier.  A portable name stays what it is.
    """
    plain = unicodedata.normalize("NFKC", name).lstrip("_")
    if not plain.isidentifier():  # "_", "_1"
        plain = f"slot_{plain}".rstrip("_")
    return f"{plain}_" if iskeyword(plain) or plain in RESERVED_NAMES else plain


def portable_names(names: Iterable[str]) -> dict[str, str]:
    """A portable name for each, in the order given and no two alike: those that are portable keep theirs."""
    distinct = list(dict.fromkeys(names))
    portable = {name: portable_name(name) for name in distinct}
    taken = {name for name in distinct if portable[name] == name}
    for name in distinct:
        if portable[name] != name:
            while portable[name] in taken:
                portable[name] += "_"
            taken.add(portable[name])
    return portable
