"""Access to JSON of any shape."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from app.checks import is_blank

Body = dict[str, Any]


def is_count(value: Any) -> bool:
    """Whether the value is a whole number from 0 up."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def filled_text(value: Any) -> str | None:
    """The value if it is a text that is not blank."""
    return value if isinstance(value, str) and not is_blank(value) else None


def as_object(value: Any) -> Body:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Body]:
    """The objects of a list; none where the value is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def parsed(value: Any) -> Any:
    """The JSON object or list that a text holds, else the value itself."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def present(values: Mapping[str, Any]) -> Body:
    """The members that are not null."""
    return {name: value for name, value in values.items() if value is not None}


def filled(values: Mapping[str, Any]) -> Body:
    """The members that are neither null nor an empty list or object; an empty text stays, since it is a value."""
    return {name: value for name, value in values.items() if value is not None and value not in ([], {})}


def member(value: Any, path: str) -> Any:
    """The value at the path `a.b.c`; None where it is absent."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def take(body: Body, paths: Iterable[str]) -> Any:
    """The value at the first of these paths that has one, taken out; objects that become empty are removed too."""
    return next((value for path in paths if (value := _take(body, path.split("."))) is not None), None)


def _take(body: Body, names: list[str]) -> Any:
    name, *further_names = names
    if not further_names:
        return body.pop(name, None)
    inner = body.get(name)
    if not isinstance(inner, dict):
        return None
    copied = dict(inner)
    value = _take(copied, further_names)
    if value is not None:
        body[name] = copied
        if not copied:
            del body[name]
    return value


def as_text(value: Any) -> str:
    """A text unchanged, any other value as its JSON."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # lone surrogates and huge numbers, which are refused by name later
        pass
    try:
        return json.dumps(value, default=str)
    except RecursionError:
        return "nested too deep"
