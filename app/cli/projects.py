"""`promptlode projects`, and its commands `export | import | move`."""

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import rich_click as click
from sqlalchemy import Engine, make_url

from app.cli.context import PROJECT_NAME, engine_of, settings_of_command
from app.cli.remote.options import formed
from app.cli.remote.output import Cell, printed
from app.config import Settings, with_driver
from app.errors import CallerError
from app.moving import files, parts
from app.moving.files import Copied
from app.moving.move import Move, finish
from app.store import audit, moves
from app.store import projects as store
from app.store.audit import COMMAND
from app.store.engine import transaction
from app.store.projects import Project, ProjectSummary

SUFFIX = ".promptlode"


COLUMNS_OF_PROJECTS: Mapping[str, Cell] = {
    "Project": lambda project: project["name"],
    "Id": lambda project: project["id"],
    "Paths": lambda project: project["paths"],
    "Traces": lambda project: project["traces"],
    "Tasks": lambda project: project["tasks"],
}


@click.group(invoke_without_command=True)
@formed
@click.pass_context
def projects(context: click.Context, form: str) -> None:
    """List the projects and how much is in them; export, import or move a whole one."""
    if context.invoked_subcommand is None:
        _list(form)


def _list(form: str) -> None:
    with engine_of(settings_of_command()) as engine, transaction(engine) as connection:
        summaries, leaving = store.summaries(connection), moves.leaving(connection)
    columns = {**COLUMNS_OF_PROJECTS, "Moves": lambda project: project["moves"]} if leaving else COLUMNS_OF_PROJECTS
    items = [_item(project, leaving.get(project.id)) for project in summaries]
    printed(items, columns, form, empty_text="None. `promptlode keys create --project NAME` makes one.")


def _item(project: ProjectSummary, leaving: tuple[str, str] | None) -> dict[str, Any]:
    """A project with the state and the target of its move, if any."""
    counts = {"paths": project.paths, "traces": project.traces, "tasks": project.tasks}
    moves_to = None if leaving is None else f"{leaving[0]}, to {leaving[1]}"
    return {"id": str(project.id), "name": project.name, **counts, "moves": moves_to}


# Export


@projects.command("export")
@click.argument("name")
@click.argument("file", required=False)
@click.option("--to", "-o", "--output", "to", help="The file; the same as the argument. - is standard output.")
@click.option(
    "--with-keys", is_flag=True, help="A backup: also what is stored of its API keys, and the secret of its marks."
)
def export_project(name: str, file: str | None, to: str | None, with_keys: bool) -> None:
    """Write a whole project into FILE, by default NAME.promptlode: calls, templates, tasks, versions, decisions, settings.

    One moment of the project, while everything goes on. API keys stay out unless --with-keys; what is stored of them opens nothing,
    but they let the same callers in where the file is imported.
    """
    destination = file or to or f"{name.replace('/', '_')}{SUFFIX}"
    with _database(settings_of_command()) as engine:
        project = _project_of_name(engine, name)
        progress = _Progress()
        with _private_file(destination) as into:
            copied = files.export_project(engine, project, into, with_keys=with_keys, tell=progress.page)
        with transaction(engine) as connection:
            audit.record(
                connection,
                COMMAND,
                "export_project",
                project_id=project.id,
                subject=project.id,
                details={"keys": with_keys},
            )
    _report(copied, f"Exported {project.name} to {'standard output' if destination == '-' else destination}.")


@contextmanager
def _private_file(destination: str) -> Iterator[IO[bytes]]:
    """A file that appears when it is complete, readable by its owner only: it holds every prompt.  A device or a pipe is written to."""
    if destination == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(destination).resolve()
    try:
        with path.open("wb") if path.exists() and not path.is_file() else _whole_file(path) as file:
            yield file
    except OSError as error:
        raise CallerError(f"Cannot write {destination}: {error.strerror}. Name another file.") from error


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            partial.chmod(0o600)
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


# Import


@projects.command("import")
@click.argument("file")
@click.option("--name", type=PROJECT_NAME, help="What the project is called here; by default as in the file.")
@click.option("--to", "url", help="Another database than DATABASE_URL.")
def import_project(file: str, name: str | None, url: str | None) -> None:
    """Read a project from FILE (- is standard input), which `promptlode projects export` has written.

    Ids stay as they are. It is seen when all of it is here and equals the file. Ended in the middle, the same command goes on; given
    again, it changes nothing.
    """
    settings = settings_of_command()
    with _database(_elsewhere(settings, url) if url else settings) as engine, _source_file(file) as source:
        _refuse_other_schema(engine, parts.OTHER if url else "this database")
        copied = files.import_project(engine, source, name=name, peer=Path(file).name, tell=_Progress().page)
        if not copied.imported_before:
            with transaction(engine) as connection:
                project_id = copied.project.id
                audit.record(connection, COMMAND, "import_project", project_id=project_id, subject=project_id)
    if copied.imported_before:
        click.echo(f"{copied.project.name} is here already: nothing was imported.", err=True)
    else:
        _report(copied, f"Imported {copied.project.name}: all rows and digests are those of the file.")


