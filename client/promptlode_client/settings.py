"""Settings, each from the environment: the app's code need not contain them."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

logger = logging.getLogger("promptlode_client")


_ABOVE_ZERO = {"timeout", "queue_bytes"}
"""Settings of which 0 would lose every call: no request ends within 0 s, and no call fits into 0 bytes."""


def _number(name: str, kind: str, text: str) -> float:
    """The number of a setting. Raises ValueError for one with which nothing could be sent, or for which no socket waits ("nan", "inf")."""
    number = int(text) if kind == "int" else float(text)
    if not 0 <= number < math.inf or (not number and name in _ABOVE_ZERO):
        raise ValueError(text)
    return number


@dataclass(frozen=True)
class Settings:
    """`PROMPTLODE_URL`, `PROMPTLODE_API_KEY` and so on; without a key nothing is recorded."""

    url: str = "http://127.0.0.1:8000"
    api_key: str = ""
    path: str = ""  # call site of calls that name none; else the function that made the call
    flush_seconds: float = 1.0  # a call waits so long for others
    queue_bytes: int = 16 * 1024 * 1024  # as JSON; past it the oldest calls are dropped
    timeout: float = 5.0  # of one request
    exit_seconds: float = 5.0  # for what is left when the app ends

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of the environment; an empty variable is one that is not set. An invalid number is ignored, since a typing error must not stop an app."""
        variables = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = f"PROMPTLODE_{field.name.upper()}"
            if text := variables.get(name, "").strip():
                kind = str(field.type)
                try:
                    values[field.name] = text if kind == "str" else _number(field.name, kind, text)
                except ValueError:
                    form = "a whole number" if kind == "int" else "a number"
                    least = "above 0" if field.name in _ABOVE_ZERO else "of 0 or more"
                    logger.warning("%s must be %s %s; the default %s is used.", name, form, least, field.default)
        return cls(**values)

    @property
    def fault(self) -> str:
        """Why nothing can be sent to this address with this key; "" where both are well formed. It shows neither: both may be secret."""
        if not (self.api_key.isascii() and self.api_key.isprintable() and " " not in self.api_key):
            return "PROMPTLODE_API_KEY has characters that no key has (copy the key again)"
        if not _is_address(self.url):
            return "PROMPTLODE_URL is no address that begins with http:// or https:// and has a host"
        return ""

    def __repr__(self) -> str:
        """The settings without the key."""
        return f"Settings(url={self.url!r})"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises ValueError for a port that is none
    except ValueError:
        return False
    is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_whole and url.isascii() and url.isprintable() and " " not in url
