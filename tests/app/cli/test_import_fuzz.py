"""An import of any file keeps the good records, refuses each bad record by number, and writes nothing elsewhere."""

import contextlib
import copy
import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from app.checks import TraceLimits
from app.cli.checkpoint import Checkpoint, ImportProgress
from app.cli.formats.base import RecordContext
from app.cli.formats.otlp import LOG_RECORD, SPAN, read_spans
from app.cli.reading import LogReader, ReadingOptions, RecordBatch
from app.cli.records import UnreadableFileError, open_source
from app.intake.trace import Incoming
from tests.app.log_records import KINDS, Json

RECORDS = [record for _, record in KINDS]
OPTIONS = ReadingOptions("auto", RecordContext(TraceLimits(), "/given", "promptlode.path"), 100_000)

DEEP = "[" * 400 + "]" * 400
IN_PLACE = "a list as deep, not a text that holds it"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(['[{"role": "user"}]', DEEP, IN_PLACE, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def dumped(value: Any, indent: int | None = None) -> bytes:
    """JSON with values that only some readers accept: NaN, numbers of any length, hundreds of levels."""
    return json.dumps(value, indent=indent).replace(f'"{IN_PLACE}"', DEEP).encode()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all values within a value, without the value itself."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner_places = [place for key, child in inner for place in places(child, (*path, key))]
    return [*inner_places, path] if path else inner_places


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A record with other values at some of its places."""
    value: Any = copy.deepcopy(draw(st.sampled_from(RECORDS))("mutated"))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(value)))
        holder = value
        for key in way:
            holder = holder[key]
        holder[last] = draw(json_values)
    return dumped(value)


@st.composite
def cut_off(draw: st.DrawFn) -> bytes:
    data = dumped(draw(st.sampled_from(RECORDS))("cut"))
    return data[: draw(st.integers(2, len(data) - 1))]


junk = st.binary(min_size=1, max_size=40).map(lambda data: data.translate(None, b"\x00\n\r")).filter(bytes.strip)
bad_lines = mutated() | cut_off() | junk | json_values.map(dumped)


def imported(data: bytes, options: ReadingOptions = OPTIONS) -> tuple[LogReader, list[str]]:
    """The reader of a file after the last record, and the user part of every prompt."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log"
        file.write_bytes(data)
        with open_source(file) as source:
            reader = LogReader(source, options, Console(quiet=True))
            items = [item for batch in reader.batches() for item in incoming_of(batch, reader, options)]
        assert list(Path(folder).iterdir()) == [file]
    return reader, [item.prompt.parts[-1] for item in items if item.prompt.parts]


def incoming_of(batch: RecordBatch, reader: LogReader, options: ReadingOptions) -> list[Incoming]:
    """The calls of a batch, also of its spans, as if no call was stored."""
    incoming = batch.incoming
    for noun in (SPAN, LOG_RECORD):
        records = batch.spans_of(noun)
        spans = [span for _, record in records for span in record.spans]
        export = read_spans(spans, noun, options.reading, lambda _: ())
        reader.report_export(records, export)
        incoming = incoming + export.incoming
    return incoming


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(RECORDS),
    st.lists(st.none() | bad_lines, max_size=8),
    st.booleans(),
)
def test_good_lines_are_kept_among_any_others(
    record: Callable[[str], Json], lines: list[bytes | None], zipped: bool
) -> None:
    good = [f"good {number}" for number, line in enumerate(lines) if line is None]
    wanted = iter(good)
    data = b"\n".join(dumped(record(next(wanted))) if line is None else line for line in lines)
    data = dumped(record("first")) + b"\n" + data
    reader, prompts = imported(gzip.compress(data) if zipped else data)
    assert [prompt for prompt in prompts if prompt.startswith(("first", "good"))] == ["first", *good]
    assert reader.report.refused <= len(lines) - len(good)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(RECORDS), st.lists(st.none() | json_values, max_size=8), st.booleans())
def test_good_items_of_a_list_are_kept_among_any_others(
    record: Callable[[str], Json], values: list[Any], indented: bool
) -> None:
    items = [record("first"), *(record(f"good {n}") if value is None else value for n, value in enumerate(values))]
    data = dumped(items, indent=2 if indented else None)
    _, prompts = imported(data)
    good = [f"good {n}" for n, value in enumerate(values) if value is None]
    assert [prompt for prompt in prompts if prompt.startswith(("first", "good"))] == ["first", *good]


@settings(max_examples=100, deadline=None)
@given(st.lists(bad_lines, max_size=5).map(b"\n".join) | st.binary(max_size=300))
def test_any_file_has_an_answer(data: bytes) -> None:
    with contextlib.suppress(UnreadableFileError):
        imported(data)


@settings(deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=5))
def test_nothing_that_a_command_line_says_becomes_a_path(identity: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "inside"
        Checkpoint(inside, "../../x", *identity).write(ImportProgress(1, 2, "lines", "openai", 0, ""))
        (note,) = (path for path in Path(folder).rglob("*") if path.is_file())
        assert note.parent == inside / "imports"
