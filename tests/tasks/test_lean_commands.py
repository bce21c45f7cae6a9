"""`python -m tasks`: the processes of Celery without the modules that they do not need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tasks

ROOT = Path(tasks.__file__).parent.parent

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


SHOW_FLOWER = """
import sys
from flower.app import Flower
from flower.command import apply_options, settings
from tornado.options import options
from tasks.celery import app
apply_options("flower", ["--conf=flowerconfig.py", *sys.argv[1:]])
Flower(capp=app, options=options, **settings)
print(*{"sqlalchemy"} & set(sys.modules), *{"tasks.group_traces"} & set(app.tasks))
"""


@pytest.mark.parametrize(
    ("options", "loaded"), [([], set()), (["--read_only=false"], {"sqlalchemy", "tasks.group_traces"})]
)
def test_flower_loads_what_reads_postgresql_when_it_is_needed(options: list[str], loaded: set[str]) -> None:
    urls = {"DATABASE_URL": "postgresql://anna:secret@localhost:5432/shop", "REDIS_URL": "redis://localhost:6379/0"}
    command = [sys.executable, "-c", SHOW_FLOWER, *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOWER_")} | urls
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    assert set(ended.stdout.split()) == loaded


def test_flower_without_a_database_says_which_setting_is_missing(tmp_path: Path) -> None:
    environment = os.environ | {"DATABASE_URL": "", "PROMPTLODE_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", SHOW_FLOWER]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert "DATABASE_URL is not set" in ended.stderr
