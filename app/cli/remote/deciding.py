"""`promptlode rename`, `production`, `merge`, `split`, `decisions` and `undo`: what people decide about tasks, and the history of it."""

from typing import Any

import rich_click as click
from rich.console import Console
from rich.text import Text

from app.cli.numbers import Whole
from app.cli.printing import plain
from app.cli.remote.api import Api, Item
from app.cli.remote.errors import ApiError
from app.cli.remote.options import connected, formed, limited, ranged
from app.cli.remote.output import Cell, When, as_json, printed, template_text
from app.cli.remote.tasks import find_task, is_uuid, version_of, versions_of
from app.words import plural

DECISIONS_PATH = "/api/v1/decisions"

DECISIONS: dict[str, Cell] = {
    "Id": lambda item: item["id"],
    "When": When("created_at"),
    "Decision": lambda item: item["summary"],
    "Path": lambda item: item["path"],
    "Who": lambda item: item["who"],
    "Undone": lambda item: f"by {item['undone_by']}" if item["undone_at"] else "",
}

dry_run = click.option("--dry-run", is_flag=True, help="Say what would change, and write nothing.")
json_form = click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
expected = click.option(
    "--expected",
    metavar="STATE",
    help="Decide only if nothing has changed since a dry run: `state` in its JSON.",
)


@click.command()
@click.argument("task")
@click.argument("name", required=False)
@click.option("--slot", "slots", multiple=True, metavar="OLD=NEW", help="Rename a slot instead; repeat for several.")
@click.option("--version", type=Whole(1), help="Version whose slots are renamed; the one in use if not given.")
@json_form
@connected
def rename(
    api: Api, *, task: str, name: str | None, slots: tuple[str, ...], version: int | None, as_json_: bool
) -> None:
    """Call TASK by another NAME, or give slots other names. Runs keep the names. Needs a key with the scope admin."""
    if (name is None) == (not slots):
        raise click.UsageError("Give a NAME for the task, or --slot OLD=NEW for its slots.")
    task_found = find_task(api, task)
    body: Item
    if name is not None:
        address, body = f"/api/v1/tasks/{task_found['id']}", {"name": name}
    else:
        address = f"/api/v1/implementations/{version_of(api, task_found, version)['id']}"
        body = {"slots": dict(map(_renamed_slot, slots))}
    before = _newest_decision(api, task_found["id"])
    answer = api.patch(address, body)
    if as_json_ or _newest_decision(api, task_found["id"]) != before:
        _tell(api, answer, task_found["id"], as_json_)
    else:
        click.echo("Nothing has changed: these are the names of before.")


