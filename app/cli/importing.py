"""`promptlode import FILE`: a log of LLM calls.

Goes through the same checks and the same use case as `POST /api/v1/traces`, without HTTP between.
"""

import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import rich_click as click
from click.core import ParameterSource
from rich.console import Console
from sqlalchemy import Engine

from app.checks import TraceLimits
from app.cli.checkpoint import Checkpoint
from app.cli.context import PROJECT_NAME, engine_of, settings_of_command
from app.cli.formats.base import RecordContext, RecordSpans
from app.cli.formats.detect import FORMATS
from app.cli.formats.otlp import LOG_RECORD, SPAN, read_spans
from app.cli.progress import Show, progress_bar
from app.cli.reading import (
    AUTO,
    BATCH,
    LogReader,
    ReadingOptions,
    RecordBatch,
    UnknownColumnError,
    WrongFormatError,
)
from app.cli.records import LogSource, open_source
from app.cli.remote.access import NoAccessError, access_of, servers_here
from app.cli.reporting import SHOWN_PROBLEMS, Report
from app.config import Settings
from app.intake.bodies.native import OWN
from app.intake.record import Ingest
from app.otlp.known import KnownCalls
from app.otlp.storing import ExportStore
from app.otlp.translate import Export
from app.store import projects
from app.store.engine import transaction
from app.store.keys import hash_of, holder
from app.store.projects import Project
from app.words import plural
from tasks.accept import accept


