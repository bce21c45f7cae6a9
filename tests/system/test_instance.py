"""`make run` on a real machine leaves nothing behind, restarts dead processes, and recovers from kills."""

import json
import os
import queue
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

import app
from app.config import Settings
from app.local.instance import leftovers
from app.local.processes import free_port, is_over, wait_until
from app.sample import EXPECTED
from tests.flows.containers import tied
from tests.system import wheel

ROOT = Path(app.__file__).parent.parent
RUN = (sys.executable, "-m", "app.local", "run")
RUN_OF_PROJECT = """
import sys
from functools import partial
from app.local import serve
serve.running = partial(serve.running, sys.argv[1])
serve.run()
"""
"""`run` with the project of an earlier start instead of its own."""
STARTED = "Serving."
PROGRAMS = {"web": " granian ", "worker": " worker "}
SERVERS = {"postgres": "bin/postgres -D", "valkey": "valkey-server"}
"""Name -> words of the command lines of the processes that are killed together."""


class Run:
    """A `python -m app.local run`, or another command that starts every process, with its output."""

    def __init__(self, home: Path, command: Sequence[str] = RUN, folder: Path = ROOT, **environment: str) -> None:
        ports = {"PORT": str(free_port()), "FLOWER_PORT": str(free_port())}
        self.home = home
        self.process = subprocess.Popen(
            tied("SIGTERM", list(command)),
            cwd=folder,
            env=os.environ | ports | {"PROMPTLODE_DATA_DIR": str(home)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, *sentences: str, seconds: float = 300) -> str:
        """The next line with the sentence. For several sentences in any order, the line that came last."""
        deadline = time.monotonic() + seconds
        missing = list(sentences)
        while missing:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"{missing} not said in {seconds} s but:\n{''.join(self.said)}"
            self.said.append(line)
            missing = [sentence for sentence in missing if sentence not in line]
        return line or ""

    def family(self) -> list[psutil.Process]:
        """All started processes, with the servers."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def pid_of(self, words: str) -> int:
        return next(process.pid for process in self.family() if words in _command(process))

    def end(self, ending: signal.Signals) -> int:
        self.process.send_signal(ending)
        return self.process.wait(180)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._lines.put(line)
        self._lines.put(None)


def _command(process: psutil.Process) -> str:
    """The command line of a process; empty when it has just ended, as servers' children often do."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@pytest.fixture
def home(servers_dir: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A data folder with a name that needs quoting; processes that use the folder are ended after the test."""
    folder = servers_dir / f"100% of {request.node.name[:30]}"
    yield folder
    for process in leftovers(folder):
        process.kill()


def started(home: Path, *command: str, **settings: Any) -> Run:
    run = Run(home, command or RUN, **settings)
    run.wait_for(STARTED)
    return run


def nothing_lives(family: list[psutil.Process], seconds: float = 180) -> None:
    wait_until(
        lambda: all(map(is_over, family)), seconds, lambda: f"still there: {[p for p in family if not is_over(p)]}"
    )


@pytest.mark.timeout(900)  # two starts of everything; 10 s each on two idle cores
def test_the_demo_finds_its_tasks_guards_its_key_brings_back_what_dies_and_the_next_start_clears_it(
    home: Path, tmp_path: Path, servers_dir: Path
) -> None:
    """The test uses only the wheel, in an empty folder with an empty HOME: no other file of the checkout is needed."""
    promptlode = wheel.install(servers_dir / "wheel")
    run = started(home, str(promptlode), "demo", folder=tmp_path, HOME=str(tmp_path), PYTHONDONTWRITEBYTECODE="1")
    assert [task.path for task in EXPECTED if task.path not in "".join(run.said)] == []
    assert "Not found as expected" not in "".join(run.said)
    servers = json.loads((home / "servers.json").read_text())
    assert Settings(promptlode_data_dir=home).redis_url == servers["redis_url"]
    key = (home / "api_key").read_text().strip()
    decided = requests.get(f"{servers['url']}/api/v1/audit", headers={"Authorization": f"Bearer {key}"}, timeout=60)
    assert decided.status_code == 200, "the key of one's own machine has the scope admin"
    assert stat.S_IMODE((home / "api_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "servers.json").stat().st_mode) == 0o600
    for together in (PROGRAMS, SERVERS):
        killed = [psutil.Process(run.pid_of(words)) for words in together.values()]
        children = [child for process in killed for child in process.children(recursive=True)]
        for process in killed:
            process.kill()
        run.wait_for(*(f"{name} ended and was started again" for name in together))
        nothing_lives(children)
    refused = Run(home)
    refused.wait_for("already runs")
    assert refused.process.wait(180) == 1
    family = run.family()
    assert len(family) >= 7  # supervisor, two servers, web, worker, reconciler, Flower
    assert_the_next_start_clears(run, family, key)


def assert_the_next_start_clears(first: Run, family: list[psutil.Process], key: str) -> None:
    """After a machine died in the middle: nothing of before lives, the data are the same, and Ctrl-C ends the whole."""
    supervisor = first.pid_of("supervisord")
    os.kill(supervisor, signal.SIGSTOP)  # the supervisor cannot end the other processes now
    first.end(signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    [project] = [file.name for file in (first.home / "keys").iterdir()]
    second = started(first.home, sys.executable, "-c", RUN_OF_PROJECT, project)
    nothing_lives(family)
    assert (first.home / "api_key").read_text().strip() == key, "the database of before knows the key"
    family = second.family()
    assert second.end(signal.SIGINT) == 0
    nothing_lives(family, seconds=0)
    assert not (first.home / "servers.json").exists()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_other_requests_to_end_are_met_as_ctrl_c_is(home: Path, ending: signal.Signals) -> None:
    # Not signal.pause: a signal right before it would be waited for again.
    waits = (
        "serve._until_interrupted(lambda console: [console.print('Waiting'), *(time.sleep(0.1) for _ in range(6000))])"
    )
    heard = "signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # whoever runs the tests under nohup
    run = Run(home, [sys.executable, "-c", f"import signal, time; from app.local import serve; {heard}; {waits}"])
    run.wait_for("Waiting")
    assert run.end(ending) == 0
    run.wait_for("Stopped.")


SUPERVISE = """
import pathlib, sys, time
from app.local.supervision import Program, Supervisor
home = pathlib.Path(sys.argv[1])
home.mkdir()
waiting = [sys.executable, "-c", "import time; time.sleep(6000)"]
supervisor = Supervisor(home, {"servers": [Program("first", waiting)], "app": [Program("second", waiting)]})
supervisor.start({})
for group in ("servers", "app"):
    supervisor.start_group(group)
print("Serving.", flush=True)
time.sleep(6000)
"""


def test_if_the_launcher_is_killed_the_supervisor_ends_all_other_processes(home: Path) -> None:
    run = started(home, sys.executable, "-c", SUPERVISE, str(home))
    family = run.family()
    assert len(family) >= 3
    run.end(signal.SIGKILL)
    nothing_lives(family)


@pytest.mark.parametrize("name", ["PORT", "FLOWER_PORT"])
def test_a_taken_port_that_was_asked_for_is_a_clear_error(home: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = Run(home, **{name: str(taken.getsockname()[1])})
        assert "Another program uses the port" in run.wait_for(name)
        assert run.process.wait(180) == 1


def test_a_data_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder must be")
    run = Run(tmp_path / "file" / "data")
    assert "PROMPTLODE_DATA_DIR" in run.wait_for("Cannot write in")
    assert run.process.wait(180) == 1
