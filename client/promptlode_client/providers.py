"""Finds the provider of a client object by its resources."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from promptlode_client.anthropic import wrap_anthropic
from promptlode_client.client import Client
from promptlode_client.gemini import wrap_gemini
from promptlode_client.openai import wrap_openai

logger = logging.getLogger("promptlode_client")

T = TypeVar("T")

_WRAPPERS = (wrap_openai, wrap_anthropic, wrap_gemini)
_warned: set[type[Any]] = set()


def wrap_any(recorder: Client, client: T, path: str | None = None) -> T:
    """The same client, recorded from now on; an unknown one stays unchanged, which is logged once for each class."""
    if not any(wrap(recorder, client, path) for wrap in _WRAPPERS) and type(client) not in _warned:
        _warned.add(type(client))
        logger.warning(
            "wrap() knows clients of OpenAI, Anthropic and google-genai; calls of %s.%s are not recorded. Use record(...).",
            type(client).__module__,
            type(client).__qualname__,
        )
    return client
