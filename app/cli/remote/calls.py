"""`promptlode traces`, `ungrouped`, `tail`, `send` and `regroup`."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import rich_click as click
from rich.console import Console
from rich.text import Text

from app.cli.printing import plain
from app.cli.remote.api import Api, Item
from app.cli.remote.errors import ApiError
from app.cli.remote.options import LIMIT, connected, formed, limited, ranged
from app.cli.remote.output import Cell, When, as_json, call_text, json_text, printed
from app.cli.remote.tasks import find_task
from app.reading.pieces import Part, Piece, start_of

LOOK_EVERY = 1.0
"""Seconds between two looks of `tail`, each one small request."""

NEWEST = 100
"""Calls that one look of `tail` reads at most."""

_OF_A_TEMPLATE = ("Version", "Values")
"""Columns that a call without a template has no value for."""

CALLS: dict[str, Cell] = {
    "Id": lambda item: item["id"],
    "When": When("started_at", "created_at"),
    "Path": lambda item: item["path"],
    "Model": lambda item: item["model"],
    "Version": lambda item: item["version"],
    "Values": lambda item: ", ".join(
        f"{name}={' '.join(value.split())[:40]}" for name, value in (item["variables"] or {}).items()
    ),
}

UNGROUPED = {title: cell for title, cell in CALLS.items() if title not in _OF_A_TEMPLATE} | {
    "Prompt": lambda item: _start_of(item.get("prompt_start") or [])
}


def _start_of(parts: Sequence[Mapping[str, str]]) -> str:
    """The beginning of a prompt in one line, as on the page of ungrouped calls."""
    return "".join(
        piece.text for piece in start_of([Part(part["role"], [Piece(part["text"])]) for part in parts])
    ).strip()


@click.command()
@click.option("--path", help="Of this path only.")
@click.option("--task", help="Of this task only (id, its beginning, or name).")
@click.option(
    "--slot",
    "slots",
    multiple=True,
    metavar="NAME=VALUE",
    help="With this value in a slot; may be given several times.",
)
@click.option("--model", help="Of this model only.")
@click.option("--user-id", help="Of this user only.")
@ranged
@limited
@formed
@connected
def traces(api: Api, form: str, limit: int, task: str | None, slots: tuple[str, ...], **query: Any) -> None:
    """List calls, the last one stored first: an import of older calls stands before the calls of today."""
    task_id = find_task(api, task)["id"] if task else None
    filters = {f"slot.{name}": value for name, value in map(_slot, slots)}
    calls = api.items("/api/v1/traces", query | {"task_id": task_id} | filters, limit)
    printed(calls, CALLS, form, empty_text="No call fits. `promptlode send` and `promptlode import` bring calls.")


def _slot(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--slot must be NAME=VALUE, not {text!r}.")
    return name, value


@click.command()
@click.option("--path", help="Of this path only.")
@limited
@formed
@connected
def ungrouped(api: Api, form: str, limit: int, path: str | None) -> None:
    """List calls that no template matches, with the beginning of their prompts, the last one stored first."""
    calls = api.items("/api/v1/traces", {"path": path, "ungrouped": "true"}, limit)
    printed(
        calls, UNGROUPED, form, empty_text="None: no call is without a template. `promptlode traces` lists all calls."
    )


@click.command()
@click.argument("prompt", required=False)
@click.option("--path", help="The call site that it counts for.")
@click.option("--model", help="The model that it is said to be of.")
@click.option("--system", help="Its system text.")
@click.option("--output", help="What the model answered.")
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@connected
def send(
    api: Api,
    *,
    prompt: str | None,
    path: str | None,
    model: str | None,
    system: str | None,
    output: str | None,
    as_json_: bool,
) -> None:
    """Send one call: PROMPT with its options, or without PROMPT a JSON body of POST /api/v1/traces on standard input."""
    fields = {"path": path, "model": model, "instructions": system, "input": prompt, "output": output}
    body = (_body() if prompt is None else {}) | {name: value for name, value in fields.items() if value is not None}
    answer = api.post("/api/v1/traces", body)
    if as_json_:
        as_json(answer)
        return
    for row in answer.get("results", [answer]):
        click.echo(f"{row['id']} {row['grouping']}" if "id" in row else plain(f"refused: {row['error']['detail']}"))


def _body() -> dict[str, Any]:
    if sys.stdin.isatty():
        raise click.UsageError("Give a PROMPT, or a JSON body on standard input.")
    try:
        body = json.loads(sys.stdin.buffer.read())
    except ValueError:
        raise click.UsageError("Standard input holds no JSON.") from None
    if not isinstance(body, dict):
        raise click.UsageError("Standard input must hold one JSON object.")
    return body


@click.command()
@click.option("--path", help="Of this path only.")
@click.option("--task", help="Of this task only (id, its beginning, or name).")
@click.option("--json", "as_json_", is_flag=True, help="Print one JSON object a line.")
@click.option("--limit", type=LIMIT, help="End after so many calls.")
@connected
def tail(api: Api, path: str | None, task: str | None, as_json_: bool, limit: int | None) -> None:
    """Show calls as they come, with their template and its values in colour, until Ctrl-C."""
    query = {"path": path, "task_id": find_task(api, task)["id"] if task else None}
    with suppress(KeyboardInterrupt):  # the end of a command that has no other
        _follow(api, query, limit, as_json_=as_json_)


def _follow(api: Api, query: Item, limit: int | None, *, as_json_: bool) -> None:
    """Print the calls that come, `limit` of them."""
    teller = _Teller(api)
    number_shown = 0
    seen_ids = {call["id"] for call in api.items("/api/v1/traces", query, NEWEST)}
    while limit is None or number_shown < limit:
        for call in reversed(
            [call for call in api.items("/api/v1/traces", query, NEWEST) if call["id"] not in seen_ids]
        ):
            seen_ids.add(call["id"])
            click.echo(json_text(call)) if as_json_ else teller.tell(call)
            number_shown += 1
            if number_shown == limit:
                return
        time.sleep(LOOK_EVERY)


class _Teller:
    """Prints calls; keeps their versions in memory."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._console = Console()
        self._versions: dict[str, Item | None] = {}

    def tell(self, call: Item) -> None:
        head = Text.assemble(
            (call["created_at"][11:19], "dim"), "  ", (plain(call["path"]).plain, "bold"), "  ", plain(call["model"])
        )
        self._console.print(head, soft_wrap=True)
        version = self._version(call["implementation_id"])
        if version is None:
            self._console.print(Text("  no template yet", style="dim"))
            return
        colours: dict[str, str] = {}
        for part in version["template"]:
            text = call_text(part, call["variables"] or {}, colours)
            self._console.print(Text("  ") + text, soft_wrap=True)

    def _version(self, implementation_id: str | None) -> Item | None:
        if implementation_id is None:
            return None
        if implementation_id not in self._versions:
            try:
                self._versions[implementation_id] = self._api.get(f"/api/v1/implementations/{implementation_id}")
            except ApiError:
                self._versions[implementation_id] = None
        return self._versions[implementation_id]
