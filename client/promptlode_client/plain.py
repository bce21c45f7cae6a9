"""Values of any kind as JSON has them: the app's own objects change later, so what is recorded is a copy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

# No message is deeper, and an object that holds itself ends here.
_DEEPEST = 50

# A picture or sound within a message; no prompt is found in it.
_LONGEST_DATA = 64 * 1024

# How OpenAI's client says that an argument was not given.
_ABSENT = ("NotGiven", "Omit")


def is_given(value: Any) -> bool:
    return value is not None and type(value).__name__ not in _ABSENT


def plain(value: Any, depth: int = 0) -> Any:
    """A copy that JSON can hold; what has no form there is named by its type, never shown."""
    if value is None or isinstance(value, (str, bool, int)):
        return _storable(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= _DEEPEST:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {_storable(str(key)): plain(held, depth + 1) for key, held in value.items() if is_given(held)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(held, depth + 1) for held in value]
    return _of_object(value, depth)


def _of_object(value: Any, depth: int) -> Any:
    if isinstance(value, type):
        schema = getattr(value, "model_json_schema", None)  # a pydantic class, as a format of the answer
        return plain(schema(), depth + 1) if schema else value.__name__
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return plain(dump(mode="json", warnings=False), depth + 1)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return f"<{type(value).__name__}>"


def _storable(text: str) -> str:
    """PostgreSQL holds no NUL and JSON no lone surrogate; one of them, or a picture, must not cost the whole call."""
    if text.startswith("data:") and len(text) > _LONGEST_DATA:
        return f"{text[:64].partition(',')[0]},<{len(text)} characters>"
    text = text.replace("\x00", "\ufffd") if "\x00" in text else text
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
