"""The compared products: each is started, stopped, killed, measured, and asked for the calls that it shows."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import psutil
import requests

from app.local.processes import Child, free_port, wait_until
from benchmarks.environments import inherited
from benchmarks.ingest.load import Target
from benchmarks.ingest.traffic import Conventions, gen_ai
from benchmarks.ingest.world import World, cpu_seconds, family

PROTOBUF = "application/x-protobuf"
SECONDS_TO_START = 300
"""Seconds: the first start of MLflow compiles its packages and makes its tables, 30 s with other work on two cores."""

Json = dict[str, Any]


class Product(Protocol):
    """A product on data of its own, which outlive its processes."""

    conventions: Conventions

    def start(self) -> Target:
        """Starts all processes on the data of before; returns where exports are sent once the product answers."""

    def stop(self) -> None:
        """Stops all processes in order."""

    def kill(self) -> None:
        """SIGKILL to all processes at once."""

    def cpu(self) -> float:
        """Seconds of CPU time of all processes."""

    def bytes_on_disk(self) -> int:
        """Bytes of the data, without PostgreSQL's write-ahead log, whose files are made ahead and used again."""

    def visible(self) -> int:
        """Calls that the product's own API lists."""

    def is_settled(self) -> bool:
        """Whether the product owes no work for the visible calls."""


class Promptlode:
    """The product on its embedded PostgreSQL, which is durable, with all processes of the Procfile."""

    def __init__(self, home: Path) -> None:
        home.chmod(0o711)  # the account that PostgreSQL runs under, when root starts it, must pass
        self.conventions: Conventions = gen_ai
        self._servers = World(home)
        self._target = Target(0)

    def start(self) -> Target:
        self._servers.start()
        self._target = self._servers.serve("app.front:create")
        self._servers.start_the_rest()
        return replace(self._target, path="/v1/traces", content_type=PROTOBUF)

    def stop(self) -> None:
        self._servers.stop()

    def kill(self) -> None:
        self._servers.kill_all()
        self._servers.engine.dispose()

    def cpu(self) -> float:
        return self._servers.cpu()

    def bytes_on_disk(self) -> int:
        return size_of(self._servers.postgres.home)

    def visible(self) -> int:
        url = f"http://127.0.0.1:{self._target.port}/api/v1/traces"
        headers = {"Authorization": f"Bearer {self._target.key}"}

        def page(cursor: str | None) -> Json:
            query = {"limit": "200", "cursor": cursor}
            return answer_of(requests.get(url, query, headers=headers, timeout=60))

        return sum(map(len, pages(page, "items", "next_cursor")))

    def is_settled(self) -> bool:
        return self._servers.is_settled()


@dataclass(frozen=True)
class Software:
    """A foreign product: how it is installed, started, sent to and asked. `{port}` and the like stand in command and settings."""

    name: str
    package: str
    requirement: str
    command: tuple[str, ...]
    settings: dict[str, str]
    headers: tuple[tuple[str, str], ...]
    conventions: Conventions
    alive: str
    """The path that answers 200 once the server takes requests."""

    count: Callable[[str], int]
    """The number of calls that the server at a URL lists."""


class Foreign:
    """A foreign product of a virtual environment, with its data in `home`, where its own defaults put them."""

    def __init__(self, software: Software, environment: Path, home: Path) -> None:
        self._software, self._environment = software, environment
        self.conventions = software.conventions
        self._data, self._log = home / "data", home / "log"
        self._data.mkdir()
        self._child = Child(signal.SIGTERM)
        self._url = ""

    def start(self) -> Target:
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        names = {"port": str(port), "other_port": str(free_port()), "data": str(self._data)}
        program, *arguments = (part.format(**names) for part in self._software.command)
        settings = {name: value.format(**names) for name, value in self._software.settings.items()}
        command = [str(self._environment / "bin" / program), *arguments]
        self._child.launch(command, self._log, str(self._data), env=inherited() | settings)
        wait_until(self._answers, SECONDS_TO_START, self._failure, pause=0.2)
        return Target(port, "", "/v1/traces", PROTOBUF, self._software.headers)

    def stop(self) -> None:
        self._child.end()

    def kill(self) -> None:
        self._child.end(signal.SIGKILL)

    def cpu(self) -> float:
        return sum(map(cpu_seconds, family(psutil.Process(self._child.pid))))

    def bytes_on_disk(self) -> int:
        return size_of(self._data)

    def visible(self) -> int:
        return self._software.count(self._url)

    def is_settled(self) -> bool:
        return True

    def _answers(self) -> bool:
        try:
            return requests.get(self._url + self._software.alive, timeout=5).ok
        except requests.RequestException:
            return False

    def _failure(self) -> str:
        return f"{self._software.name} does not answer; its log:\n{self._log.read_text(errors='replace')[-2000:]}"


