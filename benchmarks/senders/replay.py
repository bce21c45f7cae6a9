"""Sends recorded requests again, to see what today's Promptlode stores of them."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.senders.comparing import Row, compared
from benchmarks.senders.recorder import KEY
from benchmarks.senders.standin import Exchange

Json = dict[str, Any]
Send = Callable[[str, str, dict[str, str], bytes], int]
"""Sends a request (method, path, headers, body) and gives the status of the answer."""


def replayed(recording: Json, key: str, send: Send, traces: Callable[[], list[Any]]) -> tuple[Row, list[str]]:
    """(the row of a recording, the requests that were not answered with success)."""
    failed = [f"{path} {status}" for path, status in _statuses(recording, key, send) if status >= 400]
    return compared(exchanges(recording), traces()), failed


def _statuses(recording: Json, key: str, send: Send) -> Iterator[tuple[str, int]]:
    for request in recording["requests"]:
        headers = {name: _with_key(value, key) for name, value in request["headers"].items()}
        yield request["path"], send(request["method"], request["path"], headers, base64.b64decode(request["body"]))


def _with_key(value: str, key: str) -> str:
    """The header with the key for `{key}`; Basic auth encodes a name and the key."""
    if value.startswith("Basic "):
        return "Basic " + base64.b64encode(f"shop:{key}".encode()).decode()
    return value.replace(KEY, key)


def exchanges(recording: Json) -> list[Exchange]:
    """A recording's calls over the wire."""
    return [Exchange(**call | {"texts": [(role, text) for role, text in call["texts"]]}) for call in recording["calls"]]
