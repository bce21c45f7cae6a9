"""The demo: sends a week of sample traffic over HTTP, and prints the tasks found as a table."""

import itertools
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from app.local.errors import LocalError
from app.local.instance import Instance
from app.local.net import direct
from app.sample import EXPECTED, ExpectedTask, traces

_BATCH = 100
"""Traces in one POST: few enough for a moving bar, and enough that HTTP is not the bottleneck."""

_SECONDS_TO_GROUP = 180
"""Seconds within which all calls of the demo must be grouped, also on a busy machine."""

_COVERED = 0.9
"""A task counts as found with this share of its calls: an edited prompt may have few calls on its first days."""


@dataclass(frozen=True)
class TaskFound:
    """A task and its implementations, from the API."""

    task: Mapping[str, Any]
    implementations: list[Mapping[str, Any]]

    @property
    def path(self) -> str:
        return str(self.task["path"])

    @property
    def slots(self) -> list[str]:
        """The slots of the newest version."""
        newest: Mapping[str, Any] | None = max(
            self.implementations, key=lambda version: version["version"], default=None
        )
        return list(newest["slots"]) if newest else []

    def covers(self, expected: ExpectedTask) -> bool:
        is_same = self.path == expected.path and self.task["versions"] == len(expected.versions)
        return is_same and self.task["calls"] >= _COVERED * expected.calls


class DemoApi:
    """The requests to the HTTP API that the demo makes."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def send(self, batch: list[dict[str, Any]]) -> None:
        """POST a batch; raises LocalError with the first problem if a call is refused."""
        results = self._call("/api/v1/traces", {"traces": batch})["results"]
        if refused := [result["error"] for result in results if "error" in result]:
            raise LocalError(f"{len(refused)} sample traces were refused, the first with: {refused[0]}")

    def owed(self) -> int:
        return int(self._call("/api/v1/pipeline")["owed"])

    def tasks(self) -> list[TaskFound]:
        """Tasks with their implementations, by path."""
        tasks = sorted(self._pages("/api/v1/tasks"), key=lambda task: (task["path"], -task["calls"]))
        return [TaskFound(task, list(self._pages(f"/api/v1/tasks/{task['id']}/implementations"))) for task in tasks]

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        cursor = ""
        while True:
            page = self._call(f"{path}?limit=200{cursor}")
            yield from page["items"]
            if not page["next_cursor"]:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def _call(self, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers)  # noqa: S310 - our own address
        try:
            with direct.open(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise LocalError(f"{path} answered {error.code}: {error.read().decode(errors='replace')[:500]}") from None


def play(instance: Instance, console: Console) -> list[ExpectedTask]:
    """Send the traffic, wait, print; returns the expected tasks that were not found."""
    api = DemoApi(instance.url, instance.key)
    _send(api, list(traces()), console)
    _wait_until_grouped(api, console)
    tasks = api.tasks()
    console.print(table(tasks))
    return missing(tasks)


def _send(api: DemoApi, bodies: list[dict[str, Any]], console: Console) -> None:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Sending sample calls", total=len(bodies))
        for batch in _batches(bodies):
            api.send(batch)
            progress.advance(bar, len(batch))


def _batches(bodies: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    waiting = iter(bodies)
    while batch := list(itertools.islice(waiting, _BATCH)):
        yield batch


def _wait_until_grouped(api: DemoApi, console: Console) -> None:
    deadline = time.monotonic() + _SECONDS_TO_GROUP
    with console.status("Grouping") as status:
        while owed := api.owed():
            status.update(f"Grouping: {owed} calls are still to be looked at")
            if time.monotonic() > deadline:
                raise LocalError(
                    f"After {_SECONDS_TO_GROUP} s {owed} calls are still not grouped. See the log of the worker."
                )
            time.sleep(0.3)


def missing(tasks_found: Iterable[TaskFound]) -> list[ExpectedTask]:
    """The expected tasks to which no found task corresponds."""
    uncovered = list(tasks_found)
    missing_parts = []
    for expected in EXPECTED:
        covering = next((task for task in uncovered if task.covers(expected)), None)
        if covering:
            uncovered.remove(covering)
        else:
            missing_parts.append(expected)
    return missing_parts


def table(tasks_found: Sequence[TaskFound]) -> Table:
    """A few lines for each task; only the template is cut."""
    results = Table(title="Tasks found", title_justify="left", expand=True)
    results.add_column("Task", ratio=4)
    results.add_column("Path", no_wrap=True, width=max((len(task_row.path) for task_row in tasks_found), default=4))
    results.add_column("Versions", justify="right", width=8)
    results.add_column("Calls", justify="right", width=5)
    results.add_column("Template", no_wrap=True, ratio=6)
    results.add_column("Slots", ratio=4)
    for task_row in tasks_found:
        task, slots = task_row.task, ", ".join(task_row.slots)
        cells = task["name"], task_row.path, str(task["versions"]), str(task["calls"]), _start(task["template"]), slots
        results.add_row(*map(Text, cells))  # as text: brackets in a prompt are no markup
    return results


def _start(template: list[Mapping[str, str]]) -> str:
    """The beginning of the part with a slot, else of the first part: a constant system text says less."""
    texts = [part["text"] for part in template]
    telling = next((text for text in texts if "{{" in text), texts[0] if texts else "")
    return " ".join(telling.split())[:120]
