"""A web worker and the process that started it."""

import subprocess
import sys
from pathlib import Path

MASTER = """
import multiprocessing, time
import app.front

def work():
    app.front._end_with_the_master()
    print("ready", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work).start()
    time.sleep(600)
"""


def test_a_worker_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "master.py"
    script.write_text(MASTER)
    root = Path(__file__).parents[3]
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env={"PYTHONPATH": str(root)}) as master:
        assert master.stdout is not None
        assert master.stdout.readline() == b"ready\n"
        master.kill()
        # The worker holds the pipe open as long as it lives.
        assert master.communicate(timeout=60) == (b"", None)
