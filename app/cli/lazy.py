"""Commands whose modules are imported when they run: most of them need neither SQLAlchemy nor Redis, which take a second to import."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import rich_click as click


class LazyCommands(Mapping[str, click.Command]):
    """Commands by their names. homes: the name of a command -> "module:attribute"."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = homes

    def __getitem__(self, name: str) -> click.Command:
        module, _, attribute = self._homes[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)

    def described(self) -> dict[str, click.Command]:
        """The names and docstrings of the commands alone, for a list of them: read from the source, not imported."""
        return {name: click.RichCommand(name=name, help=_docstring(home)) for name, home in self._homes.items()}


def _docstring(home: str) -> str:
    module, _, attribute = home.partition(":")
    functions = (node for node in _tree(module).body if isinstance(node, ast.FunctionDef) and node.name == attribute)
    return next((ast.get_docstring(function) or "" for function in functions), "")


@cache
def _tree(module: str) -> ast.Module:
    spec = find_spec(module)
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else "")
