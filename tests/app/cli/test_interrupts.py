"""Ctrl-C in the first moments of a command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from app.config import Settings
from app.local.instance import leftovers
from app.local.processes import wait_until

INTERRUPTED_IMPORT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "rich_click":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from app.cli.entry import run
run()
"""


def test_ctrl_c_while_modules_are_imported_prints_no_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


SWALLOWED_SIGNAL = """
import os, signal
from app.local import serve

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

class NoProgram:
    def __init__(self, supervisor): pass
    def new_deaths(self): return []

class Instance:
    supervisor = None

def work(console):
    Dying()
    serve._serve(Instance, console)

serve.ProgramWatch = NoProgram
serve._until_interrupted(work)
"""


def test_a_signal_that_arrives_in_a_finalizer_ends_an_instance_too() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SWALLOWED_SIGNAL], capture_output=True, text=True, check=False, timeout=180
    )
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "Stopped.")


def test_ctrl_c_while_up_waits_stops_what_it_started(settings: Settings, tmp_path: Path) -> None:
    # Given `promptlode up`, with the servers of this test, so that none is started
    servers = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    with subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up"],
        env=os.environ | servers | {"PROMPTLODE_DATA_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as up:
        # If Ctrl-C comes while the instance starts
        wait_until((tmp_path / "lock").exists, 180, lambda: "The instance did not begin.")
        up.send_signal(signal.SIGINT)
        _, printed = up.communicate(timeout=300)

    # I expect a sentence, and no process
    assert up.returncode == 1
    assert "Stopped before everything was started: Promptlode does not run." in printed
    assert leftovers(tmp_path) == []
    assert not [line for line in printed.splitlines() if "Traceback" in line]
