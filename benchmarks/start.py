"""A newcomer's waiting time in a fresh clone with an empty HOME: for the environment, and for the demo's table.

    python -m benchmarks.start

Each way installs twice: with empty caches, then into a new environment with what the caches hold now. Needs the network.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.ingest.tables import table

ROOT = Path(__file__).parents[1]

WAYS = {"uv": {}, "pip": {"PIP_NO_INDEX": "0"}}
"""tools/venv uses pip only where the environment names an index for pip."""


def seconds_of(clone: Path, home: Path, *command: str, **variables: str) -> float:
    """Seconds of a command that must succeed, with nothing of this environment but PATH and the caches in `home`."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), **variables}
    began = time.monotonic()
    subprocess.run(command, cwd=clone, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def megabytes(folder: Path) -> int:
    """The size of a folder on the disk."""
    output = subprocess.run(["du", "-sm", str(folder)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return int(output.split()[0])


def rows_of(installer: str, settings: Mapping[str, str], folder: Path) -> list[list[object]]:
    """The times of one installer."""
    clone, home = folder / installer, folder / f"home-{installer}"
    home.mkdir()
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    empty = seconds_of(clone, home, "make", "env-local", **settings)
    size = megabytes(clone / ".venv")
    shutil.rmtree(clone / ".venv")
    full = seconds_of(clone, home, "make", "env-local", **settings)
    demo = seconds_of(clone, home, "make", "demo", DEMO_EXIT="1", **settings)
    return [[installer, f"{empty:.0f} s", f"{full:.0f} s", f"{size:,} MB", f"{demo:.0f} s"]]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for installer, settings in WAYS.items() for row in rows_of(installer, settings, Path(folder))]
    heads = ["installer", "empty caches", "full caches", ".venv", "`make demo` after that, to the end of its table"]
    print(table(heads, rows))


if __name__ == "__main__":
    sys.exit(main())
