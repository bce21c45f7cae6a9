"""Changes as an Atom feed (RFC 4287). Pure."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree

from app.reading.feed import FeedEntry
from app.reading.summaries import summary

NAMESPACE = "http://www.w3.org/2005/Atom"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot represent; prompts and names may contain them."""

SIGNS = {"added": "+", "removed": "-"}


def feed_of(changes: Sequence[FeedEntry], project_id: UUID, address: str, link: Callable[[FeedEntry], str]) -> bytes:
    """The feed of a project, at an address; link: the page of a change."""
    root = ElementTree.Element(f"{{{NAMESPACE}}}feed")
    _text(root, "title", f"Promptlode: changes of {changes[0].project}" if changes else "Promptlode: changes")
    _text(root, "id", f"urn:uuid:{project_id}")
    _text(root, "updated", _time(max((change.at for change in changes), default=datetime(1970, 1, 1, tzinfo=UTC))))
    ElementTree.SubElement(root, f"{{{NAMESPACE}}}link", rel="self", href=address)
    _text(ElementTree.SubElement(root, f"{{{NAMESPACE}}}author"), "name", "Promptlode")
    for change in changes:
        _entry(root, change, link(change))
    ElementTree.register_namespace("", NAMESPACE)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _entry(root: ElementTree.Element, change: FeedEntry, page: str) -> None:
    entry = ElementTree.SubElement(root, f"{{{NAMESPACE}}}entry")
    _text(entry, "title", summary(change))
    _text(entry, "id", f"urn:uuid:{change.id}")
    _text(entry, "updated", _time(change.at))
    ElementTree.SubElement(entry, f"{{{NAMESPACE}}}link", href=page)
    ElementTree.SubElement(entry, f"{{{NAMESPACE}}}category", term=change.kind)
    _text(entry, "content", "\n".join([summary(change), *_difference(change)])).set("type", "text")


def _difference(change: FeedEntry) -> list[str]:
    pieces = [piece for part in change.texts.get("diff") or () for piece in part["pieces"] if piece["change"] in SIGNS]
    return [f"{SIGNS[piece['change']]} {piece['text'] or piece['slot']}" for piece in pieces]


def _text(parent: ElementTree.Element, name: str, text: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    element.text = _NOT_XML.sub("�", text)
    return element


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
