"""`promptlode import FILE`: a log of LLM calls, one JSON object a line.

Goes through the same checks and the same use case as `POST /api/v1/traces`, without HTTP between.
"""

import gzip
import hashlib
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, get_args

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.accept import Accepted, accept
from app.cli.context import PROJECT_NAME, engine_of, settings_of_command
from app.cli.formats import Format, body_of
from app.config import Settings
from app.incoming import Incoming, InvalidTraceError, Limits, Problem, read_trace
from app.ingest import Ingest
from app.store import projects
from app.store.engine import transaction
from app.store.projects import Project

# As many as one POST may hold; one transaction each.
BATCH = 500

# A million bad lines are one bad file: these many are shown one by one.
SHOWN_PROBLEMS = 20

# What reading a .gz raises that is no gzip, or is cut off.
DAMAGED = (gzip.BadGzipFile, zlib.error, EOFError)


@dataclass
class Report:
    """What became of the lines."""

    stored: int = 0
    known: int = 0
    refused: int = 0
    groupings: dict[str, int] = field(default_factory=dict)

    def add(self, accepted: Accepted) -> None:
        """Count one trace."""
        created = accepted.recorded.created
        self.stored, self.known = self.stored + created, self.known + (not created)
        self.groupings[accepted.grouping] = self.groupings.get(accepted.grouping, 0) + 1


@dataclass(frozen=True)
class Line:
    """One line of the file and where it ends."""

    number: int
    data: bytes
    end: int


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--project",
    "project_name",
    type=PROJECT_NAME,
    default="default",
    show_default=True,
    help="Project; made if need be.",
)
@click.option("--path", "default_path", help="Path of the calls that name none.")
@click.option(
    "--format", "format_", type=click.Choice(get_args(Format)), default="auto", show_default=True, help="Kind of line."
)
def import_file(file: Path, project_name: str, default_path: str | None, format_: Format) -> None:
    """Import FILE (- is standard input, .gz is inflated): one LLM call a line, as JSON.

    A line is a body of POST /api/v1/traces, or {"request": {...}, "response": {...}} as they went to and from an OpenAI-style
    API (Chat Completions or Responses). Lines that cannot be stored are reported by number; the others are kept. Importing
    a file again stores nothing twice. Exit code 1 when a line was refused.
    """
    settings = settings_of_command().require("database_url", "redis_url")
    console = Console(stderr=True)
    reader = Reader(settings, default_path, format_, console)
    with engine_of(settings) as engine:
        with transaction(engine) as connection:
            project = projects.find(connection, project_name) or projects.get_or_create(connection, project_name)
        ingest = Ingest(engine, grouping_enabled=settings.task_grouping_enabled)
        with _opened(file) as stream, _progress(console) as progress:
            total = None if str(file) == "-" or file.suffix == ".gz" else file.stat().st_size
            bar = progress.add_task(file.name, total=total, traces=0)
            for batch, end in reader.batches(stream):
                _store(ingest, settings, project, batch, reader.report)
                progress.update(bar, completed=end, traces=reader.report.stored + reader.report.known)
    _print(console, project, reader.report)
    sys.exit(1 if reader.report.refused else 0)