def _renamed_slot(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise click.UsageError(f"--slot must be OLD=NEW, not {text!r}.")
    return old, new


@click.command()
@click.argument("task")
@click.argument("version", type=Whole(1), required=False)
@click.option("--none", "no_version", is_flag=True, help="No version is said to be in production any more.")
@dry_run
@json_form
@connected
def production(api: Api, *, task: str, version: int | None, no_version: bool, dry_run: bool, as_json_: bool) -> None:
    """Say that VERSION of TASK is in production: its text stands for the task, whatever calls come. Needs a key with the scope admin."""
    if (version is None) == (not no_version):
        raise click.UsageError("Give the VERSION that is in production, or --none.")
    task_found = find_task(api, task)
    chosen = None if version is None else version_of(api, task_found, version)
    versions = versions_of(api, task_found["id"])
    before = next((item["version"] for item in versions if item["production"]), None)
    if dry_run:
        _tell_production(task_found, before, chosen, as_json_)
    elif before == version and not as_json_:
        click.echo("Nothing has changed: this is what was said before.")
    else:
        answer = api.patch(f"/api/v1/tasks/{task_found['id']}", {"production": chosen and chosen["id"]})
        _tell(api, answer, task_found["id"], as_json_)


def _tell_production(task: Item, before: int | None, chosen: Item | None, as_json_: bool) -> None:
    """Say what a change of the version in production would do."""
    after = chosen and chosen["version"]
    if as_json_:
        as_json({"preview": True, "task": task["id"], "production_before": before, "production_after": after})
        return
    console = Console()
    words = [f"version {number}" if number else "no version" for number in (before, after)]
    console.print(Text(plain(f"{task['name']}: {words[0]} → {words[1]} in production").plain), soft_wrap=True)
    if chosen and chosen["template"] != task["template"]:
        console.print(f"Version {after} would be in use:")
        console.print(template_text(chosen["template"]), soft_wrap=True)
    console.print(Text("Nothing was written."))


@click.command()
@click.argument("task")
@click.argument("into")
@dry_run
@expected
@json_form
@connected
def merge(api: Api, *, task: str, into: str, dry_run: bool, expected: str | None, as_json_: bool) -> None:
    """Merge TASK into another task of its path: the versions of TASK become the next versions of INTO.

    No run parts them again. Needs a key with the scope admin.
    """
    source, target = find_task(api, task), find_task(api, into)
    address, body = f"/api/v1/tasks/{source['id']}/merge", {"into": target["id"], "expected": expected}
    answer = api.post(address, body, {"preview": "true"} if dry_run else {})
    _tell(api, answer, target["id"], as_json_)


@click.command()
@click.argument("task")
@click.argument("version", type=Whole(1))
@dry_run
@expected
@json_form
@connected
def split(api: Api, *, task: str, version: int, dry_run: bool, expected: str | None, as_json_: bool) -> None:
    """Make a task of its own of VERSION of TASK, with all versions of its template and their calls.

    No run brings the two tasks together again. Needs a key with the scope admin.
    """
    address = f"/api/v1/implementations/{version_of(api, find_task(api, task), version)['id']}/split"
    query = {"preview": "true" if dry_run else None, "expected": expected}
    answer = api.post(address, None, {name: value for name, value in query.items() if value is not None})
    _tell(api, answer, answer.get("id", ""), as_json_)


@click.command()
@click.option("--task", help="About this task only (id, its beginning, name or path).")
@click.option("--kind", help="Of this kind only: rename, describe, schema, production, slots, merge or split.")
@ranged
@limited
@formed
@connected
def decisions(api: Api, *, task: str | None, form: str, limit: int, **query: Any) -> None:
    """List what people decided about tasks, newest first."""
    task_id = find_task(api, task)["id"] if task else None
    empty_text = "None. `promptlode rename`, `production`, `merge` and `split` decide about tasks, and so do the pages."
    printed(api.items(DECISIONS_PATH, query | {"task_id": task_id}, limit), DECISIONS, form, empty_text=empty_text)


@click.command()
@click.argument("decision")
@dry_run
@json_form
@connected
def undo(api: Api, *, decision: str, dry_run: bool, as_json_: bool) -> None:
    """Take DECISION (an id of `promptlode decisions`, or its beginning) back; what came since stays.

    Needs a key with the scope admin.
    """
    address = f"{DECISIONS_PATH}/{_decision_id(api, decision)}/undo"
    answer = api.post(address, None, {"preview": "true"} if dry_run else {})
    if as_json_ or dry_run:
        _tell(api, answer, "", as_json_)
    else:
        click.echo(plain(f"Undone: {answer['summary']}"))


def _tell(api: Api, answer: Item, task_id: str, as_json_: bool) -> None:
    """Print the answer to a decision about a task: the preview of a dry run, or the decision with the command that takes it back."""
    if as_json_:
        as_json(answer)
    elif answer.get("preview"):
        _tell_preview(Console(), answer)
    else:
        decision = _newest_decision(api, task_id)
        if decision is not None:
            click.echo(plain(f"{decision['summary']} `promptlode undo {decision['id']}` takes this back."))


def _newest_decision(api: Api, task_id: str) -> Item | None:
    return next(iter(api.items(DECISIONS_PATH, {"task_id": task_id}, 1)), None)


def _tell_preview(console: Console, preview: Item) -> None:
    """Print the tasks before and after, the texts that come into use, and the versions that move."""
    names = {task["id"]: task["name"] for task in preview["tasks"]}
    for task in preview["tasks"]:
        line = f"{task['name']}: {_size(task['before'], 'a new task')} → {_size(task['after'], 'part of the other')}"
        console.print(Text(plain(line).plain, style="bold"), soft_wrap=True)
        if _comes_into_use(task):
            console.print(f"Version {task['in_use_after']['version']} would be in use:")
            console.print(template_text(task["in_use_after"]["template"]), soft_wrap=True)
    for move in preview["moves"]:
        to_name = names.get(move["to_task"], "a new task")
        line = f"Version {move['from_version']} of {names.get(move['from_task'], 'another task')} ({move['model']}, {plural(move['calls'], 'call')}) would be version {move['to_version']} of {to_name}."
        console.print(Text(plain(line).plain), soft_wrap=True)
    console.print(Text("Nothing was written."))


def _size(size: Item | None, without: str) -> str:
    return without if size is None else f"{plural(size['versions'], 'version')}, {plural(size['calls'], 'call')}"


def _comes_into_use(task: Item) -> bool:
    """Whether a task would have another text in use."""
    before, after = task["in_use_before"], task["in_use_after"]
    return after is not None and (before is None or before["template"] != after["template"])


def _decision_id(api: Api, beginning: str) -> str:
    if is_uuid(beginning):
        return beginning
    ids = [item["id"] for item in api.items(DECISIONS_PATH) if beginning and item["id"].startswith(beginning.lower())]
    if len(ids) != 1:
        begun = f"{plural(len(ids), 'decision')} begin" if ids else "No decision begins"
        raise ApiError(f"{begun} with {beginning!r}; `promptlode decisions` lists the ids.")
    return str(ids[0])
