"""A web worker and the process that started it."""

import subprocess
import sys
from pathlib import Path

SECONDS_OF_A_PROCESS = 30
"""A bound against hanging: a process starts within three seconds, on a machine ten times slower within thirty."""

MASTER = f"""
import multiprocessing, time
import app.front

def work():
    app.front._end_with_the_master()
    print("ready", flush=True)
    time.sleep({SECONDS_OF_A_PROCESS})

if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work)
    worker.start()
    worker.join({SECONDS_OF_A_PROCESS})
"""
"""A worker that fails ends its master, and both end by themselves."""


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
        assert master.communicate(timeout=SECONDS_OF_A_PROCESS) == (b"", None)
