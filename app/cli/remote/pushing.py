"""Push versions to the registries of other servers: Langfuse, MLflow, Phoenix, each through its own API.

It pushes the output of `promptlode export --format`. A prompt that is unchanged in the registry gets no new version. Keys are sent to the
given address only: no redirect is followed.
"""

import json
import os
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import requests

from app.cli.remote.api import TIMEOUT
from app.errors import PromptlodeError

PushOutcome = Literal["new", "changed", "the same"]

LONGEST_NAME = 100
"""Characters of a name in a registry; Phoenix and MLflow take more."""


class PushError(PromptlodeError):
    """A registry did not answer, or refused the request."""


class Registry(ABC):
    """A server that keeps prompts."""

    form: ClassVar[str]
    """The export format that it takes."""

    address: ClassVar[tuple[str, ...]]
    """Environment variables for its address, the first one set counts: those of its own client."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # no key of ~/.netrc
        self._log_in(environment)

    @abstractmethod
    def _log_in(self, environment: Mapping[str, str]) -> None:
        """Take keys from the variables of the registry's own client."""

    @abstractmethod
    def push(self, name: str, body: Any) -> PushOutcome:
        """Keep the prompt under this name. Raises PushError."""

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The answer of GET, None where there is none."""
        return self._ask("GET", path, params=query)

    def _post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._session.request(method, self._url + path, timeout=TIMEOUT, allow_redirects=False, **options)
            if method == "GET" and answer.status_code == requests.codes.not_found:
                return None
            return answer.json() if answer.ok and not answer.is_redirect else self._refused(answer)
        except (requests.RequestException, ValueError):
            raise PushError(
                f"{self._url} does not answer as {type(self).__name__} does. Check the address (--to)."
            ) from None

    def _refused(self, answer: requests.Response) -> Any:
        if answer.is_redirect:
            raise PushError(
                f"{self._url} redirects to another address, to which no key is sent. Give the other address with --to."
            )
        if answer.status_code in {requests.codes.unauthorized, requests.codes.forbidden}:
            raise PushError(f"{self._url} refuses the keys in the environment. docs/exports.md names the variables.")
        raise PushError(f"{self._url} answered {answer.status_code}: {_sentence(answer)}")


def _sentence(answer: requests.Response) -> str:
    """The server's message, as one line without control characters."""
    return "".join(char if char.isprintable() else " " for char in answer.text)[:300]


class Langfuse(Registry):
    """Langfuse: prompts by name, each with versions."""

    form = "langfuse"
    address = ("LANGFUSE_BASE_URL", "LANGFUSE_HOST")

    def _log_in(self, environment: Mapping[str, str]) -> None:
        public, secret = (environment.get(f"LANGFUSE_{kind}_KEY", "") for kind in ("PUBLIC", "SECRET"))
        self._session.auth = (public, secret)

    def push(self, name: str, body: Any) -> PushOutcome:
        latest = self._get(f"/api/public/v2/prompts/{quote(name, safe='')}", {"label": "latest"})
        if latest is not None and all(_plain(latest.get(key)) == _plain(body[key]) for key in ("prompt", "config")):
            return "the same"
        self._post("/api/public/v2/prompts", body | {"name": name})
        return "changed" if latest else "new"


def _plain(value: Any) -> Any:
    """The messages without the type that Langfuse adds."""
    if isinstance(value, list):
        return [{"role": item.get("role"), "content": item.get("content")} for item in value]
    return value


class MLflow(Registry):
    """MLflow: a prompt is a registered model with tags of its own."""

    form = "mlflow"
    address = ("MLFLOW_TRACKING_URI",)

    def _log_in(self, environment: Mapping[str, str]) -> None:
        if token := environment.get("MLFLOW_TRACKING_TOKEN"):
            self._session.headers["Authorization"] = f"Bearer {token}"
        elif name := environment.get("MLFLOW_TRACKING_USERNAME"):
            self._session.auth = (name, environment.get("MLFLOW_TRACKING_PASSWORD", ""))

    def push(self, name: str, body: Any) -> PushOutcome:
        existing = self._get("/api/2.0/mlflow/registered-models/get", {"name": name})
        if existing is None:
            mark = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
            self._post("/api/2.0/mlflow/registered-models/create", {"name": name, "tags": mark})
        tags: dict[str, str] = {
            "mlflow.prompt.is_prompt": "true",
            "mlflow.prompt.text": json.dumps(body["template"]),
            "_mlflow_prompt_type": "chat",
            **body["tags"],
        }
        if existing is not None and self._is_latest(name, tags):
            return "the same"
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        version = {"name": name, "source": "prompt-template", "tags": pairs}
        self._post("/api/2.0/mlflow/model-versions/create", version)
        return "changed" if existing else "new"

    def _is_latest(self, name: str, tags: Mapping[str, str]) -> bool:
        condition = f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'"
        query = {"filter": condition, "max_results": "1", "order_by": "version_number DESC"}
        versions = (self._get("/api/2.0/mlflow/model-versions/search", query) or {}).get("model_versions") or []
        latest = {tag["key"]: tag["value"] for version in versions for tag in version.get("tags", [])}
        return all(latest.get(key) == value for key, value in tags.items())


class Phoenix(Registry):
    """Phoenix of Arize: prompts by name, each with versions."""

    form = "phoenix"
    address = ("PHOENIX_ENDPOINT", "PHOENIX_COLLECTOR_ENDPOINT", "PHOENIX_BASE_URL")

    def _log_in(self, environment: Mapping[str, str]) -> None:
        if key := environment.get("PHOENIX_API_KEY"):
            self._session.headers["Authorization"] = f"Bearer {key}"

    def push(self, name: str, body: Any) -> PushOutcome:
        latest = self._get(f"/v1/prompts/{quote(name, safe='')}/latest")
        existing, version = (latest or {}).get("data") or {}, body["version"]
        parts = ("model_provider", "model_name", "template", "invocation_parameters")
        if latest is not None and all(existing.get(part) == version[part] for part in parts):
            return "the same"
        self._post("/v1/prompts", body | {"prompt": body["prompt"] | {"name": name}})
        return "changed" if latest else "new"


REGISTRIES: Mapping[str, type[Registry]] = {
    "langfuse": Langfuse,
    "mlflow": MLflow,
    "phoenix": Phoenix,
}


def registry(name: str, url: str | None) -> Registry:
    """The registry of this name, a key of REGISTRIES, at this address, else at the one in its own client's variables. Raises PushError."""
    kind = REGISTRIES[name]
    address = url or next((os.environ[character] for character in kind.address if os.environ.get(character)), None)
    if address is None or not address.startswith(("http://", "https://")):
        raise PushError(
            f"Give the address of {kind.__name__}: --to https://…, or {kind.address[0]} in the environment."
        )
    return kind(address, os.environ)


def name_in_registry(path: str, name: str, task_id: str) -> str:
    """support-triage-sort-the-mail: ASCII letters, digits and hyphens, which all three accept; the id where nothing is left."""
    ascii_text = unicodedata.normalize("NFKD", f"{path}-{name}").encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", ascii_text))[:LONGEST_NAME].strip("-") or f"task-{task_id[-8:]}"
