"""Runs commands within this process, and writes the logs that commands import."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner

from app.checks import Problem
from app.cli.formats.base import RecordCalls, RecordContext
from app.cli.formats.otlp import read_spans
from app.cli.main import main
from app.otlp.refusal import summary


@dataclass
class Done:
    """The result of an ended command."""

    returncode: int
    stdout: bytes
    stderr: bytes


class Cli:
    """Runs commands in one environment, within this process: starting Python for each command would take most of the time."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment: dict[str, str | None] = {**environment, "COLUMNS": "200"}

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Done:
        result = CliRunner().invoke(main, arguments, input=stdin, env=self.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Done(result.exit_code, result.stdout_bytes, result.stderr_bytes)


def log_of(folder: Path, *lines: Any) -> str:
    """A file of these lines: bytes unchanged, all other values as JSON."""
    file = folder / "calls.jsonl"
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines) + b"\n")
    return str(file)


def call(number: int, **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "path": "/chat", "input": f"Q: {number}"} | fields


def with_spans(record_calls: RecordCalls, reading: RecordContext) -> RecordCalls:
    """The calls of a record, also of its spans, as if no call was stored."""
    record = record_calls.spans
    if record is None:
        return record_calls
    export = read_spans(record.spans, record.noun, reading, lambda _: ())
    reasons = summary(export.refusals, export.spans, noun=record.noun)
    return RecordCalls(
        export.incoming, [Problem((), reasons)] if reasons else [], export.ignored.total() + export.doubled
    )
