"""A web worker and the process that started it."""

import subprocess
import sys
from pathlib import Path

PATIENCE = 180
"""A bound against hanging, in seconds."""

MASTER = f"""
import multiprocessing, time
import app.front

def work():
    app.front._end_with_the_master()
    print("ready", flush=True)
    time.sleep({2 * PATIENCE})

if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work)
    worker.start()
    worker.join({2 * PATIENCE})
"""
"""A worker that is not ended stays for longer than the test waits."""


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
        assert master.communicate(timeout=PATIENCE) == (b"", None)
