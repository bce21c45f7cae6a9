"""Values of any type as JSON: a copy, since the app may change its objects later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_DEEPEST = 50
"""No message is nested deeper; the limit also ends a reference cycle."""

_LONGEST_DATA = 64 * 1024
"""Bytes of a picture or sound within a message, which holds no prompt."""

_ABSENT = ("NotGiven", "Omit")
"""The markers of OpenAI's client for an argument that was not given."""


def is_given(value: Any) -> bool:
    return value is not None and type(value).__name__ not in _ABSENT


def plain(value: Any, depth: int = 0) -> Any:
    """A copy in JSON types; an object without such a form is replaced by the name of its type."""
    if value is None or isinstance(value, (str, bool, int)):
        return _storable(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= _DEEPEST:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {_storable(str(key)): plain(item, depth + 1) for key, item in value.items() if is_given(item)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
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
    """The text in a form that can be stored: PostgreSQL holds no NUL and JSON no lone surrogate; neither, nor a picture, may cost the call."""
    if text.startswith("data:") and len(text) > _LONGEST_DATA:
        return f"{text[:64].partition(',')[0]},<{len(text)} characters>"
    text = text.replace("\x00", "\ufffd") if "\x00" in text else text
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