# --- what products list


def pages(page: Callable[[str | None], Json], items: str, following: str) -> Iterator[list[Any]]:
    """The items of all pages; `page` reads one page by the cursor that the field `following` of the page before holds."""
    cursor: str | None = None
    while True:
        body = page(cursor)
        yield body.get(items) or []
        cursor = body.get(following)
        if not cursor:
            return


def answer_of(response: requests.Response) -> Json:
    """The JSON of an answer. Raises requests.HTTPError where the answer is none."""
    response.raise_for_status()
    body: Json = response.json()
    return body


def _listed_by_phoenix(url: str) -> int:
    def page(cursor: str | None) -> Json:
        query = {"limit": "1000", "cursor": cursor}
        response = requests.get(f"{url}/v1/projects/default/traces", query, timeout=60)
        return {} if response.status_code == requests.codes.not_found else answer_of(response)

    return sum(map(len, pages(page, "data", "next_cursor")))


_EXPERIMENT = "0"
"""The experiment that each MLflow has from its start."""


def _listed_by_mlflow(url: str) -> int:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": _EXPERIMENT}}

    def page(token: str | None) -> Json:
        query: Json = {"locations": [place], "max_results": 500, "page_token": token or ""}
        return answer_of(requests.post(f"{url}/api/3.0/mlflow/traces/search", json=query, timeout=60))

    return sum(map(len, pages(page, "traces", "next_page_token")))


def open_inference(body: Json) -> dict[str, str | int]:
    """The attributes of Phoenix's own conventions."""
    attributes: dict[str, str | int] = {
        "openinference.span.kind": "LLM",
        "llm.model_name": body["model"],
        "llm.invocation_parameters": '{"temperature": 0}',
        "llm.token_count.prompt": body["usage"]["input_tokens"],
        "llm.token_count.completion": body["usage"]["output_tokens"],
    }
    for kind, messages in (("input", body["messages"]), ("output", body["output"])):
        for number, message in enumerate(messages):
            for field, text in message.items():
                attributes[f"llm.{kind}_messages.{number}.message.{field}"] = text
    return attributes


def size_of(folder: Path) -> int:
    """Bytes that a folder takes on the disk, without the write-ahead log of a PostgreSQL."""
    files = (path for path in folder.rglob("*") if path.is_file() and "pg_wal" not in path.parts)
    return sum(path.stat().st_blocks * 512 for path in files)


PHOENIX = Software(
    name="Phoenix",
    package="arize-phoenix",
    requirement="arize-phoenix>=11",
    command=("phoenix", "serve"),
    settings={
        "PHOENIX_WORKING_DIR": "{data}",
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": "{port}",
        "PHOENIX_GRPC_PORT": "{other_port}",
        "PHOENIX_TELEMETRY_ENABLED": "false",
    },
    headers=(),
    conventions=open_inference,
    alive="/healthz",
    count=_listed_by_phoenix,
)
MLFLOW = Software(
    name="MLflow",
    package="mlflow",
    requirement="mlflow>=3.6",
    # Uvicorn kills a worker that does not answer for 5 s, which a start on a busy machine takes.
    command=(
        "mlflow", "server", "--host", "127.0.0.1", "--port", "{port}",
        "--uvicorn-opts", "--timeout-worker-healthcheck 120",
    ),
    settings={"MLFLOW_DISABLE_TELEMETRY": "true"},
    headers=(("x-mlflow-experiment-id", _EXPERIMENT),),
    conventions=gen_ai,
    alive="/health",
    count=_listed_by_mlflow,
)  # fmt: skip
FOREIGN = (PHOENIX, MLFLOW)
OWN = "Promptlode"
OWN_VERSION = version("promptlode")
