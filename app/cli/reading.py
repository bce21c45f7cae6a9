"""The calls of a file: its records, checked, in batches; `reporting` tells of the bad ones."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice

import orjson
from rich.console import Console

from app.checks import Problem
from app.cli.checkpoint import ImportProgress, digest
from app.cli.formats.base import Record, RecordCalls, RecordContext, RecordSpans, at
from app.cli.formats.batch import lonely
from app.cli.formats.detect import FORMATS, LOOKED_AT, contradicts, detect, is_unknown, kind_of
from app.cli.records import DAMAGED, Layout, LogSource, layout_of, records, skip
from app.cli.reporting import Report, Reporter, listed, missing_field, unknown_fields
from app.errors import CallerError
from app.intake.bodies.values import Body, present
from app.intake.trace import Incoming, InvalidTraceError
from app.otlp.translate import Export

AUTO = "auto"

BATCH = 500
"""As many as in one POST; one transaction each."""

_MOST_RECORDS = 10_000
"""Records without a call after which a batch ends, so that progress is shown and kept."""

_MOST_BYTES_OF_SPANS = 4 * 1024 * 1024
"""Bytes of records with spans after which a batch ends: their calls are counted when they are stored, and texts take several times as much
memory.
"""


class WrongFormatError(CallerError):
    """The file is certainly of another kind than the command said."""


class UnknownColumnError(CallerError):
    """The table has no column of a name that the command gave."""


@dataclass(frozen=True)
class RecordBatch:
    """Checked traces, the spans of records by the record's number, and the last record of all."""

    incoming: list[Incoming]
    spans: list[tuple[int, RecordSpans]]
    number: int
    end: int

    def spans_of(self, noun: str) -> list[tuple[int, RecordSpans]]:
        """The records with spans, or those with log records."""
        return [(number, spans) for number, spans in self.spans if spans.noun == noun]


@dataclass(frozen=True)
class ReadingOptions:
    """Options of reading; `longest` is the longest record in bytes; `is_last`: no file comes after this one."""

    format: str
    reading: RecordContext
    longest: int
    is_last: bool = True


