"""The message of a webhook: body, and headers with a signature. Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from app.reading.feed import FeedEntry
from app.reading.summaries import summary

SIGNATURE = "Promptlode-Signature"
DELIVERY = "Promptlode-Delivery"

MOST_IN_SLACK = 2_900
"""Characters of a text; Slack takes 3,000 in a block and cuts a message at 40,000."""


def body(change: FeedEntry, form: str, *, include_text: bool, public_url: str = "") -> bytes:
    """A change as JSON, in our form or in Slack's."""
    url = _url(change, public_url)
    if form == "slack":
        return orjson.dumps({"text": _slack(change, url, include_text=include_text)})
    return orjson.dumps(_plain(change, url, include_text=include_text), option=orjson.OPT_UTC_Z)


def _plain(change: FeedEntry, url: str | None, *, include_text: bool) -> Mapping[str, Any]:
    return {
        "id": change.id,
        "kind": change.kind,
        "at": change.at,
        "project": change.project,
        "task_id": change.task_id,
        "version": change.version,
        "path": change.path,
        "summary": summary(change, with_texts=include_text),
        "details": {**change.details, **(change.texts if include_text else {})},
        "url": url,
    }


def _url(change: FeedEntry, public_url: str) -> str | None:
    if not public_url or change.task_id is None:
        return f"{public_url}/changes" if public_url else None
    return f"{public_url}/tasks/{change.task_id}" + (f"?version={change.version}" if change.version else "")


def _slack(change: FeedEntry, url: str | None, *, include_text: bool) -> str:
    lines = [_escaped(f"{change.project}: {summary(change, with_texts=include_text)}")]
    if include_text and change.texts.get("diff"):
        lines.append(f"```{_escaped(_difference(change.texts['diff']))}```")
    return "\n".join([*lines, *([url] if url else [])])


def _difference(parts: list[dict[str, Any]]) -> str:
    """The removed and added words of an edit, a line each."""
    signs = {"added": "+", "removed": "-"}
    pieces = [piece for part in parts for piece in part["pieces"] if piece["change"] in signs]
    lines = (f"{signs[piece['change']]} {piece['text'].strip() or piece['slot'] or ' '}" for piece in pieces)
    return "\n".join(lines)[:MOST_IN_SLACK]


_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b", "`": "ˋ"}
"""Escapes as in Slack's documentation, so that no name mentions a channel or makes a link; @ for Slack-like services."""


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(char, char) for char in text)


def headers(secret: str, delivery: UUID, body: bytes, now: int) -> dict[str, str]:
    """now: Unix time in seconds, which is signed with the body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Promptlode",
        DELIVERY: str(delivery),
        SIGNATURE: f"t={now}, v1={signed(secret, body, now)}",
    }


def signed(secret: str, body: bytes, now: int) -> str:
    """HMAC-SHA256 of time, a dot and the body, hexadecimal."""
    return hmac.new(secret.encode(), str(now).encode() + b"." + body, hashlib.sha256).hexdigest()
