"""The calls that the figures of a template count, by the address: those of all versions with its text, of one model, or of one version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from app.pages.addresses import here
from app.pages.arguments import choice, note_ignored, project
from app.reading.template_calls import MOST_VERSIONS_COUNTED, TemplateCalls

MOST_MODELS_OFFERED = 8
"""Models among which a page lets choose, those with the most calls: a line of names."""

MOST_VERSIONS_NAMED = 4
"""Versions that a heading names; for more it says how many."""


@dataclass(frozen=True)
class Choice:
    """A selection of calls: its words, its parameters of the address, and whether the page shows it."""

    words: str
    args: Mapping[str, str | None]
    is_shown: bool

    @property
    def address(self) -> str:
        return here(**self.args)


@dataclass(frozen=True)
class Counted:
    """The calls that count, their versions by number, words for these, other selections, and the parameters of the address."""

    calls: TemplateCalls
    versions: Sequence[Row[Any]]
    words: str
    choices: Sequence[Choice]
    args: dict[str, str]


def counted(version: Row[Any], versions: Sequence[Row[Any]]) -> Counted:
    """The selection in the address, for the shown version; versions: those of its task that the page has read (`app.pages.versions`)."""
    twins = TemplateCalls(project(), version.template_id).versions_among(versions)
    models = _by_calls(twins)
    alone = choice("of", ("version",), "") == "version"
    model = choice("model", models, "")
    if alone and model:
        note_ignored("model", model, "of=version is one version, of one model")
        model = ""
    calls = TemplateCalls(project(), version.template_id, version.id if alone else None, model or None)
    versions_counted = sorted(calls.versions_among(versions), key=lambda counted: counted.version)
    args = {name: value for name, value in {"of": "version" if alone else "", "model": model}.items() if value}
    choices = _choices(version, len(twins), models[:MOST_MODELS_OFFERED], args) if len(twins) > 1 else []
    is_cut = len(versions) >= MOST_VERSIONS_COUNTED
    return Counted(calls, versions_counted, _words(versions_counted, is_cut=is_cut), choices, args)


def _by_calls(versions: Sequence[Row[Any]]) -> list[str]:
    """The models of some versions, those with the most calls first."""
    calls: dict[str, int] = {}
    for version in versions:
        calls[version.model] = calls.get(version.model, 0) + version.calls
    return sorted(calls, key=lambda model: (-calls[model], model))


def _choices(version: Row[Any], twins: int, models: Sequence[str], args: dict[str, str]) -> list[Choice]:
    selections: list[tuple[str, dict[str, str]]] = [(f"all {twins} versions", {})]
    selections += [(model, {"model": model}) for model in models] if len(models) > 1 else []
    selections += [(f"v{version.version} alone", {"of": "version"})]
    cleared: dict[str, str | None] = {"of": None, "model": None, "after": None}
    return [Choice(words, cleared | selection, selection == args) for words, selection in selections]


def _words(versions: Sequence[Row[Any]], *, is_cut: bool) -> str:
    """ "v1, v3"; "12 versions" for more than a heading has room for. is_cut: the task may have further versions, which are not counted."""
    if len(versions) > MOST_VERSIONS_NAMED and is_cut:
        return f"the newest versions with the same text, {MOST_VERSIONS_COUNTED} at most"
    if len(versions) > MOST_VERSIONS_NAMED:
        return f"{len(versions)} versions with the same text"
    return ", ".join(f"v{version.version}" for version in versions)