class LogReader:
    """Reads one file, from its beginning or from where an import stopped. Raises WrongFormatError and UnknownColumnError."""

    def __init__(
        self, source: LogSource, options: ReadingOptions, console: Console, before: ImportProgress | None = None
    ) -> None:
        self.layout: Layout = before.layout if before else layout_of(source.stream)
        self.number, self.end = (before.number, before.end) if before else (0, 0)
        self._source, self._reading, self._longest = source, options.reading, options.longest
        self._is_last = options.is_last
        self._forced = None if options.format == AUTO else FORMATS[options.format]
        report = Report(**before.report) if before else Report()
        self.reporter = Reporter(report, console, self.word, options.reading, self._forced)
        _check_columns(source.columns, options.reading)
        if before:
            skip(source.stream, before.end)
        self._records = self._until_damaged()
        self._first = list(islice(self._records, LOOKED_AT))
        as_read = [value for record in self._first if (value := _object_of(record)) is not None]
        values = [self._renamed(value) for value in as_read]
        self.warning = unknown_fields(values, self.word) if not self._forced and is_unknown(values) else None
        self.warning = self.warning or missing_field(options.reading, as_read, self.word)
        self.format = self._forced or (FORMATS[before.format] if before else detect(values))
        if self._forced and (likely_format := contradicts(values, self.format)):
            raise WrongFormatError(
                f"The file has the format {likely_format.name}, not {self.format.name}. Leave --format out."
            )

    @property
    def report(self) -> Report:
        return self.reporter.report

    @property
    def nothing_read(self) -> str:
        """Why nothing is read; "" for a file with records."""
        if self._first or self.report.refused:
            return ""
        return (
            "The table has a header and no rows."
            if self._source.is_table and self._source.head
            else "The file is empty."
        )

    @property
    def word(self) -> str:
        """The word for a record in messages: line, item, row or object."""
        if self._source.is_table:
            return "row"
        return "line" if self.layout == "lines" else "item"

    def batches(self) -> Iterator[RecordBatch]:
        """Checked traces; a batch may be empty after many bad records."""
        batch = RecordBatch([], [], self.number, self.end)
        bytes_of_spans = 0
        for record in chain(self._first, self._records):
            taken_calls = self._take(record)
            batch.incoming.extend(taken_calls.incoming)
            if taken_calls.spans is not None:
                batch.spans.append((record.number, taken_calls.spans))
                bytes_of_spans += len(record.data)
            records = record.number - batch.number
            self.number, self.end = record.number, record.end
            if len(batch.incoming) >= BATCH or bytes_of_spans >= _MOST_BYTES_OF_SPANS or records >= _MOST_RECORDS:
                yield replace(batch, number=record.number, end=record.end)
                batch, bytes_of_spans = RecordBatch([], [], self.number, self.end), 0
        if self._is_last:
            batch.incoming.extend(self._lonely())
        yield replace(batch, number=self.number, end=self.end)

    def report_export(self, records: Sequence[tuple[int, RecordSpans]], export: Export) -> None:
        """As `Reporter.add_export`."""
        self.reporter.add_export(records, export)

    @property
    def is_noted(self) -> bool:
        """Whether an import can continue from here: waiting halves of batches would be forgotten."""
        return self._source.is_file and not self._reading.batches.wait

    def _lonely(self) -> Iterator[Incoming]:
        """The halves of batches without another half."""
        for record, taken_calls in lonely(self._reading.batches, self._reading):
            yield from self._reported(record, taken_calls, None).incoming

    def progress(self, batch: RecordBatch) -> ImportProgress:
        """The progress to note when the batch is stored."""
        head = self._source.head
        return ImportProgress(
            batch.number, batch.end, self.layout, self.format.name, len(head), digest(head), asdict(self.report)
        )

    def _until_damaged(self) -> Iterator[Record]:
        last = self.number
        try:
            for record in records(self._source.stream, self.layout, self._longest, self.number, self.end):
                last = record.number
                yield record
        except DAMAGED:
            self.reporter.refuse(
                last + 1,
                [Problem((), "From here on the file is not valid gzip, or it is cut off. Import the whole file.")],
            )

    def _take(self, record: Record) -> RecordCalls:
        """The valid calls of a record; the others are reported."""
        value = None
        try:
            value = self._object(record)
            kind = self.format if self._forced else kind_of(value, self.format)
            taken_calls = kind.take(record, value, self._reading)
        except InvalidTraceError as error:
            taken_calls = RecordCalls(problems=error.problems)
        return self._reported(record, taken_calls, value)

    def _reported(self, record: Record, taken_calls: RecordCalls, value: Body | None) -> RecordCalls:
        self.report.passed_over += taken_calls.passed_over
        if taken_calls.problems:
            self.reporter.refuse(record.number, taken_calls.problems, value)
        return taken_calls

    def _object(self, record: Record) -> Body:
        if len(record.data) > self._longest:
            raise InvalidTraceError([Problem((), f"Must have at most {self._longest} bytes (MAX_BODY_BYTES).")])
        try:
            value = orjson.loads(record.data)
        except orjson.JSONDecodeError as error:
            raise InvalidTraceError([Problem((), _no_json(record, error))]) from None
        if not isinstance(value, dict):
            raise InvalidTraceError([Problem((), "Must be a JSON object.")])
        return self._renamed(value)

    def _renamed(self, value: Body) -> Body:
        """The record with the fields of `--column` under our names."""
        renamed = {ours: at(value, theirs) for ours, theirs in self._reading.columns.items()}
        return {
            name: held_value for name, held_value in value.items() if name not in self._reading.columns.values()
        } | present(renamed)


def _check_columns(columns: Sequence[str], reading: RecordContext) -> None:
    """Raises UnknownColumnError for a column that a table does not have."""
    for column in reading.columns.values() if columns else ():
        if column not in columns and column.partition(".")[0] not in columns:
            raise UnknownColumnError(f"The table has no column {column}. Its columns: {listed(columns)}.")


def _no_json(record: Record, error: orjson.JSONDecodeError) -> str:
    if not record.closed:
        return "Is cut off: the file ends in the middle of it."
    return f"Is not valid JSON ({error.msg} at column {error.colno})."


def _object_of(record: Record) -> Body | None:
    try:
        value = orjson.loads(record.data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
