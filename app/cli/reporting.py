"""What an import tells of a file: its bad records by number, with the reason and the remedy, and how many there were of each outcome."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from app.checks import Problem
from app.cli.formats.base import NO_PROMPT, LogFormat, RecordContext, RecordSpans, at, text_at
from app.cli.formats.detect import FORMATS, contradicts
from app.cli.formats.promptlode import BATCH_FIELD
from app.intake.bodies.values import Body
from app.otlp.refusal import Refusal, summary
from app.otlp.translate import Export
from app.words import plural
from tasks.accept import Accepted

SHOWN_PROBLEMS = 20
"""Bad lines shown one by one; a million of them are one bad file."""

_SHOWN_NAMES = 12
"""Names of fields that help a person to identify the file."""


@dataclass
class Report:
    """The outcome of the records. left_out: records of which a part that belongs to no call was left out. groupings: of the stored traces alone."""

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
        if not accepted.recorded.created:
            self.known += 1
            return
        self.stored += 1
        self.groupings[accepted.grouping] = self.groupings.get(accepted.grouping, 0) + 1


class Reporter:
    """Counts the outcome of the records of a file, and tells of the bad ones. word: for a record; forced: the format that the command named."""

    def __init__(
        self, report: Report, console: Console, word: str, reading: RecordContext, forced: LogFormat | None
    ) -> None:
        self.report = report
        self._console, self._word, self._reading, self._forced = console, word, reading, forced
        self._has_told_fields = False

    def add_export(self, records: Sequence[tuple[int, RecordSpans]], export: Export) -> None:
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
                self.refuse(number, [Problem((), " ".join(filter(None, (reasons, record.left_out))))])
            elif record.left_out:
                self.report.left_out += 1
                if self.report.left_out <= SHOWN_PROBLEMS:
                    self._tell(number, record.left_out)

    def refuse(self, number: int, problems: list[Problem], value: Body | None = None) -> None:
        """Count a bad record, and tell of one of the first. value: the record as JSON, where it is an object."""
        self.report.refused += 1
        if self.report.refused <= SHOWN_PROBLEMS:
            reasons = " ".join(map(_sentence, problems[:SHOWN_PROBLEMS]))
            if len(problems) > SHOWN_PROBLEMS:
                reasons += f" And {plural(len(problems) - SHOWN_PROBLEMS, 'further problem')}."
            self._tell(number, f"{reasons}{self._hint(problems, value)}")

    def _tell(self, number: int, sentences: str) -> None:
        self._console.print(Text(f"{self._word} {number}: {sentences}", style="yellow"))

    def _hint(self, problems: list[Problem], value: Body | None) -> str:
        if self._forced and value is not None and (likely_format := contradicts([value], self._forced)):
            return f" The line looks like {likely_format.name}. Leave --format out."
        if value is not None and self._is_first_without_prompt(problems):
            return f" Its fields are {listed(value)}: name the one of the prompt, --column input=FIELD."
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


def unknown_fields(values: list[Body], word: str) -> str:
    """The names of the file's fields, never its values, and what to do with the file."""
    fields = listed(name for value in values for name in value)
    kinds = ", ".join(name for name in FORMATS)
    return (
        f"No LLM call was found: the {word}s have the fields {fields}, and none of these is known to hold a prompt. Known formats are {kinds}. "
        f"For any other log, name the fields: --column input=FIELD --column output=FIELD --model MODEL --path PATH."
    )


def listed(names: Iterable[str]) -> str:
    """Names of fields, each once, the first ones."""
    different = list(dict.fromkeys(str(name)[:40] for name in names))
    return ", ".join(different[:_SHOWN_NAMES]) + (", ..." if len(different) > _SHOWN_NAMES else "")


def missing_field(reading: RecordContext, values: Sequence[Body], word: str) -> str | None:
    """A warning about a field of an option that none of the first records has; a later one may have it."""
    named = [(name, at) for name in reading.columns.values()]
    if reading.path_field:
        named.append((reading.path_field, text_at))
    for name, reader in named if values else ():
        if all(reader(value, name) is None for value in values):
            fields = listed(known_name for value in values for known_name in value)
            return f"None of the first {len(values)} {word}s has the field {name}. Their fields: {fields}."
    return None
