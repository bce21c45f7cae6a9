"""`python -m tasks`: the processes of Celery without the modules that they do not need."""

import subprocess
import sys

import pytest

HEAVY = {"prompt_toolkit", "tornado"}

SHOW_LOADED = """
import sys
from tasks.__main__ import main
main([{command!r}, "--help"], standalone_mode=False)
print("loaded", *{heavy!r} & set(sys.modules))
"""


@pytest.mark.parametrize(
    ("command", "option", "loaded"),
    [("worker", "--concurrency", set()), ("reconcile", "--once", set()), ("flower", "--help", {"tornado"})],
)
def test_a_process_loads_no_modules_of_other_commands(command: str, option: str, loaded: set[str]) -> None:
    script = SHOW_LOADED.format(command=command, heavy=HEAVY)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *help_text, last = ended.stdout.splitlines()
    assert option in "\n".join(help_text)
    assert set(last.split()[1:]) == loaded


def test_another_command_is_refused_with_the_names_of_those_there_are() -> None:
    ended = subprocess.run([sys.executable, "-m", "tasks", "beat"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "beat" in ended.stderr
    listed = subprocess.run([sys.executable, "-m", "tasks", "--help"], capture_output=True, text=True, check=True)
    assert all(name in listed.stdout for name in ("worker", "reconcile", "flower"))