def _columns(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """The options `FIELD=COLUMN` by our field."""
    pairs = [text.partition("=") for text in values]
    wrong = next(
        (text for text, (ours, _, theirs) in zip(values, pairs, strict=True) if ours not in OWN or not theirs), None
    )
    if wrong is not None:
        raise click.BadParameter(f"{wrong!r} must be FIELD=COLUMN, where FIELD is one of {', '.join(sorted(OWN))}.")
    columns = {ours: theirs for ours, _, theirs in pairs}
    if len(columns) < len(pairs):
        raise click.BadParameter("A field stands in one column. Give each FIELD once.")
    return columns


MOST_PROJECTS_NAMED = 5
"""Of the projects that an import names: one line of a terminal."""

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@click.option(
    "--project",
    "project_name",
    type=PROJECT_NAME,
    default="default",
    show_default=True,
    help="Project; made if need be.",
)
@click.option("--path", "default_path", help="Path of the calls that name none.")
@click.option("--path-field", help="Field of each record that holds its path: a name, or a.b within objects.")
@click.option("--model", "default_model", help="Model of the calls that name none.")
@click.option(
    "--column",
    "columns",
    metavar="FIELD=COLUMN",
    multiple=True,
    callback=_columns,
    help="Where a field stands in a table or a log of your own.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice([AUTO, *sorted(FORMATS)]),
    default=AUTO,
    show_default=True,
    help="Kind of log.",
)
@click.option("--restart", is_flag=True, help="Begin with the first line, also where an import was stopped.")
@click.pass_context
def import_file(
    context: click.Context, files: tuple[Path, ...], project_name: str, format_: str, restart: bool, **how: Any
) -> None:
    """Import FILE (- is standard input, gzip is inflated): a log of LLM calls, one JSON object a line, a JSON list of them, CSV or Parquet.

    Understood are bodies of POST /api/v1/traces, requests and responses of providers, batch and fine-tuning files, OTLP/JSON lines, and
    exports of LiteLLM, Langfuse, LangSmith, Helicone, Bedrock, promptfoo, Phoenix and MLflow. Several files are read one after the other: requests of a
    batch find their answers in another. Lines that cannot be stored are reported by number; the others are kept. Importing a file again
    stores nothing twice; after Ctrl-C the same command goes on where it was. Exit code 1 when a line was refused.
    """
    settings = settings_of_command().require("database_url", "redis_url")
    reading = _reading(settings, **how)
    reports = []
    with engine_of(settings) as engine:
        with transaction(engine) as connection:
            project = projects.find(connection, project_name) or projects.get_or_create(connection, project_name)
        store = _Store(engine, settings, reading, project)
        for file in files:
            options = ReadingOptions(format_, reading, settings.max_body_bytes, is_last=file is files[-1])
            note = _note(settings, str(file.absolute()), project_name, format_, how)
            if restart or str(file) == "-":
                note.forget()
            reports.append(_import_file(file, options, store, note))
        has_traces = any(report.traces for report in reports)
        if has_traces:
            _print_look(engine, settings, project)
        if has_traces and context.get_parameter_source("project_name") is ParameterSource.DEFAULT:
            _print_choice(engine, project)
    sys.exit(1 if any(report.refused for report in reports) else 0)


def _print_look(engine: Engine, settings: Settings, project: Project) -> None:
    """The command that shows the calls: reading commands take a key, and theirs may be of another project."""
    command = "promptlode tasks"
    if not _is_read(engine, project):
        name = shlex.quote(project.name)
        is_here = servers_here().get("database_url") == settings.database_url
        elsewhere = f"promptlode keys create --project {name} --scope admin, then {command} --key KEY"
        command = f"{command} --project {name}" if is_here else elsewhere
    Console(stderr=True, soft_wrap=True).print(f"See what is found in project {project.name}: {command}", markup=False)


def _is_read(engine: Engine, project: Project) -> bool:
    """Whether the key that reading commands take here is of the project."""
    try:
        key = access_of(os.environ.get("PROMPTLODE_URL"), os.environ.get("PROMPTLODE_API_KEY")).key
    except NoAccessError:
        return False
    with transaction(engine) as connection:
        key_holder = holder(connection, hash_of(key))
    return key_holder is not None and key_holder.project_id == project.id


def _print_choice(engine: Engine, project: Project) -> None:
    """Nobody named a project: which others there are, for the calls may belong into one of them."""
    with transaction(engine) as connection:
        other_projects = [name for name in projects.names(connection) if name != project.name]
    if other_projects:
        names = ", ".join(other_projects[:MOST_PROJECTS_NAMED]) + (
            " ..." if len(other_projects) > MOST_PROJECTS_NAMED else ""
        )
        Console(stderr=True).print(
            f"The calls are in the project {project.name}. --project NAME imports into another project: {names}.",
            markup=False,
        )


def _reading(
    settings: Settings,
    default_path: str | None,
    path_field: str | None,
    default_model: str | None,
    columns: dict[str, str],
) -> RecordContext:
    limits = TraceLimits(settings.max_text_bytes, settings.max_json_depth, settings.max_items)
    return RecordContext(limits, default_path, settings.otlp_path_attribute, default_model, path_field, columns)


def _note(settings: Settings, file: str, project: str, format_: str, how: dict[str, Any]) -> Checkpoint:
    """The note of this file's import."""
    further = [f"{name}={value}" for name, value in sorted(how.items()) if value and name != "default_path"]
    return Checkpoint(
        settings.promptlode_data_dir, settings.database_url, project, file, how["default_path"], format_, *further
    )


def _import_file(file: Path, options: ReadingOptions, store: "_Store", note: Checkpoint) -> Report:
    """Import a file."""
    console = Console(stderr=True)
    with open_source(file) as source:
        reader = _reader(source, options, console, note)
        before, began = reader.report.traces, time.monotonic()
        try:
            with progress_bar(console, file.name, _bytes_left(source)) as show:
                _import(source, reader, store, note, show)
        except KeyboardInterrupt:
            _print_stopped(console, reader, note)
            sys.exit(1)
    note.forget()
    _print(console, store.project, reader.report, reader.report.traces - before, time.monotonic() - began)
    return reader.report


def _reader(source: LogSource, options: ReadingOptions, console: Console, note: Checkpoint) -> LogReader:
    """The reader of the file; it prints the kind that it detected."""
    before = note.read(source.head)
    try:
        reader = LogReader(source, options, console, before)
    except (UnknownColumnError, WrongFormatError) as error:
        raise click.UsageError(str(error)) from None
    if before:
        console.print(
            f"Continuing after {reader.word} {before.number:,}; --restart begins with the first {reader.word}."
        )
    if reader.warning:
        console.print(reader.warning, style="yellow", markup=False)
    else:
        console.print(reader.nothing_read or f"Format: {reader.format.name}.")
    return reader


class _Store:
    """Stores batches."""

    def __init__(self, engine: Engine, settings: Settings, reading: RecordContext, project: Project) -> None:
        self._ingest = Ingest(engine, grouping_enabled=settings.task_grouping_enabled)
        self._engine, self._settings, self._reading, self.project = engine, settings, reading, project

    def add(self, batch: RecordBatch, reader: LogReader) -> None:
        """Store a batch in transactions of limited size: a record may hold more calls than one should."""
        for start in range(0, len(batch.incoming), BATCH):
            part = batch.incoming[start : start + BATCH]
            for accepted in accept(self._ingest, self._settings, self.project, part):
                reader.report.add(accepted)
        for noun in (SPAN, LOG_RECORD):
            if records := batch.spans_of(noun):
                self._add_spans(noun, records, reader)

    def _add_spans(self, noun: str, records: list[tuple[int, RecordSpans]], reader: LogReader) -> None:
        """Store the calls of spans, with the stored calls of the same OpenTelemetry traces."""
        spans = [span for _, record in records for span in record.spans]
        known_calls = KnownCalls(self._engine, self.project.id)

        def read(known_calls: KnownCalls) -> Export:
            return read_spans(spans, noun, self._reading, known_calls)

        export, accepted = ExportStore(self._ingest, self._settings, self.project, known_calls, read).store()
        reader.report_export(records, export)
        for row in accepted:
            reader.report.add(row)


def _bytes_left(source: LogSource) -> int | None:
    return None if source.total is None else source.total - source.position()


def _import(source: LogSource, reader: LogReader, store: _Store, note: Checkpoint, show: Show) -> None:
    """Store every batch and note the progress; the display counts this import, without an earlier one of the file."""
    before, skipped = reader.report.traces, source.position()
    for batch in reader.batches():
        store.add(batch, reader)
        if reader.is_noted:
            note.write(reader.progress(batch))
        show(source.position() - skipped, reader.report.traces - before)


def _print_stopped(console: Console, reader: LogReader, note: Checkpoint) -> None:
    further = "continues from there" if note.exists() else "begins with the first one, and stores no call twice"
    console.print(f"Stopped at {reader.word} {reader.number:,}. The same command {further}.", style="yellow")


def _print(console: Console, project: Project, report: Report, traces: int, seconds: float) -> None:
    console.print(
        f"{plural(report.stored, 'trace')} stored in project {project.name}, {report.known:,} were known already."
    )
    for grouping, count in sorted(report.groupings.items()):
        console.print(f"  {count:,} {_MEANINGS[grouping]}")
    if report.passed_over:
        console.print(f"Passed over: {plural(report.passed_over, 'record')} without a call of a model.")
    if report.left_out:
        console.print(f"Of {plural(report.left_out, 'line')} something was left out.", style="yellow")
    if report.refused:
        number_hidden = report.refused - SHOWN_PROBLEMS
        note = f" ({number_hidden:,} of them not shown)" if number_hidden > 0 else ""
        lines = "1 line was" if report.refused == 1 else f"{report.refused:,} lines were"
        console.print(f"{lines} refused{note}.", style="yellow")
    console.print(f"Took {seconds:,.1f} s, {traces / max(seconds, 0.001):,.0f} traces/s.")


_MEANINGS = {
    "matched": "matched a known template",
    "requested": "will be grouped",
    "coalesced": "will be grouped by a run that was asked for already",
    "deferred": "will be grouped by the reconciler",
    "off": "have no text prompt, or grouping is disabled",
}
