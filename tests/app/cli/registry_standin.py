"""A stand-in for the prompt registries of Langfuse, MLflow and Phoenix: their routes, keys, answers and versions, in memory."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEYS = {
    "LANGFUSE_PUBLIC_KEY": "pk-lf-1",
    "LANGFUSE_SECRET_KEY": "sk-lf-1",
    "MLFLOW_TRACKING_TOKEN": "mlflow-token",
    "PHOENIX_API_KEY": "phoenix-key",
}
BASIC = "Basic " + base64.b64encode(b"pk-lf-1:sk-lf-1").decode()
ALLOWED = {"/api/public/": BASIC, "/api/2.0/mlflow/": "Bearer mlflow-token", "/v1/prompts": "Bearer phoenix-key"}


class Standin(ThreadingHTTPServer):
    """The versions of prompts by registry and name; `redirect_to` sends every request elsewhere."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: dict[str, dict[str, list[Any]]] = {"langfuse": {}, "mlflow": {}, "phoenix": {}}
        self.redirect_to = ""
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Standin

    def log_message(self, *_: Any) -> None:
        """Keeps the log of requests silent."""

    def do_GET(self) -> None:
        self._route(None)

    def do_POST(self) -> None:
        self._route(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _route(self, body: Any) -> None:
        if self.server.redirect_to:
            self.send_response(307)
            self.send_header("Location", self.server.redirect_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        wanted = next((key for start, key in ALLOWED.items() if address.path.startswith(start)), None)
        if wanted is None:
            self._answer(404, {"message": "no such route"})
        elif self.headers.get("Authorization") != wanted:
            self._answer(401, {"message": "Invalid credentials"})
        else:
            self._answer(*self._kept(address.path, query, body))

    def _kept(self, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        last = unquote(path.rsplit("/", 1)[1])
        if path.startswith("/api/public/v2/prompts"):
            return self._langfuse(last, body)
        if path.startswith("/v1/prompts"):
            return self._phoenix(unquote(path.split("/")[3]) if body is None else "", body)
        return self._mlflow(path.removeprefix("/api/2.0/mlflow/"), query, body)

    def _langfuse(self, name: str, body: Any) -> tuple[int, Any]:
        prompts = self.server.kept["langfuse"]
        if body is None:
            return (200, prompts[name][-1]) if name in prompts else (404, {"error": "LangfuseNotFoundError"})
        typed = [{"type": "chatmessage", **message} for message in body["prompt"]]
        versions = prompts.setdefault(body["name"], [])
        versions.append(body | {"prompt": typed, "version": len(versions) + 1, "labels": [*body["labels"], "latest"]})
        return 201, versions[-1]

    def _phoenix(self, name: str, body: Any) -> tuple[int, Any]:
        prompts = self.server.kept["phoenix"]
        if body is None:
            return (200, {"data": prompts[name][-1]}) if name in prompts else (404, {"detail": "not found"})
        versions = prompts.setdefault(body["prompt"]["name"], [])
        versions.append(body["version"] | {"id": f"v{len(versions) + 1}"})
        return 200, {"data": versions[-1]}

    def _mlflow(self, endpoint: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        prompts = self.server.kept["mlflow"]
        missing = 404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}
        if endpoint == "registered-models/get":
            name = query["name"]
            mark = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
            return (200, {"registered_model": {"name": name, "tags": mark}}) if name in prompts else missing
        if endpoint == "registered-models/create":
            prompts[body["name"]] = []
            return 200, {"registered_model": body}
        if endpoint == "model-versions/create":
            prompts[body["name"]].append(body | {"version": str(len(prompts[body["name"]]) + 1)})
            return 200, {"model_version": prompts[body["name"]][-1]}
        if endpoint == "model-versions/get":
            return 200, {"model_version": prompts[query["name"]][int(query["version"]) - 1]}
        if endpoint == "model-versions/search":
            assert query["order_by"] == "version_number DESC"
            assert "mlflow.prompt.is_prompt" in query["filter"]
            return 200, {"model_versions": prompts[query["filter"].split("'")[1]][-1:]}
        return missing

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving() -> Iterator[Standin]:
    standin = Standin()
    thread = threading.Thread(target=standin.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield standin
    finally:
        standin.shutdown()
        thread.join()
        standin.server_close()
