"""Decisions in words, for lists and pages: the change and the actor."""

from typing import Any

from app.words import cut

MOST_CHARACTERS_SHOWN = 80
"""Characters of a name in a sentence."""


def summary(row: Any) -> str:
    """One sentence about a decision, a row of `app.store.history`."""
    return _SENTENCES[row.kind](row.before, row.after)


def _rename(before: Any, after: Any) -> str:
    return f"Renamed {_quoted(before['name'])} to {_quoted(after['name'])}."


def _describe(_: Any, after: Any) -> str:
    return "Changed the description." if after["description"] else "Removed the description."


def _schema(_: Any, after: Any) -> str:
    return "Removed the response schema." if after["response_schema"] is None else "Changed the response schema."


def _production(_: Any, after: Any) -> str:
    return "Put another version into production." if after["production"] else "Took the version out of production."


def _slots(before: Any, after: Any) -> str:
    pairs = dict(zip(before["slots"], after["slots"], strict=False))
    changed = [f"{_quoted(old)} to {_quoted(new)}" for old, new in pairs.items() if old != new]
    return f"Renamed slots: {', '.join(changed)}." if changed else "Kept the names of slots."


def _merge(before: Any, _: Any) -> str:
    return f"Merged {_quoted(before['task']['name'])} into {_quoted(before['into']['name'])}."


def _split_sentence(_: Any, after: Any) -> str:
    return f"Split {_quoted(after['new']['name'])} from {_quoted(after['task']['name'])}."


_SENTENCES = {
    "rename": _rename,
    "describe": _describe,
    "schema": _schema,
    "production": _production,
    "slots": _slots,
    "merge": _merge,
    "split": _split_sentence,
}


def _quoted(name: str | None) -> str:
    """A name in quotation marks; one that was deleted has none."""
    return "a name that was deleted" if name is None else f"“{shortened(name)}”"


def shortened(name: str) -> str:
    """A name, cut to the length that a sentence shows."""
    return cut(name, MOST_CHARACTERS_SHOWN)


def who(actor: str, key_name: str | None, last4: str) -> str:
    """The actor: the name of the key, else its last characters; the pages of local mode and commands have no key."""
    if last4:
        return key_name or f"key …{last4}"
    return "a command" if actor == "command" else "the pages of this machine"
