"""Processes and ports of this machine: children that do not outlive their parent, orderly stops, free ports."""

import contextlib
import functools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from app.local.child import die_with_parent
from app.local.errors import LocalError


def find(pid: int | None, *marks: str) -> psutil.Process | None:
    """The living process `pid`, if its command line contains all `marks`: the number may belong to another process by now."""
    try:
        process = psutil.Process(pid or 0)
        command = process.cmdline()
    except psutil.Error:
        return None
    return process if all(any(mark in word for word in command) for mark in marks) and not is_over(process) else None


def is_over(process: psutil.Process) -> bool:
    """Whether the process has ended. A zombie has: some containers have no init that would reap it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(processes: Sequence[psutil.Process], first: signal.Signals = signal.SIGTERM, seconds: float = 10) -> None:
    """Send `first` to all, wait, and kill those that are left."""
    for ending, patience in ((first, seconds), (signal.SIGKILL, 5.0)):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(ending)
        with contextlib.suppress(LocalError):
            wait_until(lambda: all(map(is_over, processes)), patience, lambda: "still there")
            return


class Child:
    """One server program run as a child of this process, in a session of its own so that Ctrl-C reaches only us."""

    def __init__(self, ending: signal.Signals) -> None:
        self._ending = ending
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def launch(self, command: Sequence[str], log: Path, cwd: str = "/", **popen: Any) -> None:
        """Start it with a new log; it gets its ending signal when this thread dies.

        Start a server in the main thread, or in a thread that lives as long as the server must.
        """
        log.unlink(missing_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=functools.partial(die_with_parent, self._ending, os.getpid()),
                **popen,
            )

    def send(self, message: signal.Signals) -> None:
        if self.is_running and self._process:
            self._process.send_signal(message)

    def end(self, first: signal.Signals | None = None, seconds: float = 20) -> None:
        """Stop it with `first` (by default its own ending signal), then kill its children with SIGKILL."""
        if self.is_running and self._process:
            server = psutil.Process(self._process.pid)
            first = first or self._ending
            children = server.children(recursive=True) if first == signal.SIGKILL else []
            end([server, *children], first, seconds)
            self._process.wait()
        self._process = None


def free_port() -> int:
    """A free TCP port on 127.0.0.1 that the system gives to no other program for a minute.

    A port whose connection was closed by its own side waits first (TIME_WAIT). Only a server that asks for that very port gets it then, so
    two programs that look for ports at the same time find different ones.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            server.accept()[0].close()
            client.recv(1)
        return int(server.getsockname()[1])


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def wait_until(ready: Callable[[], bool], seconds: float, failure: Callable[[], str], pause: float = 0.02) -> None:
    """Poll `ready` for at most `seconds`; then raise LocalError with the text of `failure`.

    A longer `pause` suits a question that slows down starting processes.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise LocalError(failure())
        time.sleep(pause)
