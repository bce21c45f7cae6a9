"""Attributes that are read one by one: what nobody took is metadata in the end."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

# No convention goes half as deep; what a name holds beyond that stays one name.
_DEEPEST = 16


class Attributes:
    """The attributes of a span.  `take` hands a value out once; `rest` is what nobody took."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._left = dict(values)
        self._names = "\n".join(["", *values])  # to see at a glance that none of them begins so

    def take(self, *names: str) -> Any:
        """The value of the first of these names that is there; further ones stay."""
        for name in names:
            if name in self._left:
                return self._left.pop(name)
        return None

    def take_json(self, *names: str) -> Any:
        """As `take`; a text that holds a JSON object or list counts as that."""
        return parsed(self.take(*names))

    def take_count(self, *names: str) -> int | None:
        """As `take`, of those that are whole numbers from 0: what a count can be.  JavaScript sends 31 as 31.0."""
        for name in names:
            if name in self._left and _is_count(self._left[name]):
                return int(self._left.pop(name))
        return None

    def take_list(self, prefix: str) -> list[Any]:
        """The list that is written as `prefix.0.role`, `prefix.0.content`, `prefix.1.role` ...: its items in order."""
        start = f"{prefix}."
        if f"\n{start}" not in self._names:
            return []
        names = [name for name in self._left if name.startswith(start) and _is_item(name.removeprefix(start))]
        tree = _tree((name.removeprefix(start).split(".", _DEEPEST), self._left.pop(name)) for name in names)
        found = _with_lists(tree)
        return found if isinstance(found, list) else []

    def rest(self) -> dict[str, Any]:
        return self._left


def parsed(value: Any) -> Any:
    """The JSON object or list that a text holds, else the value itself."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and value == value // 1


def _is_item(rest: str) -> bool:
    return _is_index(rest.partition(".")[0])


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) <= 9


def _tree(leaves: Iterable[tuple[list[str], Any]]) -> dict[str, Any]:
    """Nested dicts; where one name is both a value and holds others, the value gives way."""
    root: dict[str, Any] = {}
    for path, value in leaves:
        node = root
        for step in path[:-1]:
            inner = node.get(step)
            if not isinstance(inner, dict):
                inner = node[step] = {}
            node = inner
        node.setdefault(path[-1], value)
    return root


def _with_lists(node: Any) -> Any:
    """Dicts whose names are all numbers are lists; numbers may be missing (one instrumentation counts from 1)."""
    if not isinstance(node, dict):
        return node
    inner = {name: _with_lists(value) for name, value in node.items()}
    if inner and all(map(_is_index, inner)):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
