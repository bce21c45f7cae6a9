"""The path that we stand under behind a proxy, as its header X-Forwarded-Prefix says: links, forms and redirects begin with it.

Proxies differ in whether they take it off the path that they hand on, so it is taken off where it still is.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+){1,16}")
"""Names between slashes and nothing else: two slashes in a row would make a link to another host."""


class BasePath:
    """A WSGI application under the base path of each request."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """The application's answer."""
        prefix = str(environ.get("HTTP_X_FORWARDED_PREFIX", "")).partition(",")[0].strip().rstrip("/")
        if _PREFIX.fullmatch(prefix):
            _move(environ, prefix)
        return self._app(environ, start_response)


def _move(environ: dict[str, Any], prefix: str) -> None:
    path = environ.get("PATH_INFO", "")
    environ["SCRIPT_NAME"] = prefix
    if path == prefix or path.startswith(f"{prefix}/"):
        environ["PATH_INFO"] = path[len(prefix) :] or "/"