@contextmanager
def _source_file(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as source:
            yield source
    except OSError as error:
        raise CallerError(
            f"Cannot read {file}: {error.strerror}. Check the name and the permissions of the file."
        ) from error


# Move


@projects.command("move")
@click.argument("name")
@click.option(
    "--to", "url", help="The other database, as in DATABASE_URL; its schema must be made (`promptlode migrate`)."
)
@click.option(
    "--undo",
    is_flag=True,
    help="Give up a move that has begun, or take back one after which nothing has changed there.",
)
@click.option("--finish", "finishing", is_flag=True, help="Delete what is left here of a project that has moved.")
def move(name: str, url: str | None, undo: bool, finishing: bool) -> None:
    """Move a project to another database while it takes calls.

    It is copied, catches up, and for a moment its callers are told to come again (503, Retry-After): then it is open there, with its
    keys, and moved here. Both sides are compared before. Ended in the middle, the same command goes on. Send its callers to the other
    installation then (docs/scale.md), and delete what is left here with --finish.
    """
    if finishing == bool(url) or (undo and finishing):
        raise click.UsageError("Give --to URL (and --undo to reverse the move), or --finish alone.")
    settings = settings_of_command()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C: a switch that has not happened is undone
    with _database(settings) as engine:
        project = _project_of_name(engine, name)
        if finishing:
            finish(engine, project)
            _audit(engine, project.id, "finish_move")
            click.echo(f"The remaining data and the keys of {project.name} were deleted here.", err=True)
        else:
            _move(engine, settings, project, str(url), undo=undo)


def _move(engine: Engine, settings: Settings, project: Project, url: str, *, undo: bool) -> None:
    target_settings = _elsewhere(settings, url)
    parts.same_schema(settings.database_url, target_settings.database_url)
    peer = _without_password(target_settings.database_url)
    with _database(target_settings) as target:
        progress = _Progress()
        mover = Move(engine, target, project, peer=peer, tell=progress.step)
        if undo:
            mover.undo()
            _audit(engine, project.id, "undo_move")
            click.echo(f"{project.name} is here as before, and its copy in {peer} was deleted.", err=True)
            return
        copied = mover.run()
        _audit(engine, project.id, "move_project")
    _report(
        copied,
        f"Moved {project.name} to {peer}. Send its callers there, then: promptlode projects move {project.name} --finish",
    )


def _without_password(url: str) -> str:
    """Host and database of a URL, without the password."""
    address = make_url(url)
    return f"{address.host or 'localhost'}:{address.port or 5432}/{address.database}"


def _elsewhere(settings: Settings, url: str) -> Settings:
    try:
        target_settings = settings.model_copy(update={"database_url": with_driver(url)})
        make_url(target_settings.database_url)
    except Exception as error:
        raise CallerError(
            "--to must be the URL of a PostgreSQL database: postgresql://user:password@host:5432/database."
        ) from error
    return target_settings


# Shared by these commands


@contextmanager
def _database(settings: Settings) -> Iterator[Engine]:
    engine = parts.patient_engine(settings)
    try:
        yield engine
    finally:
        engine.dispose()


def _project_of_name(engine: Engine, name: str) -> Project:
    with transaction(engine) as connection:
        return store.existing(connection, name)


def _refuse_other_schema(engine: Engine, database: str = "this database") -> None:
    parts.at_this_schema(engine.url.render_as_string(hide_password=False), database)


def _audit(engine: Engine, project_id: UUID, action: str) -> None:
    with transaction(engine) as connection:
        audit.record(connection, COMMAND, action, project_id=project_id, subject=project_id)


def _report(copied: Copied, step: str) -> None:
    """Print the result on standard error: standard output may be the file."""
    for name, total in copied.totals.items():
        click.echo(f"{name:<20}{total.rows:>12,}  {total.digest}", err=True)
    click.echo(step, err=True)


class _Progress:
    """Prints the progress: each step, and the number of calls now and then."""

    EVERY = 10_000

    def __init__(self) -> None:
        self._calls = 0

    def page(self, table: str, rows: int) -> None:
        if table == parts.CALLS:
            self._count(rows)

    def step(self, name: str, calls: int) -> None:
        if calls:
            self._count(calls)
        else:
            click.echo(f"{name} ...", err=True)

    def _count(self, calls: int) -> None:
        before, self._calls = self._calls, self._calls + calls
        if before // self.EVERY != self._calls // self.EVERY:
            click.echo(f"{self._calls:,} calls", err=True)
