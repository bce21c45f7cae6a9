"""A proxy between a client and Promptlode that forwards and records every request.

A recorded request holds all that the server's answer depends on, except the key: `{key}` stands in its place.
"""

import base64
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler

from benchmarks.serving import LocalServer, serving

_KEPT = ("Content-Type", "Content-Encoding", "Authorization")
KEY = "{key}"


@dataclass(frozen=True)
class Sent:
    """One request of a client and its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes

    def as_json(self) -> dict[str, object]:
        """The request without its answer, since a replay gets its own."""
        fields = asdict(self) | {"body": base64.b64encode(self.body).decode()}
        return {name: fields[name] for name in ("method", "path", "headers", "body")}


class Recorder(LocalServer):
    """Forwards requests to one server."""

    def __init__(self, target: str, key: str) -> None:
        super().__init__(_Handler)
        self.target, self.key = target, key
        self.sent: list[Sent] = []

    def without_key(self, value: str) -> str:
        """The header with `{key}` for the key. Basic auth holds the key in base64, so all of its value is replaced."""
        return f"Basic {KEY}" if value.startswith("Basic ") else value.replace(self.key, KEY)


def recording(target: str, key: str) -> AbstractContextManager[Recorder]:
    """A recorder that forwards until the block ends."""
    return serving(Recorder(target, key))


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def _pass_on(self) -> None:
        body = self._body()
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")
        }
        headers.pop("Transfer-Encoding", None)
        request = urllib.request.Request(self.server.target + self.path, body or None, headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self._give_back(body, answer.status, answer.headers.get("Content-Type", ""), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                self._give_back(body, error.code, error.headers.get("Content-Type", ""), error.read())

    do_POST = do_GET = do_PUT = do_PATCH = _pass_on

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _give_back(self, body: bytes, status: int, kind: str, answer: bytes) -> None:
        kept_headers = {name: self.server.without_key(self.headers[name]) for name in _KEPT if name in self.headers}
        self.server.sent.append(Sent(self.command, self.path, kept_headers, body, status, answer))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Logs nothing: the table shows the requests."""
