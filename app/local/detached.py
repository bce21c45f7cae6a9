"""An instance in the background: started as a process of its own, found by its folder, stopped by its process id."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import psutil

from app.local.errors import LocalError, unwritable
from app.local.processes import is_over, wait_until
from app.local.supervision import last_lines

LOG = "up.log"
"""The instance's own log, in the folder of the logs."""

PATIENCE_TO_START, PATIENCE_TO_STOP = 900.0, 120.0
"""Seconds: longer than all waits of `Instance` together; stopping waits for six processes of 25 s each."""


def start(home: Path) -> str:
    """Start an instance in the background; returns its output once it serves. Raises LocalError with the reason why it does not.

    Ctrl-C until then stops the instance too.
    """
    log = home / "logs" / LOG
    with _opened(log, home) as output:
        process = subprocess.Popen(
            # -P: a folder `app` of the user's own, where `promptlode up` is typed, is no part of Promptlode
            [sys.executable, "-P", "-m", "app.local", "run"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until(
            lambda: process.poll() is not None or _serves(log),
            PATIENCE_TO_START,
            lambda: f"Promptlode did not start within {PATIENCE_TO_START:g} s. {last_lines(log, 15)}",
        )
    except KeyboardInterrupt:
        process.terminate()
        wait_until(lambda: process.poll() is not None, PATIENCE_TO_STOP, lambda: _does_not_end(process.pid, home))
        raise LocalError("Stopped before everything was started: Promptlode does not run.") from None
    if process.poll() is not None:
        raise LocalError(last_lines(log, 15))
    return log.read_text()


def _opened(log: Path, home: Path) -> IO[str]:
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return log.open("w")
    except OSError as error:
        raise unwritable(home, error) from None


def _serves(log: Path) -> bool:
    return "Serving." in log.read_text()


def running(home: Path) -> psutil.Process | None:
    """The process of this folder's instance, if one runs: the holder of the folder's lock."""
    try:
        with (home / "lock").open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return psutil.Process(int(lock.read()))
    except (OSError, ValueError, psutil.Error):
        return None
    return None


def stop(home: Path) -> bool:
    """Stop this folder's instance in order; answers whether there was one."""
    process = running(home)
    if process is None:
        return False
    process.send_signal(signal.SIGTERM)
    wait_until(
        lambda: is_over(process),
        PATIENCE_TO_STOP,
        lambda: _does_not_end(process.pid, home),
    )
    return True


def _does_not_end(process_id: int, home: Path) -> str:
    return f"Process {process_id} does not end. The logs are in {home / 'logs'}."


def logs(home: Path, program: str | None) -> list[Path]:
    """The newest log of each program, or of one. Raises LocalError when there is none of that name."""
    files = sorted((home / "logs").glob("*.log"))
    log_files = [log for log in files if program in (None, log.stem)]
    if not log_files:
        names = ", ".join(log.stem for log in files)
        if not names:
            raise LocalError(f"{home} has no logs: no instance has run there yet.")
        raise LocalError(f"There is no log of {program}. Choose one of {names}.")
    return log_files


def follow(log: Path, position: int) -> tuple[str, int]:
    """The text added to a log since a position, and the new position; a rotated log is read from its beginning."""
    try:
        size = os.path.getsize(log)
        with log.open("rb") as file:
            file.seek(position if size >= position else 0)
            new_text = file.read()
            return new_text.decode(errors="replace"), file.tell()
    except FileNotFoundError:
        return "", 0
