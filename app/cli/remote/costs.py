"""`promptlode costs`: what tasks cost, and what a task cost by day and by slot."""

from typing import Any

import rich_click as click

from app.cli.remote.api import Api, Item
from app.cli.remote.options import connected, counting, formed, ranged
from app.cli.remote.output import Cell, CostCell, as_json, printed
from app.cli.remote.tasks import calls_counted, find_task, version_of
from app.words import dollars, percent, plural

RANGE = "30d"
"""The range of the API's usage by day."""


def _tokens(kind: str) -> Cell:
    return lambda item: item["tokens"][kind]


_USED: dict[str, Cell] = {
    "Errors": lambda item: item["errors"],
    "Tokens in": _tokens("input"),
    "Tokens out": _tokens("output"),
    "Cached": _tokens("cached"),
    "Cost": CostCell(),
}

TASK_COSTS: dict[str, Cell] = {
    "Id": lambda item: item["id"],
    "Task": lambda item: item["name"],
    "Path": lambda item: item["path"],
    "Calls": lambda item: item["calls_in_range"],
    **_USED,
}

DAY_COSTS: dict[str, Cell] = {
    "Day": lambda item: item["start"][:10],
    "Version": lambda item: item["version"],
    "Model": lambda item: item["model"],
    "Calls": lambda item: item["calls"],
    **_USED,
}

SLOT_COSTS: dict[str, Cell] = {
    "Part of the input": lambda item: item["name"],
    "Tokens": lambda item: item["tokens"],
    "Cost": lambda item: dollars(item["cost"]),
    "Share": lambda item: percent(item["share"]),
}


@click.command()
@click.argument("task", required=False)
@counting
@ranged
@formed
@connected
def costs(api: Api, *, task: str | None, version: int | None, model: str | None, form: str, **query: Any) -> None:
    """Show what TASK cost by day (UTC) and version, and what each of its slots cost; without TASK, what each task cost.

    The range is 30 days unless told. --version and --model choose the calls of the slots.
    """
    counted = calls_counted(version, model)
    if task is None and (version or model):
        raise click.UsageError("--version and --model choose calls of one task. Name the TASK.")
    within = query if query["since"] or query["until"] else {"since": RANGE, "until": None}
    if task is None:
        tasks = api.items("/api/v1/tasks", within | {"sort": "cost"})
        printed(tasks, TASK_COSTS, form, empty_text="No task was found yet.")
        return
    task_found = find_task(api, task)
    days = api.get(f"/api/v1/tasks/{task_found['id']}/usage", within | {"by": "day"})["items"]
    version_shown = version_of(api, task_found, version)
    bill = api.get(f"/api/v1/implementations/{version_shown['id']}/cost", within | counted)
    if form == "json":
        as_json({"days": days, "version": version_shown["version"], "bill": bill})
        return
    printed(days, DAY_COSTS, form, empty_text="No call in this range: take an earlier --since.")
    if form == "table" and days:
        whose = f"version {version}" if version else f"all {plural(bill['calls'], 'call')} with the text in use"
        whose = f"{whose} and the model {model}" if model else whose
        caption = f"The input of {whose}; the answers cost {dollars(bill['output_cost'])}."
        printed(_lines(bill), SLOT_COSTS, form, caption=caption)


def _lines(bill: Item) -> list[Item]:
    """The fixed text, the slots, and what calls send beside the prompt."""
    return [{"name": "fixed text", **bill["fixed"]}, *bill["slots"], {"name": "around the prompt", **bill["around"]}]
