"""A change as a sentence, with texts of prompts or without.  Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from app.reading.feed import Told
from app.reading.pieces import one_line

LONGEST = 120
"""Characters of a name, path or model in a sentence."""


def summary(told: Told, *, with_texts: bool = True) -> str:
    """One line.  Without texts it has nothing from a prompt: only paths, models, numbers, and names that people gave."""
    sentence = _SENTENCES[told.kind](told, _subject(told, with_texts))
    alike = told.details.get("others", 0)
    return f"{sentence} The same of {alike} others." if alike else sentence


def _subject(told: Told, with_texts: bool) -> str:
    named = told.name is not None and (with_texts or told.by_person)
    if told.task_id is None:
        return _short(told.path) if told.path is not None else "the project"
    return f"“{_short(told.name)}” on {_short(told.path)}" if named else f"a task on {_short(told.path)}"


def _short(text: Any) -> str:
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _new_task(told: Told, subject: str) -> str:
    return f"New task: {subject}, model {_short(told.details['model'])}."


def _new_version(told: Told, subject: str) -> str:
    return f"Version {told.version} of {subject}{_what(told)}."


_WHAT_CHANGED = {"template": "the text changed", "settings": "the settings changed", "tools": "the tools changed"}


def _what(told: Told) -> str:
    changed = [
        f"the model is {_short(told.details['model'])}" if name == "model" else _WHAT_CHANGED[name]
        for name in told.details.get("changed", ())
    ]
    return f": {', '.join(changed)}" if changed else ""


def _back(told: Told, subject: str) -> str:
    return f"Version {told.version} of {subject} is back; version {told.details['from']} was taken back."


def _new_model(told: Told, subject: str) -> str:
    return f"New model: {_short(told.details['model'])}, used by {subject}."


def _slot(words: str) -> Callable[[Told, str], str]:
    def sentence(told: Told, subject: str) -> str:
        slot = (
            f"“{_short(told.texts['slot'])}”"
            if "“" in subject and "slot" in told.texts
            else told.details.get("place", "?")
        )
        return f"Slot {slot} of {subject} {words} (version {told.version})."

    return sentence


def _quiet(told: Told, subject: str) -> str:
    last = str(told.details["last_seen"])[:13].replace("T", " ")
    return f"No call of {subject} since {last}:00 UTC; {told.details['expected']} were expected."


def _rate(words: str) -> Callable[[Told, str], str]:
    def sentence(told: Told, subject: str) -> str:
        return f"{_percent(told.details, 'now')} of the calls of {subject} {words}; it was {_percent(told.details, 'before')}."

    return sentence


def _percent(details: Mapping[str, Any], name: str) -> str:
    return f"{100 * details[name]:.3g} %"


def _cost(told: Told, subject: str) -> str:
    before, now = told.details["before"], told.details["now"]
    rise = f"{now / before:.3g} times as much" if before else "something"
    if told.details.get("reason") == "price":
        return f"A call of {_short(told.details['model'])} costs {rise} at its new price: ${now:.3g}; it was ${before:.3g}."
    return f"A call of {subject} costs {rise}: ${now:.3g}; it was ${before:.3g}."


_SENTENCES: Mapping[str, Callable[[Told, str], str]] = {
    "task.new": _new_task,
    "version.new": _new_version,
    "version.back": _back,
    "model.new": _new_model,
    "slot.varies": _slot("began to vary"),
    "slot.constant": _slot("has had one value only for a day"),
    "task.quiet": _quiet,
    "unmatched.rate": _rate("match no template"),
    "error.jump": _rate("fail"),
    "cost.jump": _cost,
}
