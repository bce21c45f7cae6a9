"""Attributes that are read one by one; those that are never read become metadata."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.checks import is_whole
from app.intake.bodies.values import parsed

_DEEPEST = 16
"""No convention nests half as deep; deeper levels stay in one name."""


class Attributes:
    """The attributes of a span. `take` returns a value once; `rest` holds the values never taken."""

    def __init__(self, values: Mapping[str, Any], names: str | None = None) -> None:
        """names: the names of the values, as `Span.names`; a search in it shows quickly that no name has a prefix."""
        self._left = dict(values)
        self.names = "\n".join(["", *values]) if names is None else names

    def take(self, *names: str) -> Any:
        """The value of the first present name, taken out; the other names stay."""
        return self.take_first(names)

    def take_first(self, names: Iterable[str]) -> Any:
        """As `take`, of names in a tuple."""
        for name in names:
            if name in self._left:
                return self._left.pop(name)
        return None

    def take_json(self, *names: str) -> Any:
        """As `take`; a text that holds a JSON object or list is parsed."""
        value = self.take(*names)
        return parsed(value) if isinstance(value, str) else value

    def take_list(self, prefix: str) -> list[Any]:
        """The list written as `prefix.0.role`, `prefix.0.content`, `prefix.1.role` ...: its items in order."""
        start = f"{prefix}."
        if f"\n{start}" not in self.names:
            return []
        names = [name for name in self._left if name.startswith(start) and _is_item(name.removeprefix(start))]
        tree = _tree((name.removeprefix(start).split(".", _DEEPEST), self._left.pop(name)) for name in names)
        items = _with_lists(tree)
        return items if isinstance(items, list) else []

    def begins(self, prefix: str) -> bool:
        """Whether the name of any attribute began with the prefix."""
        return f"\n{prefix}" in self.names

    def remaining(self) -> dict[str, Any]:
        return self._left


def _is_item(remainder: str) -> bool:
    return _is_index(remainder.partition(".")[0])


def _is_index(name: str) -> bool:
    return is_whole(name) and len(name) <= 9


def _tree(values_by_path: Iterable[tuple[list[str], Any]]) -> dict[str, Any]:
    """Nested dicts; where a name has both a value and members, the value is dropped."""
    root: dict[str, Any] = {}
    for path, value in values_by_path:
        node = root
        for step in path[:-1]:
            inner = node.get(step)
            if not isinstance(inner, dict):
                inner = node[step] = {}
            node = inner
        node.setdefault(path[-1], value)
    return root


def _with_lists(node: Any) -> Any:
    """Dicts whose names are all numbers become lists; numbers may be missing (one instrumentation counts from 1)."""
    if not isinstance(node, dict):
        return node
    inner = {name: _with_lists(value) for name, value in node.items()}
    if inner and all(map(_is_index, inner)):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
