"""Imports point one way, and every module can be the first that is imported.

import-linter reads the source; the other tests run it. Each sees what the other misses: a contract does not notice a
circular import, a run does not notice a forbidden import that happens to work.
"""

import ast
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import app
import tasks
import templating

ROOT = Path(app.__file__).parent.parent
PACKAGES = (app, tasks, templating)

IMPORT_IN_ORDER = """
import importlib, json, os, sys, traceback
circles = json.loads(sys.argv[1])
ours = {name for circle in circles for name in circle}
failed, loaded_early = [], []
for circle in circles:
    before = ours & sys.modules.keys()
    for name in circle if len(circle) > 1 else ():
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
    if not failed:
        for name in circle:
            importlib.import_module(name)
    loaded_early += sorted((ours & sys.modules.keys()) - before - {*circle})
sys.exit(f"cannot be imported alone: {failed}; not seen in the source: {loaded_early}" if failed or loaded_early else 0)
"""
"""Argument: circles of modules, each after those that it imports. Every member of a circle of several is imported first, in a fork.

A module that is in no circle needs no fork: whoever imports it first loads, before it, what this process has loaded before it.
"""


def modules_of(*packages: ModuleType) -> list[str]:
    names = [package.__name__ for package in packages]
    for package in packages:
        names += [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [name for name in names if not name.endswith("__main__")]


def import_graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Module -> the other modules that its import loads, with their packages."""
    return {
        name: {above for named in (name, *names_imported(source)) for above in packages_of(named) if above in sources}
        - {name}
        for name, source in sources.items()
    }


def names_imported(source: str) -> Iterator[str]:
    for node in run_at_import(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            if node.module == "templating":  # these packages import the home of a name when the name is asked for
                yield from (templating._HOME_OF.get(alias.name, "templating") for alias in node.names)


def run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: neither bodies of functions nor what only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
            yield from run_at_import(node)


def packages_of(name: str) -> list[str]:
    """A dotted name and all packages above it."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def circles_in_order(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Every module once, in the order of imports; a module of a circle comes with the others of the circle."""
    below = {name: reachable(graph, name) for name in graph}
    circles = {frozenset({name, *(lower for lower in below[name] if name in below[lower])}) for name in graph}
    size_with_below = {circle: len(circle.union(*map(below.get, circle))) for circle in circles}
    return [sorted(circle) for circle in sorted(circles, key=lambda circle: (size_with_below[circle], sorted(circle)))]


def reachable(graph: Mapping[str, set[str]], name: str) -> set[str]:
    modules_reached: set[str] = set()
    waiting = {name}
    while waiting:
        new = graph[waiting.pop()] - modules_reached
        modules_reached |= new
        waiting |= new
    return modules_reached


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def import_in_order(graph: Mapping[str, set[str]], folder: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{IMPORT_IN_ORDER}"
    return run_python(program, json.dumps(circles_in_order(graph)))


def test_every_module_can_be_imported_first() -> None:
    sources = {name: Path(find_spec(name).origin).read_text(encoding="utf-8") for name in modules_of(*PACKAGES)}  # type: ignore[union-attr,arg-type]
    assert len(sources) > 300
    result = import_in_order(import_graph(sources), ROOT)
    assert result.returncode == 0, result.stderr


def noticed(folder: Path, **sources: str) -> str:
    """Writes modules and returns the output of `import_in_order` for them."""
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    return import_in_order(import_graph(sources), folder).stderr


def test_a_module_that_cannot_be_imported_first_is_noticed(tmp_path: Path) -> None:
    report = noticed(
        tmp_path,
        leaf="",
        one="import leaf\nfrom two import second\nfirst = 1\n",
        two="from one import first\nsecond = 2\n",
    )
    assert "cannot be imported alone: ['one', 'two']" in report


def test_a_circle_that_works_from_one_end_alone_is_noticed(tmp_path: Path) -> None:
    report = noticed(tmp_path, one="first = 1\nfrom two import second\n", two="from one import first\nsecond = 2\n")
    assert "cannot be imported alone: ['two']" in report


def test_an_import_that_the_source_does_not_show_is_noticed(tmp_path: Path) -> None:
    report = noticed(tmp_path, one="__import__('two')\n", two="", three="import one")
    assert "not seen in the source: ['two']" in report


def test_the_worker_and_all_it_can_reach_load_neither_flask_nor_rich() -> None:
    worker = [name for name in modules_of(tasks) if not name.startswith("tasks.flower")]
    program = f"import importlib, sys; [importlib.import_module(name) for name in {worker!r}]; print(*{{'flask', 'rich'}} & set(sys.modules))"
    result = run_python(program)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


def test_templating_loads_no_framework_database_or_queue() -> None:
    forbidden = {"flask", "sqlalchemy", "celery", "redis", "psycopg2"}
    program = f"import importlib, sys; [importlib.import_module(name) for name in {modules_of(templating)!r}]"
    result = run_python(f"{program}; print(*({forbidden!r} & set(sys.modules)))")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


def test_the_packages_app_and_tasks_themselves_import_nothing() -> None:
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
        timeout=300,
        check=False,
    )


def test_the_migrations_are_one_line() -> None:
    revisions = re.findall(r'^(revision|down_revision) = "(\w+)"', _migrations(), re.MULTILINE)
    revision_ids = [name for field, name in revisions if field == "revision"]
    followed = [name for field, name in revisions if field == "down_revision"]
    assert len(set(revision_ids)) == len(revision_ids)
    assert len(set(followed)) == len(followed) == len(revision_ids) - 1


def _migrations() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "migrations" / "versions").glob("*.py"))


def test_no_two_test_modules_have_one_name() -> None:
    """pytest imports test modules by the file's name alone, and refuses the second of a name."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_commands_with_a_key_and_the_list_of_commands_load_no_server_library() -> None:
    program = "import sys; from app.cli.main import main; import app.cli.remote.deciding, app.cli.remote.mcp"
    lists = "main(['--help'], standalone_mode=False)"
    loaded = "print('loaded', *{'sqlalchemy', 'redis', 'celery', 'flask', 'numpy'} & set(sys.modules))"
    result = run_python(f"{program}; {lists}; {loaded}")
    assert result.stdout.splitlines()[-1].split() == ["loaded"], result.stderr


def test_mining_loads_where_somebody_enables_features_of_the_processor() -> None:
    """numpy refuses to load where one variable enables features and another one disables features."""
    program = "import os; os.environ['NPY_ENABLE_CPU_FEATURES'] = 'NOTHING'; import templating; templating.mine(['x'])"
    result = run_python(program)
    assert result.returncode == 0, result.stderr


def test_mining_loads_where_every_warning_is_an_error() -> None:
    """numpy warns of a setting of ours that names a feature which this processor lacks."""
    result = run_python("import warnings; warnings.simplefilter('error'); import templating; templating.mine(['x'])")
    assert result.returncode == 0, result.stderr
