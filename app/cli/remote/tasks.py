"""`promptlode tasks`, `show`, `similar`, `diff` and `values`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from difflib import unified_diff
from typing import Any
from uuid import UUID

import rich_click as click
from rich.console import Console
from rich.text import Text

from app.cli.numbers import Whole
from app.cli.printing import plain
from app.cli.remote.access import other_projects
from app.cli.remote.api import MOST_PER_PAGE, Api, Item
from app.cli.remote.errors import ApiError, RefusedInputError
from app.cli.remote.options import connected, counting, formed, limited, ranged
from app.cli.remote.output import Cell, CostCell, When, as_json, printed, template_text
from app.grouping import slot_names
from app.reading.changes import BegunVersion, replaced_by
from app.words import parsed
from templating import BARRIER, Template, meant_name

DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _of(field: str) -> Any:
    return lambda item: item.get(field)


TASKS: dict[str, Cell] = {
    "Id": _of("id"),
    "Task": _of("name"),
    "Path": _of("path"),
    "Versions": _of("versions"),
    "Calls": _of("calls"),
    "In range": _of("calls_in_range"),
    "Cost": CostCell(),
    "Errors": _of("errors"),
    "p95": lambda item: "" if item["latency"]["p95"] is None else f"{item['latency']['p95']:.1f} s",
    "Last seen": When("last_seen"),
}

SIMILAR: dict[str, Cell] = {
    "Id": _of("id"),
    "Task": _of("name"),
    "Path": _of("path"),
    "Calls": _of("calls"),
    "Alike": lambda item: "the same prompt" if item["same_prompt"] else f"{item['similarity']:.0%}",
}

VERSIONS: dict[str, Cell] = {
    "Version": _of("version"),
    "Model": _of("model"),
    "Calls": _of("calls"),
    "Slots": lambda item: ", ".join(item["slots"]),
    "First seen": When("first_seen"),
    "Production": lambda item: "yes" if item["production"] else "",
}


@click.command()
@click.option("--path", help="Of this path only.")
@click.option("--model", help="With calls of this model.")
@click.option("--user-id", help="With calls of this user.")
@click.option("--label", metavar="NAME=VALUE", help="With calls that have this in their metadata.")
@click.option("-q", "--search", "q", help="Words of name, path, template or model, in any order.")
@click.option(
    "--sort", type=click.Choice(["last_seen", "calls", "cost", "errors", "p95", "name"]), help="What decides the order."
)
@click.option("--order", type=click.Choice(["asc", "desc"]), help="Its direction.")
@ranged
@limited
@formed
@connected
def tasks(api: Api, form: str, limit: int, **query: Any) -> None:
    """List the tasks that were found: calls of one prompt at one call site.

    In range, Cost, Errors and p95 are of the calls between --since and --until, of the last 24 hours without them.
    """
    empty_text = (
        "No task fits: leave out an option, or take an earlier --since."
        if any(query.values())
        else f"No task was found yet. `promptlode send` and `promptlode import` bring calls.{other_projects(api.access)}"
    )
    range_words = f"In range, Cost, Errors and p95: {_range_words(query)}"
    printed(api.items("/api/v1/tasks", query, limit), TASKS, form, empty_text=empty_text, caption=range_words)


def _range_words(query: Mapping[str, Any]) -> str:
    """The range of the figures, and how another one is chosen."""
    if not (query["since"] or query["until"]):
        return "the last 24 hours; --since 7d takes more."
    return " ".join(f"{word} {query[word]}" for word in ("since", "until") if query[word])


@click.command()
@click.argument("task")
@click.option("--version", type=Whole(1), help="Number of the version whose template is shown.")
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@connected
def show(api: Api, task: str, version: int | None, as_json_: bool) -> None:
    """Show TASK: its versions, and the template of the one in production, else of the one of the newest call, slots in colour."""
    task_found = find_task(api, task)
    versions = versions_of(api, task_found["id"])
    if version is not None:
        version_chosen = _version({item["version"]: item for item in versions}, version)
        task_found |= {"version": version, "template": version_chosen["template"]}
    if as_json_:
        as_json(task_found | {"implementations": versions})
        return
    console = Console()
    console.print(
        Text.assemble(
            (plain(task_found["name"]).plain, "bold"),
            "  ",
            plain(task_found["path"]),
            "  ",
            f"{task_found['calls']} calls",
        )
    )
    printed(versions, VERSIONS, "table")
    console.print(template_text(task_found["template"]), soft_wrap=True)


@click.command()
@click.argument("task")
@limited
@formed
@connected
def similar(api: Api, task: str, form: str, limit: int) -> None:
    """List tasks whose prompt is that of TASK, or much like it, on any path."""
    similar_tasks = api.get(f"/api/v1/tasks/{find_task(api, task)['id']}/similar", {"limit": min(limit, MOST_PER_PAGE)})
    printed(similar_tasks["items"], SIMILAR, form, empty_text="No other task has this prompt, or one much like it.")


@click.command()
@click.argument("task")
@click.argument("numbers", nargs=-1, type=Whole(1), metavar="[FROM TO]")
@click.option(
    "--from",
    "older",
    type=Whole(1),
    help="Number of the older version; if not given, the version that the newer one replaced: the last to begin before it, of the same model if there is one.",
)
@click.option("--to", "newer", type=Whole(1), help="Number of the newer version; the one in use if not given.")
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@connected
def diff(
    api: Api, *, task: str, numbers: tuple[int, ...], older: int | None, newer: int | None, as_json_: bool
) -> None:
    """Show what changed between two versions of TASK: `promptlode diff TASK 2 4` is that with --from 2 --to 4."""
    older, newer = _numbers(numbers, older, newer)
    versions = numbered_versions(api, task_found := find_task(api, task))
    before, after = compared(versions, older, newer or task_found["version"])
    lines = list(_changes(before, after))
    if as_json_:
        as_json({"from": before, "to": after, "diff": lines})
        return
    if before is after:
        click.echo(_nothing_to_compare(versions))
    for line in lines:
        Console().print(Text(plain(line).plain, style=DIFF_STYLES.get(line[:1], "")), soft_wrap=True)


def compared(versions: Mapping[int, Item], older: int | None, newer: int) -> tuple[Item, Item]:
    """Two versions to compare; if the older one is not told, the one that the newer one replaced. Raises ApiError."""
    after = _version(versions, newer)
    return _version(versions, older or _replaced_by(after, versions)), after


def _replaced_by(after: Item, versions: Mapping[int, Item]) -> int:
    """The number of the version that a version replaced; of the first one, which came back, the version that was in use last."""
    begun = [
        BegunVersion(
            version["version"],
            parsed(version["first_seen"]),
            (version["model"], version["settings"], version["tools"]),
        )
        for version in versions.values()
    ]
    return replaced_by(after["version"], begun) or _last_in_use(after, versions.values())


def _last_in_use(besides: Item, versions: Iterable[Item]) -> int:
    """The number of the version with the newest call besides one version, or of that version where it is the only one."""
    further_versions = [version for version in versions if version is not besides and version["last_seen"]]
    last: Item = max(
        further_versions, key=lambda version: datetime.fromisoformat(version["last_seen"]), default=besides
    )
    return int(last["version"])


def _numbers(numbers: tuple[int, ...], older: int | None, newer: int | None) -> tuple[int | None, int | None]:
    """The numbers of both versions, given as two arguments or as options."""
    if not numbers:
        return older, newer
    if len(numbers) != 2 or older is not None or newer is not None:
        raise click.UsageError("Give two numbers of versions, as in `promptlode diff TASK 2 4`, or --from and --to.")
    return numbers[0], numbers[1]


@click.command()
@click.argument("task")
@click.argument("slot")
@counting
@click.option("-q", "--search", "q", help="Values that hold this text.")
@ranged
@limited
@formed
@connected
def values(
    api: Api, *, task: str, slot: str, version: int | None, model: str | None, form: str, limit: int, **query: Any
) -> None:
    """List the values of SLOT in calls of TASK, with how many calls have each.

    The calls are those with the text in use, whatever their model and settings.
    """
    query |= calls_counted(version, model)
    version_chosen = version_of(api, find_task(api, task), version)
    slot_meant = meant_name(slot, version_chosen["slots"])
    if slot_meant is None:
        raise ApiError(
            f"Version {version_chosen['version']} has no slot {slot}. Its slots: {', '.join(version_chosen['slots']) or 'none'}."
        )
    values_of_slot = api.items(
        f"/api/v1/implementations/{version_chosen['id']}/slots/{slot_meant}/values", query, limit
    )
    columns = {"Calls": _of("calls"), "Value": _of("value")}
    printed(values_of_slot, columns, form, empty_text="No call fits: leave out an option, or take an earlier --since.")


def calls_counted(version: int | None, model: str | None) -> dict[str, str | None]:
    """The API's parameters for the calls that count: of all versions with one text, of these with one model, or of one version."""
    if version is not None and model is not None:
        raise click.UsageError("Give --version or --model, not both: a version has one model.")
    return {"of": "template", "model": model} if version is None else {"of": "version"}