class Reader:
    """Lines of a file as checked traces, in batches; refuses the bad ones by number."""

    def __init__(self, settings: Settings, default_path: str | None, format_: Format, console: Console) -> None:
        self.report = Report()
        self._limits = Limits(settings.max_text_bytes, settings.max_json_depth, settings.max_items)
        self._max_line = settings.max_body_bytes
        self._default_path = default_path
        self._format = format_
        self._console = console

    def batches(self, stream: IO[bytes]) -> Iterator[tuple[list[Incoming], int]]:
        """Checked traces, and how many bytes of the file are behind them."""
        batch: list[Incoming] = []
        number = end = 0
        try:
            for line in lines(stream, self._max_line):
                number, end = line.number, line.end
                batch.extend(self._read(line))
                if len(batch) >= BATCH:
                    yield batch, end
                    batch = []
        except DAMAGED:
            self._refuse(
                number + 1, [Problem((), "The file is no gzip from here on, or is cut off; send a whole one.")]
            )
        yield batch, end

    def _read(self, line: Line) -> Iterable[Incoming]:
        try:
            return [read_trace(self._body(line), self._limits)]
        except InvalidTraceError as error:
            self._refuse(line.number, error.problems)
        return []

    def _body(self, line: Line) -> Any:
        """The line as a body, with a path and an external id where it has none."""
        if len(line.data) > self._max_line:
            raise InvalidTraceError([Problem((), f"Is longer than {self._max_line} bytes.")])
        try:
            parsed = orjson.loads(line.data)
        except orjson.JSONDecodeError as error:
            raise InvalidTraceError(
                [Problem((), f"Is not valid JSON ({error.msg} at column {error.colno}).")]
            ) from None
        if not isinstance(parsed, dict):
            raise InvalidTraceError([Problem((), "Must be a JSON object.")])
        body = body_of(parsed, self._format)
        if self._default_path is not None:
            body.setdefault("path", self._default_path)
        if body.get("external_id") is None:
            body["external_id"] = derived_id(line)
        return body

    def _refuse(self, number: int, problems: list[Problem]) -> None:
        self.report.refused += 1
        if self.report.refused <= SHOWN_PROBLEMS:
            reasons = "; ".join(f"{'.'.join(map(str, problem.loc))} {problem.message}".strip() for problem in problems)
            self._console.print(Text(f"line {number}: {reasons}{self._hint(problems)}", style="yellow"))

    def _hint(self, problems: list[Problem]) -> str:
        lacks_path = self._default_path is None and any(problem.loc == ("path",) for problem in problems)
        return " Give one for all with --path." if lacks_path else ""


def lines(stream: IO[bytes], longest: int) -> Iterator[Line]:
    """Every line that is not blank.  Of one that is too long only the start is kept, however long it is."""
    number = end = 0
    while data := stream.readline(longest + 2):
        number += 1
        end += len(data)
        rest = data
        while not rest.endswith(b"\n") and (rest := stream.readline(longest + 2)):
            end += len(rest)
        if stripped := data.strip():
            yield Line(number, stripped, end)


def derived_id(line: Line) -> str:
    """An external id for a call that has none: the same line at the same place is the same call."""
    digest = hashlib.sha256(line.data).hexdigest()[:32]
    return f"import-{line.number}-{digest}"


def _store(ingest: Ingest, settings: Settings, project: Project, batch: list[Incoming], report: Report) -> None:
    if batch:
        for accepted in accept(ingest, settings, project, batch):
            report.add(accepted)


def _opened(file: Path) -> IO[bytes]:
    if str(file) == "-":
        return sys.stdin.buffer
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


class _Rate(ProgressColumn):
    """Traces stored and how many a second."""

    def render(self, task: Any) -> Text:
        traces = task.fields["traces"]
        rate = traces / task.elapsed if task.elapsed else 0
        return Text(f"{traces:,} traces, {rate:,.0f}/s")


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _print(console: Console, project: Project, report: Report) -> None:
    console.print(f"{report.stored:,} traces stored in project {project.name}, {report.known:,} were known already.")
    for grouping, count in sorted(report.groupings.items()):
        console.print(f"  {count:,} {_MEANINGS[grouping]}")
    if report.refused:
        hidden = report.refused - SHOWN_PROBLEMS
        more = f" ({hidden:,} of them not shown)" if hidden > 0 else ""
        console.print(f"{report.refused:,} lines were refused{more}.", style="yellow")


_MEANINGS = {
    "matched": "matched a known template",
    "requested": "will be grouped",
    "coalesced": "will be grouped by a run that was asked for already",
    "deferred": "will be grouped by the reconciler",
    "off": "have no text prompt, or grouping is disabled",
}
