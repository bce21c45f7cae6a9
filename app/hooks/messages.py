"""The message of a webhook: body, and headers with a signature.  Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from app.reading.feed import Told
from app.reading.summaries import summary

SIGNATURE = "Promptlode-Signature"
DELIVERY = "Promptlode-Delivery"

MOST_IN_SLACK = 2_900
"""Characters of a text; Slack takes 3,000 in a block and cuts a message at 40,000."""


def body(told: Told, form: str, *, include_text: bool, public_url: str = "") -> bytes:
    """A change as JSON, in our form or in Slack's."""
    url = _url(told, public_url)
    if form == "slack":
        return orjson.dumps({"text": _slack(told, url, include_text=include_text)})
    return orjson.dumps(_plain(told, url, include_text=include_text), option=orjson.OPT_UTC_Z)


def _plain(told: Told, url: str | None, *, include_text: bool) -> Mapping[str, Any]:
    return {
        "id": told.id,
        "kind": told.kind,
        "at": told.at,
        "project": told.project,
        "task_id": told.task_id,
        "version": told.version,
        "path": told.path,
        "summary": summary(told, with_texts=include_text),
        "details": {**told.details, **(told.texts if include_text else {})},
        "url": url,
    }


def _url(told: Told, public_url: str) -> str | None:
    if not public_url or told.task_id is None:
        return f"{public_url}/changes" if public_url else None
    return f"{public_url}/tasks/{told.task_id}" + (f"?version={told.version}" if told.version else "")


def _slack(told: Told, url: str | None, *, include_text: bool) -> str:
    lines = [_escaped(f"{told.project}: {summary(told, with_texts=include_text)}")]
    if include_text and told.texts.get("diff"):
        lines.append(f"```{_escaped(_difference(told.texts['diff']))}```")
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


def headers(secret: str, delivery: UUID, sent: bytes, now: int) -> dict[str, str]:
    """now: Unix time in seconds, which is signed with the body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Promptlode",
        DELIVERY: str(delivery),
        SIGNATURE: f"t={now}, v1={signed(secret, sent, now)}",
    }


def signed(secret: str, sent: bytes, now: int) -> str:
    """HMAC-SHA256 of time, a dot and the body, hexadecimal."""
    return hmac.new(secret.encode(), str(now).encode() + b"." + sent, hashlib.sha256).hexdigest()
