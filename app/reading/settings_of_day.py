"""Versions of one text and model that differ in settings and tools alone: those of one day are one line of lists and of the feed. Pure.

An app that draws its temperature anew, or chooses tools for each call, makes a version of nearly every call. `app.store.changes` notes the
first version of each such day.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, TypeVar

Version = TypeVar("Version", bound=Any)

TOOLS = "tools"
"""The name of the tools among the names of settings."""


def by_day(versions: Iterable[Version]) -> list[list[Version]]:
    """Versions of a task (rows of `implementation`, by number), those together that differ in settings alone and were made in one UTC day.

    The first version of a text and model is always alone: more than its settings are new.
    """
    lines: dict[Any, list[Version]] = {}
    begun = set()
    for version in versions:
        text_and_model = (version.template_id, version.model)
        day = version.created_at.astimezone(UTC).date() if text_and_model in begun else None
        begun.add(text_and_model)
        lines.setdefault((text_and_model, day), []).append(version)
    return list(lines.values())


def varying(pairs: Sequence[tuple[Mapping[str, Any], Any]]) -> list[str]:
    """The names of settings that differ among these pairs of settings and tools."""
    names = sorted({name for settings, _ in pairs for name in settings})
    first_settings, first_tools = pairs[0]
    varying_names = [
        name for name in names if any(settings.get(name) != first_settings.get(name) for settings, _ in pairs)
    ]
    return varying_names + ([TOOLS] if any(tools != first_tools for _, tools in pairs) else [])
