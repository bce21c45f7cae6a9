"""`promptlode export`: versions as files of other tools, or in the registries of other servers."""

import json
import re
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.text import Text

from app.cli.numbers import Whole
from app.cli.printing import plain
from app.cli.remote.api import Api, Item
from app.cli.remote.options import connected
from app.cli.remote.output import exact
from app.cli.remote.pushing import REGISTRIES, PushError, Registry, name_in_registry, registry
from app.cli.remote.tasks import DIFF_STYLES, find_task, version_of
from app.exporting import FORMATS


@click.command()
@click.argument("task", required=False)
@click.option(
    "--all",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every task into this folder, and show what changed since.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(sorted(FORMATS)),
    default="dotprompt",
    show_default=True,
    help="The tool that reads the file.",
)
@click.option(
    "--version",
    type=Whole(1),
    help="Number of the version; the one in production, else the one of the newest call, if not given.",
)
@click.option(
    "--push",
    "server",
    type=click.Choice(sorted(REGISTRIES)),
    help="Keep TASK, or without TASK every task, in the registry of this server.",
)
@click.option(
    "--to", "address", help="Address of that server; what its own client would take from the environment, if not given."
)
@connected
def export(
    api: Api,
    *,
    task: str | None,
    folder: Path | None,
    form: str,
    version: int | None,
    server: str | None,
    address: str | None,
) -> None:
    """Print a version of TASK as a file of another tool, write all tasks into a folder that can be committed, or push them to a server."""
    if server is not None:
        if folder is not None or (version is not None and task is None):
            raise click.UsageError("--push takes one TASK, or none for all tasks; --version needs a TASK.")
        _push(api, registry(server, address), task, version)
        return
    if address is not None:
        raise click.UsageError("--to is the address of a server. Name its kind with --push.")
    if (task is None) == (folder is None):
        raise click.UsageError("Give a TASK, or --all DIR.")
    if folder is None:
        version_chosen = version_of(api, find_task(api, str(task)), version)
        click.echo(exact(_file_of(api, version_chosen, form)), nl=False)
        return
    if version is not None:
        raise click.UsageError("--version needs a TASK.")
    _write_all(api, folder, form)


def _push(api: Api, kept_in: Registry, task: str | None, number: int | None) -> None:
    """Push each prompt and print its outcome; a refused one does not stop the others."""
    refused: list[str] = []
    names_taken: set[str] = set()
    for task_pushed in [find_task(api, task)] if task else api.items("/api/v1/tasks"):
        name = name_in_registry(task_pushed["path"], task_pushed["name"], task_pushed["id"])
        name = name if name not in names_taken else f"{name}-{task_pushed['id'][-8:]}"
        names_taken.add(name)
        body = json.loads(_file_of(api, version_of(api, task_pushed, number), kept_in.form))
        try:
            click.echo(plain(f"{kept_in.push(name, body)}: {name}"))
        except PushError as error:
            refused.append(f"{name}: {error}")
    if refused:
        raise PushError("\n".join(refused))


def _file_of(api: Api, version: Item, form: str) -> str:
    return api.text(f"/api/v1/implementations/{version['id']}/export", {"format": form})


def _write_all(api: Api, folder: Path, form: str) -> None:
    """Write one file a task; print whether it is new, changed (with the changes) or the same, and list files without a task."""
    console = Console()
    before = set(folder.rglob(f"*{FORMATS[form].ending}"))
    paths_written: set[Path] = set()
    for task in api.items("/api/v1/tasks"):
        version = version_of(api, task, None)
        path = _free(folder / _place(task, FORMATS[form].ending), paths_written)
        paths_written.add(path)
        _write(console, path, _file_of(api, version, form))
    for path in sorted(before - paths_written):
        console.print(
            Text(f"left over: {plain(path).plain}: no task has this name any more", style="yellow"), soft_wrap=True
        )


def _write(console: Console, path: Path, text: str) -> None:
    old = path.read_bytes().decode() if path.exists() else None
    if old == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    console.print(Text(f"{'new' if old is None else 'changed'}: {plain(path).plain}", style="bold"), soft_wrap=True)
    if old is not None:
        for line in unified_diff(old.splitlines(), text.splitlines(), "before", "now", lineterm=""):
            console.print(Text(plain(line).plain, style=DIFF_STYLES.get(line[:1], "")), soft_wrap=True)


def _place(task: Item, ending: str) -> Path:
    """support/triage/sort-the-mail.prompt: no part of a path leads out of the folder."""
    folders = [_plain(part) for part in task["path"].split("/")]
    return Path(*filter(None, folders), f"{_plain(task['name']) or 'task'}{ending}")


def _plain(text: str) -> str:
    """Letters, digits and hyphens, at most 60: a name on every file system."""
    return "-".join(re.findall(r"\w+", text.lower()))[:60]


def _free(path: Path, paths_taken: set[Path]) -> Path:
    """The path, numbered where another task has the same name."""
    return next(candidate for candidate in _numbered(path) if candidate not in paths_taken)


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    name, dot, ending = path.name.partition(".")
    for number in range(2, 10_000):
        yield path.with_name(f"{name}-{number}{dot}{ending}")
