"""The calls of a file: its records, checked, in batches. Invalid ones are refused by number, with the reason."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice

import orjson
from rich.console import Console
from rich.text import Text

from app.checks import Problem
from app.cli.checkpoint import ImportProgress, digest
from app.cli.formats.base import NO_PROMPT, Record, RecordCalls, RecordContext, RecordSpans, at
from app.cli.formats.batch import lonely
from app.cli.formats.detect import FORMATS, LOOKED_AT, contradicts, detect, is_unknown, kind_of
from app.cli.formats.promptlode import BATCH_FIELD
from app.cli.records import DAMAGED, Layout, LogSource, layout_of, records, skip
from app.errors import CallerError
from app.intake.bodies.values import Body, present
from app.intake.trace import Incoming, InvalidTraceError
from app.otlp.refusal import Refusal, summary
from app.otlp.translate import Export
from app.words import plural
from tasks.accept import Accepted

AUTO = "auto"

BATCH = 500
"""As many as in one POST; one transaction each."""

_MOST_RECORDS = 10_000
"""Records without a call after which a batch ends, so that progress is shown and kept."""

_MOST_BYTES_OF_SPANS = 4 * 1024 * 1024
"""Bytes of records with spans after which a batch ends: their calls are counted when they are stored, and texts take several times as much
memory.
"""

SHOWN_PROBLEMS = 20
"""Bad lines shown one by one; a million of them are one bad file."""

_SHOWN_NAMES = 12
"""Names of fields that help a person to identify the file."""


class WrongFormatError(CallerError):
    """The file is certainly of another kind than the command said."""


class UnknownColumnError(CallerError):
    """The table has no column of a name that the command gave."""


@dataclass
class Report:
    """The outcome of the records. left_out: records of which a part that belongs to no call was left out."""

    stored: int = 0
    known: int = 0
    refused: int = 0
    left_out: int = 0
    passed_over: int = 0
    groupings: dict[str, int] = field(default_factory=dict)

    @property
    def traces(self) -> int:
        return self.stored + self.known

    def add(self, accepted: Accepted) -> None:
        """Count one trace."""
        created = accepted.recorded.created
        self.stored, self.known = self.stored + created, self.known + (not created)
        self.groupings[accepted.grouping] = self.groupings.get(accepted.grouping, 0) + 1


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
        self.report = Report(**before.report) if before else Report()
        self.layout: Layout = before.layout if before else layout_of(source.stream)
        self.number, self.end = (before.number, before.end) if before else (0, 0)
        self._source, self._reading, self._longest, self._console = source, options.reading, options.longest, console
        self._forced, self._is_last = options.format != AUTO, options.is_last
        self._has_told_fields = False
        _check_columns(source.columns, options.reading)
        if before:
            skip(source.stream, before.end)
        self._records = self._until_damaged()
        self._first = list(islice(self._records, LOOKED_AT))
        values = [self._renamed(value) for record in self._first if (value := _object_of(record)) is not None]
        self.warning = _unknown(values, self.word) if not self._forced and is_unknown(values) else None
        self.warning = self.warning or _missing_column(options.reading, self._first, self.word)
        format_known = options.format if self._forced else before.format if before else None
        self.format = FORMATS[format_known] if format_known else detect(values)
        if self._forced and (likely_format := contradicts(values, self.format)):
            raise WrongFormatError(
                f"The file has the format {likely_format.name}, not {self.format.name}. Leave --format out."
            )

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
        """Report the spans of these records that were not stored, by record."""
        self.report.passed_over += export.ignored.total() + export.doubled + export.orphans
        numbers: dict[str, deque[int]] = defaultdict(deque)
        for number, record in records:
            for span in record.spans:
                numbers[span.id].append(number)
        refusals: dict[int, list[Refusal]] = defaultdict(list)
        for refusal in export.refusals:
            refusals[numbers[refusal.span_id].popleft()].append(refusal)
        for number, record in records:
            number_of_spans = len(record.spans) + len(record.unreadable)
            reasons = summary([*refusals[number], *record.unreadable], number_of_spans, noun=record.noun)
            if reasons:
                self._refuse(number, [Problem((), " ".join(filter(None, (reasons, record.left_out))))])
            elif record.left_out:
                self.report.left_out += 1
                if self.report.left_out <= SHOWN_PROBLEMS:
                    self._tell(number, record.left_out)

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
            self._refuse(
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
            self._refuse(record.number, taken_calls.problems, value)
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

    def _refuse(self, number: int, problems: list[Problem], value: Body | None = None) -> None:
        self.report.refused += 1
        if self.report.refused <= SHOWN_PROBLEMS:
            reasons = " ".join(map(_sentence, problems[:SHOWN_PROBLEMS]))
            if len(problems) > SHOWN_PROBLEMS:
                reasons += f" And {plural(len(problems) - SHOWN_PROBLEMS, 'further problem')}."
            self._tell(number, f"{reasons}{self._hint(problems, value)}")

    def _tell(self, number: int, sentences: str) -> None:
        self._console.print(Text(f"{self.word} {number}: {sentences}", style="yellow"))

    def _hint(self, problems: list[Problem], value: Body | None) -> str:
        if self._forced and value is not None and (likely_format := contradicts([value], self.format)):
            return f" The line looks like {likely_format.name}. Leave --format out."
        if value is not None and self._is_first_without_prompt(problems):
            return f" Its fields are {_listed(value)}: name the one of the prompt, --column input=FIELD."
        defaults = {"path": self._reading.default_path, "model": self._reading.default_model}
        missing = [name for name, default in defaults.items() if default is None and _misses(problems, name)]
        return f" Give one for all with {' and '.join(f'--{name}' for name in missing)}." if missing else ""

    def _is_first_without_prompt(self, problems: list[Problem]) -> bool:
        """Whether this is the first line without a prompt, where the command named no field of it."""
        is_first = not self._has_told_fields and "input" not in self._reading.columns
        lacks_prompt = any(problem.message == NO_PROMPT for problem in problems)
        self._has_told_fields |= lacks_prompt
        return is_first and lacks_prompt


def _sentence(problem: Problem) -> str:
    """A problem with its field before it: `usage.input_tokens: Must be a whole number.`"""
    field = ".".join(map(str, problem.loc))
    return f"{field}: {problem.message}" if field else problem.message


def _misses(problems: list[Problem], name: str) -> bool:
    """Whether a call has no such field: the record itself, or an item of its `traces`."""
    return any(
        (problem.loc[2:] if problem.loc[:1] == (BATCH_FIELD,) else problem.loc) == (name,) for problem in problems
    )


def _unknown(values: list[Body], word: str) -> str:
    """The names of the file's fields, never its values, and what to do with the file."""
    listed = _listed(name for value in values for name in value)
    kinds = ", ".join(name for name in FORMATS)
    return (
        f"No LLM call was found: the {word}s have the fields {listed}, and none of these is known to hold a prompt. Known formats are {kinds}. "
        f"For any other log, name the fields: --column input=FIELD --column output=FIELD --model MODEL --path PATH."
    )


def _listed(names: Iterable[str]) -> str:
    """Names of fields, each once, the first ones."""
    different = list(dict.fromkeys(str(name)[:40] for name in names))
    return ", ".join(different[:_SHOWN_NAMES]) + (", ..." if len(different) > _SHOWN_NAMES else "")


def _check_columns(columns: Sequence[str], reading: RecordContext) -> None:
    """Raises UnknownColumnError for a column that a table does not have."""
    for column in reading.columns.values() if columns else ():
        if column not in columns and column.partition(".")[0] not in columns:
            raise UnknownColumnError(f"The table has no column {column}. Its columns: {_listed(columns)}.")


def _missing_column(reading: RecordContext, records: Sequence[Record], word: str) -> str | None:
    """A warning about a field that none of the first records has; a later one may have it."""
    values = [value for record in records if (value := _object_of(record)) is not None]
    for column in reading.columns.values() if values else ():
        if all(at(value, column) is None for value in values):
            fields = _listed(name for value in values for name in value)
            return f"None of the first {len(values)} {word}s has the field {column}. Their fields: {fields}."
    return None


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
