"""Imports point one way, and every module can be the first that is imported.

import-linter reads the source; the other tests run it. Each sees what the other misses: a contract does not notice a
circular import, a run does not notice a forbidden import that happens to work.
"""

import ast
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import app
import tasks
import templating

ROOT = Path(app.__file__).parent.parent
PACKAGES = (app, tasks, templating)
THIRD_PARTY = """
    celery.bin.celery celery.app.amqp kombu.transport.redis flask.testing flower.command tornado.web sqlalchemy.dialects.postgresql
    alembic.command redis.asyncio pydantic_settings numpy psycopg2 rich.progress rich.table click psutil orjson structlog
    prometheus_client supervisor.options xmlrpc.client
"""

IMPORT_EACH_ALONE = """
import importlib, os, sys, traceback
for name in sys.argv[1].split():          # what everyone uses, once: a fork below then costs nothing
    importlib.import_module(name)
failed = []
for name in sys.argv[2].split():
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        failed.append(name)
sys.exit(f"cannot be imported alone: {failed}" if failed else 0)
"""


def modules_of(*packages: object) -> list[str]:
    found = []
    for package in packages:
        name = package.__name__  # type: ignore[attr-defined]
        found += [name, *(module.name for module in pkgutil.walk_packages(package.__path__, f"{name}."))]  # type: ignore[attr-defined]
    return [name for name in found if not name.endswith("__main__")]


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=800, check=False
    )


@pytest.mark.timeout(900)  # some 200 processes one after the other
def test_every_module_can_be_imported_first() -> None:
    result = run_python(IMPORT_EACH_ALONE, THIRD_PARTY, " ".join(modules_of(*PACKAGES)))
    assert result.returncode == 0, result.stderr


def test_a_module_that_cannot_be_imported_first_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("from two import second\nfirst = 1\n")
    (tmp_path / "two.py").write_text("from one import first\nsecond = 2\n")
    result = run_python(f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{IMPORT_EACH_ALONE}", "json", "json one")
    assert "['one']" in result.stderr


def test_the_worker_and_all_it_can_reach_know_no_flask() -> None:
    worker = [name for name in modules_of(tasks) if not name.startswith("tasks.flower")]
    program = f"import importlib, sys; [importlib.import_module(name) for name in {worker!r}]; sys.exit('flask' in sys.modules)"
    result = run_python(program)
    assert result.returncode == 0, result.stderr or "flask is loaded"


def test_templating_loads_no_framework_database_or_queue() -> None:
    forbidden = {"flask", "sqlalchemy", "celery", "redis", "psycopg2"}
    program = f"import importlib, sys; [importlib.import_module(name) for name in {modules_of(templating)!r}]"
    result = run_python(f"{program}; print(*({forbidden!r} & set(sys.modules)))")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


def test_the_rooms_themselves_import_nothing() -> None:
    for package in (app, tasks):
        source = ast.parse(Path(package.__file__ or "").read_text())
        assert [node for node in ast.walk(source) if isinstance(node, (ast.Import, ast.ImportFrom))] == []


def test_the_import_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


def test_a_circle_that_an_import_inside_a_function_hides_is_noticed(tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").touch()
    (house / "first.py").write_text("from house.second import second\n")
    (house / "second.py").write_text("def second():\n    from house.first import second\n")
    contract = "[importlinter:contract:circles]\nname = circles\ntype = acyclic_siblings\nancestors = house\n"
    (tmp_path / "setup.cfg").write_text(f"[importlinter]\nroot_package = house\n\n{contract}")
    assert lint_imports(tmp_path).returncode == 1


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    paths = {"PYTHONPATH": str(folder)}
    return subprocess.run(
        [linter, "--no-cache"],
        cwd=folder,
        env=os.environ | paths,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_migrations_are_one_line() -> None:
    revisions = re.findall(r'^(revision|down_revision) = "(\w+)"', _migrations(), re.MULTILINE)
    made = [name for what, name in revisions if what == "revision"]
    followed = [name for what, name in revisions if what == "down_revision"]
    assert len(set(made)) == len(made)
    assert len(set(followed)) == len(followed) == len(made) - 1


def _migrations() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "migrations" / "versions").glob("*.py"))


def test_no_two_test_modules_have_one_name() -> None:
    """pytest imports them by their file's name alone, and refuses the second."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
