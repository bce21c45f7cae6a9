"""An output that takes no more: a closed pipe, as behind `promptlode tasks | head -1`, and a full disk."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.main import HOMES

COMMANDS = [(name,) for name in HOMES if name in {"prices", "webhooks", "projects", "keys"}] + [
    ("--help",),
    ("tasks", "--help"),
    ("status",),
    ("no-such-command",),
]
"""A group without its command, a help, a command that prints, and a usage error: each writes at another place of click."""

PRINTED_WITHOUT_A_FLUSH = (
    "import app.cli.main, app.cli.entry, sys; app.cli.main.main = lambda: print(1); app.cli.entry.run()"
)
FAILED_AFTER_PRINTING = (
    "import app.cli.main, app.cli.entry, sys; app.cli.main.main = lambda: (print(1), sys.exit(3)); app.cli.entry.run()"
)


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """The writing end of a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def ended(tmp_path: Path, *arguments: str, stdout: int | None = None, stderr: int | None = None) -> tuple[int, str]:
    """The exit code of a process, and what it wrote to a standard error of its own."""
    written = tmp_path / "stderr"
    with written.open("w") as file:
        environment = os.environ | {"PROMPTLODE_DATA_DIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        ran = subprocess.run(
            [sys.executable, *arguments],
            stdout=stdout,
            stderr=file if stderr is None else stderr,
            env=environment,
            check=False,
        )
    return ran.returncode, written.read_text()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_into_a_closed_pipe_ends_in_silence(
    tmp_path: Path, closed_pipe: int, command: tuple[str, ...]
) -> None:
    code, written = ended(tmp_path, "-m", "app.cli", *command, stdout=closed_pipe)
    assert code in (1, 2)
    assert "Traceback" not in written
    assert "Exception ignored" not in written
    assert "BrokenPipe" not in written


def test_an_output_that_is_written_at_the_end_finds_a_closed_pipe_in_silence(tmp_path: Path, closed_pipe: int) -> None:
    assert ended(tmp_path, "-c", PRINTED_WITHOUT_A_FLUSH, stdout=closed_pipe) == (1, "")
    assert ended(tmp_path, "-c", FAILED_AFTER_PRINTING, stdout=closed_pipe) == (1, "")


def test_an_exit_code_stays_where_the_output_is_read(tmp_path: Path) -> None:
    assert ended(tmp_path, "-c", FAILED_AFTER_PRINTING, stdout=subprocess.DEVNULL) == (3, "")


def test_an_error_into_a_closed_pipe_keeps_its_silence(tmp_path: Path, closed_pipe: int) -> None:
    assert ended(tmp_path, "-m", "app.cli", "no-such-command", stdout=closed_pipe, stderr=closed_pipe) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_help_on_a_full_disk_is_an_error_in_one_line(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        code, written = ended(tmp_path, "-m", "app.cli", "prices", stdout=full)
    finally:
        os.close(full)
    assert (code, written) == (
        1,
        "Error: The output cannot be written: No space left on device. Make room on its disk.\n",
    )