def find_task(api: Api, name_or_id: str) -> Item:
    """The task with this id, this beginning of an id, this name, or this path if the path has one task. Raises ApiError."""
    if not name_or_id:
        raise ApiError(
            "Name a task by its id, the beginning of its id, its name or its path; `promptlode tasks` lists all tasks."
        )
    if is_uuid(name_or_id):
        whole_task: Item = api.get(f"/api/v1/tasks/{name_or_id}")
        return whole_task
    fitting = [
        task
        for task in api.items("/api/v1/tasks")
        if task["id"].startswith(name_or_id.lower()) or name_or_id in {task["name"], task["path"]}
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ApiError(f"{len(fitting)} tasks match {name_or_id!r}. Give the whole id; `promptlode tasks` shows ids.")
    raise ApiError(f"No task has the id, name or path {name_or_id!r}; `promptlode tasks` lists all tasks.")


def versions_of(api: Api, task_id: str) -> list[Item]:
    """The versions of a task in the order of their numbers."""
    return list(api.items(f"/api/v1/tasks/{task_id}/implementations"))


def version_of(api: Api, task: Item, number: int | None) -> Item:
    """The version of a task with this number, without a number the one in use. Raises ApiError."""
    return _version(numbered_versions(api, task), number or task["version"])


def numbered_versions(api: Api, task: Item) -> dict[int, Item]:
    """The versions of a task by their numbers."""
    return {version["version"]: version for version in versions_of(api, task["id"])}


def _version(versions: Mapping[int, Item], number: int) -> Item:
    if number not in versions:
        raise RefusedInputError(f"The task has no version {number}. Its versions: {', '.join(map(str, versions))}.")
    return versions[number]


def _nothing_to_compare(versions: dict[int, Item]) -> str:
    if len(versions) == 1:
        return "The task has one version only."
    return f"--from and --to are the same version. Its task has the versions {', '.join(map(str, versions))}."


def _changes(before: Item, after: Item) -> Sequence[str]:
    """A unified diff of model, settings, tools and template; a slot that continues under another name has its new name in both."""
    older, newer = _template(before), _template(after)
    names = slot_names.renamed(older, newer)
    older = Template(older.literals, tuple(names.get(name, name) for name in older.slots))
    titles = f"version {before['version']}", f"version {after['version']}"
    return list(unified_diff(_lines(before, older), _lines(after, newer), *titles, lineterm=""))


def _template(version: Item) -> Template:
    """The parts of a version's template between barriers: a part may consist of one slot, a template may not."""
    return Template.parse("".join(f"{BARRIER}{part['text']}" for part in version["template"]) + BARRIER)


def _lines(version: Item, template: Template) -> list[str]:
    head = [f"model: {version['model']}", *(f"{name}: {value}" for name, value in sorted(version["settings"].items()))]
    tools = version["tools"] if isinstance(version["tools"], list) else [version["tools"]] if version["tools"] else []
    head += [f"tool: {json.dumps(tool, ensure_ascii=False, sort_keys=True)}" for tool in tools]
    texts = template.to_text()[1:-1].split(BARRIER)
    parts = zip(version["template"], texts, strict=True)
    return head + [line for part, text in parts for line in (f"--- {part['role']}", *text.split("\n"))]


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
