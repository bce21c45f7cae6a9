"""Applications on a port: the product, one that fails as a test asks, and a stand-in for OpenAI."""

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Logs nothing: tests do not need an access log."""

    def get_environ(self) -> dict[str, Any]:
        return super().get_environ() | {"tests.connection": self.wfile}


class _Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Ignores broken connections: in some tests the client does not wait for the answer."""


class Serving:
    """An application on a port, and the statuses of its answers. An answer of `failing` replaces that of the application."""

    def __init__(self, app: App, port: int = 0) -> None:
        self.statuses: list[int] = []
        self.failing: Callable[[], tuple[str, list[tuple[str, str]]] | None] = lambda: None
        self._app = app
        self._server = make_server("127.0.0.1", port, self._answer, server_class=_Threaded, handler_class=_Quiet)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> "Serving":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *arguments: Any) -> Any:
            self.statuses.append(int(status[:3]))
            return start_response(status, headers, *arguments)

        if failure := self.failing():
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start(*failure)
            return [b"no"]
        return self._app(environ, start)


# --- a stand-in for OpenAI

CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "gpt-5",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there"}}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1767225600,
    "status": "completed",
    "model": "gpt-5",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello there", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 4,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 6,
    },
}


def _chunk(delta: dict[str, Any], **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1767225600, "model": "gpt-5"}
    return {**head, "choices": [choice], **fields}


CHUNKS = [
    _chunk({"role": "assistant", "content": "Hello"}),
    _chunk({"content": " there"}),
    _chunk({"tool_calls": [{"index": 0, **CALL, "function": {"name": "find", "arguments": '{"q"'}}]}),
    _chunk({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
    _chunk({}, choices=[], usage=COMPLETION["usage"]),
]
EVENTS = [
    {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Hello"},
    {"type": "response.completed", "response": RESPONSE},
]


def standin(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Sends the answers above; an error for the model `none`."""
    request = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    chat = environ["PATH_INFO"].endswith("/chat/completions")
    if request["model"] == "none":
        start_response("404 Not Found", [("Content-Type", "application/json")])
        return [b'{"error": {"message": "no such model", "type": "invalid_request_error"}}']
    if request.get("stream"):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return [_event(piece, number) for number, piece in enumerate(CHUNKS if chat else EVENTS)]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(COMPLETION if chat else RESPONSE).encode()]


def _event(piece: dict[str, Any], number: int) -> bytes:
    kind = f"event: {piece['type']}\n" if "type" in piece else ""
    return f"{kind}data: {json.dumps({**piece, 'sequence_number': number})}\n\n".encode()
