"""Calls our WSGI application (PEP 3333) with a request of granian's RSGI."""

import io
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from app.front.answers import Answer

ADDRESSES = 4096
"""Parsed addresses kept in memory: all requests of a persistent connection have one address."""


@lru_cache(ADDRESSES)
def host_and_port(address: str) -> tuple[str, str]:
    """Host and port of `host:port`; the address of an IPv4 client on a dual-stack socket is written as IPv4."""
    parts = urlsplit(f"//{address}")
    return (parts.hostname or "").removeprefix("::ffff:"), str(parts.port or "")


def environ_of(scope: Any, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The WSGI environment of the request (PEP 3333): its texts are bytes read as Latin-1."""
    server, port = host_and_port(scope.server)
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": host_and_port(scope.client)[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority  # HTTP/2 sends the authority in place of a Host header
    for name, value in headers.items():
        if "_" in name:
            continue  # WSGI cannot tell a name with an underscore from the one with a hyphen, which a proxy may have checked
        variable = name.upper().replace("-", "_")
        has_own_name = variable in ("CONTENT_TYPE", "CONTENT_LENGTH")
        environ[variable if has_own_name else f"HTTP_{variable}"] = value
    return environ


def call(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Answer:
    """The answer of the application."""
    started: list[tuple[int, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        started.append((int(status[:3]), headers))

    parts = app(environ, start)
    try:
        body = b"".join(parts)
    finally:
        if close := getattr(parts, "close", None):
            close()
    return *started[-1], body
