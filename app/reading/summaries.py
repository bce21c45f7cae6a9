"""A change as a sentence, with texts of prompts or without. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from app.reading.feed import FeedEntry
from app.reading.pieces import one_line
from app.words import cut, enumerated

MOST_CHARACTERS_NAMED = 120
"""Characters of a name, path or model in a sentence."""


def summary(change: FeedEntry, *, with_texts: bool = True) -> str:
    """One line. Without texts it has nothing from a prompt: only paths, models, numbers, and names that people gave."""
    sentence = _SENTENCES[change.kind](change, _subject(change, with_texts))
    alike = change.details.get("others", 0)
    return f"{sentence} The same of {alike} others." if alike else sentence


def _subject(change: FeedEntry, with_texts: bool) -> str:
    has_shown_name = change.name is not None and (with_texts or change.by_person)
    if change.task_id is None:
        return _short(change.path) if change.path is not None else "the project"
    return f"“{_short(change.name)}” on {_short(change.path)}" if has_shown_name else f"a task on {_short(change.path)}"


def _short(text: Any) -> str:
    line = one_line(text)
    return cut(line, MOST_CHARACTERS_NAMED)


def _new_task(change: FeedEntry, subject: str) -> str:
    return f"New task: {subject}, model {_short(change.details['model'])}."


def _new_version(change: FeedEntry, subject: str) -> str:
    if "settings" in change.details:
        count, names = change.details["settings"], enumerated([*map(_short, change.details["varying"])])
        return f"{count} settings of {subject} on one day, from version {change.version} on: {names} varied."
    return f"Version {change.version} of {subject}{_what(change)}."


_WHAT_CHANGED = {"template": "the text changed", "settings": "the settings changed", "tools": "the tools changed"}


def _what(change: FeedEntry) -> str:
    changed = [
        f"the model is {_short(change.details['model'])}" if name == "model" else _WHAT_CHANGED[name]
        for name in change.details.get("changed", ())
    ]
    return f": {', '.join(changed)}" if changed else ""


def _version_back(change: FeedEntry, subject: str) -> str:
    return f"Version {change.version} of {subject} is back; version {change.details['from']} was taken back."


def _new_model(change: FeedEntry, subject: str) -> str:
    return f"New model: {_short(change.details['model'])}, used by {subject}."


def _slot(words: str) -> Callable[[FeedEntry, str], str]:
    def sentence(change: FeedEntry, subject: str) -> str:
        slot = (
            f"“{_short(change.texts['slot'])}”"
            if "“" in subject and "slot" in change.texts
            else change.details.get("place", "?")
        )
        return f"Slot {slot} of {subject} {words} (version {change.version})."

    return sentence


def _quiet(change: FeedEntry, subject: str) -> str:
    last = str(change.details["last_seen"])[:13].replace("T", " ")
    return f"No call of {subject} since {last}:00 UTC; {change.details['expected']} were expected."


def _rate(words: str) -> Callable[[FeedEntry, str], str]:
    def sentence(change: FeedEntry, subject: str) -> str:
        return f"{_percent(change.details, 'now')} of the calls of {subject} {words}; it was {_percent(change.details, 'before')}."

    return sentence


def _percent(details: Mapping[str, Any], name: str) -> str:
    return f"{100 * details[name]:.3g} %"


def _cost(change: FeedEntry, subject: str) -> str:
    before, now = change.details["before"], change.details["now"]
    rise = f"{now / before:.3g} times as much" if before else "something"
    if change.details.get("reason") == "price":
        return f"A call of {_short(change.details['model'])} costs {rise} at its new price: ${now:.3g}; it was ${before:.3g}."
    return f"A call of {subject} costs {rise}: ${now:.3g}; it was ${before:.3g}."


_SENTENCES: Mapping[str, Callable[[FeedEntry, str], str]] = {
    "task.new": _new_task,
    "version.new": _new_version,
    "version.back": _version_back,
    "model.new": _new_model,
    "slot.varies": _slot("began to vary"),
    "slot.constant": _slot("has had one value only for a day"),
    "task.quiet": _quiet,
    "unmatched.rate": _rate("match no template"),
    "error.jump": _rate("fail"),
    "cost.jump": _cost,
}
