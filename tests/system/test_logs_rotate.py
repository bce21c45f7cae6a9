"""Logs of a local installation are bounded in size, and no program ends because the disk of its log is full."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local import supervision
from app.local.processes import wait_until
from app.local.supervision import Program, Supervisor
from app.local.supervisord import Forgiving

LINE = "a line of a log " * 8
TALK = f"""
import itertools, pathlib, sys, time
for number in itertools.count():
    print({LINE!r}, number, flush=True)
    pathlib.Path(sys.argv[1]).write_text(str(number))
    if number > 1000:
        time.sleep(0.2)
"""

BYTES_OF_A_PIPE = 2**16
"""Bytes that a slow supervisord finds in a program's pipe (pipe(7)) and writes before it looks at the size of the log."""


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """Two programs that print and count their lines; the log of one program is on a full disk, and so is
    supervisord's own.
    """
    monkeypatch.setattr(supervision, "LOG_BYTES", 20_000)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "unwritten.log").symlink_to("/dev/full")
    (tmp_path / "logs" / "supervisord.log").symlink_to("/dev/full")
    (tmp_path / "talk.py").write_text(TALK)
    programs = [
        Program(name, [sys.executable, str(tmp_path / "talk.py"), str(tmp_path / f"{name}.count")], tmp_path)
        for name in ("written", "unwritten")
    ]
    supervisor = Supervisor(tmp_path, {"all": programs})
    supervisor.start(dict(os.environ))
    supervisor.start_group("all")
    yield supervisor
    supervisor.stop()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full, which stands for a full disk")
def test_logs_are_rotated_and_a_full_disk_of_logs_ends_nothing(supervisor: Supervisor, tmp_path: Path) -> None:
    for name in ("written", "unwritten"):
        wait_until(lambda name=name: said(tmp_path, name) > 1000, 120, lambda: "it does not go on")  # type: ignore[misc]
    names = {"written.log", "written.log.1", "written.log.2"}
    wait_until(lambda: sizes(tmp_path).keys() == names, 120, lambda: f"it is not rotated: {sizes(tmp_path)}")
    assert max(sizes(tmp_path).values()) < supervision.LOG_BYTES + BYTES_OF_A_PIPE
    assert {state.label for state in supervisor.states()} <= {"RUNNING", "STARTING"}


def sizes(home: Path) -> dict[str, int]:
    """The logs of the program that goes on; one that is renamed at this moment is missing."""
    sizes_by_name = {}
    for log in (home / "logs").glob("written.log*"):
        with contextlib.suppress(FileNotFoundError):
            sizes_by_name[log.name] = log.stat().st_size
    return sizes_by_name


def said(folder: Path, name: str) -> int:
    """The number of lines that a program has written; a program writes only while its output is read."""
    try:
        return int((folder / f"{name}.count").read_text() or 0)
    except FileNotFoundError:
        return 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full, which stands for a full disk")
def test_a_report_that_supervisord_cannot_write_does_not_end_it() -> None:
    """supervisord reports a log that it cannot write on standard error, which is a file of the same disk."""
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - text on top of it keeps nothing back
    with io.TextIOWrapper(full, write_through=True) as text:
        assert Forgiving(text).write("a report\n") == len("a report\n")
