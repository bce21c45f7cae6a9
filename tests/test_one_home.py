"""A rule that is written twice is changed once: each of these rules has one home, and other modules import the rule."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

import app

ROOT = Path(app.__file__).parent.parent

#: Pattern that only the home of a rule may contain, and the home.
HOMES = {
    "which call is owed, and which is residue": (r"considered_run_id\.(is_|isnot|is_not)\b", "app/store/owed.py"),
    "which group may run": (r"not_before\.is_\(None\)", "app/store/owed.py"),
    "which scripts write without blanks": (r"0x30FF|0x312F|0x3040", "templating/scripts.py"),
    "what a process remembers": (r"OrderedDict\[[^]]*, tuple\[float", "app/cache.py"),
    "what an error code of PostgreSQL means": (r"\bpgcode\b|sqlstate\b", "app/store/sqlstates.py"),
    "the quiet time": (r"quiet: \S+.*?= (Field\(\s*)?\d", "app/config.py"),
    "who reads the settings": (r"\bBaseSettings\b", "app/config.py"),
}


@pytest.mark.parametrize(("pattern", "home"), HOMES.values(), ids=HOMES)
def test_a_rule_has_one_home(pattern: str, home: str) -> None:
    paths = [path for room in ("app", "tasks", "templating") for path in sorted((ROOT / room).rglob("*.py"))]
    modules = [
        path.relative_to(ROOT).as_posix() for path in paths if re.search(pattern, path.read_text(encoding="utf-8"))
    ]
    assert modules == [home]


SHARED_NAMES = {
    "app/cli/formats": {
        "ENVELOPE": "fields of a log's record around the provider's body",
        "KEPT": "fields of a record that become metadata",
        "LISTS": "fields of a file that hold its records",
        "OTHERS": "how calls are called that write no text",
        "SIGNS": "fields by which a record is known",
    },
    "app/otlp/dialects": {"DIALECT": "what the module is for", "KINDS": "what each kind of span is"},
    "client/promptlode_client": {
        "NO_REQUEST": "arguments that are not sent to the provider",
        "NO_SETTING": "fields of a request that are no settings",
        "T": "any type",
    },
}
"""Names that every module of a package may give, because the package reads each module by them; with what they mean."""


def constants_of(source: str) -> Iterator[str]:
    """Names in capitals that a module gives a value, without the underscore of private ones."""
    for node in ast.parse(source).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            yield from (name.id.lstrip("_") for name in names if isinstance(name, ast.Name) and name.id.isupper())


def test_no_two_modules_of_a_package_give_one_name_to_two_constants() -> None:
    """A reader takes the second constant of a name for the first."""
    homes = defaultdict(set)
    for package in ("app", "tasks", "templating", "client/promptlode_client"):
        for path in (ROOT / package).rglob("*.py"):
            folder = path.parent.relative_to(ROOT).as_posix()
            for name in constants_of(path.read_text(encoding="utf-8")):
                if name not in SHARED_NAMES.get(folder, {}):
                    homes[f"{folder}: {name}"].add(path.name)
    assert {name: sorted(files) for name, files in homes.items() if len(files) > 1} == {}


COMMENT = re.compile(r"^\s*#(?! ?(noqa|type:|fmt:|---))|  #(?! ?(noqa|type:|fmt:))")


def constants_with_comments(source: str) -> Iterator[str]:
    """Names in capitals with a comment above or behind; instructions for tools are no comments."""
    lines = ["", *source.split("\n")]
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and list(constants_of(ast.unparse(node))):
            is_explained_above = lines[node.lineno - 1].startswith("#") and COMMENT.search(lines[node.lineno - 1])
            if is_explained_above or COMMENT.search(lines[node.end_lineno or 0]):
                yield f"{node.lineno}: {ast.unparse(node)[:40]}"


@pytest.mark.parametrize("package", ["app", "tasks", "client", "benchmarks"])
def test_a_constant_is_explained_by_a_string_below_it(package: str) -> None:
    """Sphinx and editors read a string below a constant and show it with the name; most of them read no comment."""
    for path in (ROOT / package).rglob("*.py"):
        assert list(constants_with_comments(path.read_text(encoding="utf-8"))) == [], path.relative_to(ROOT)


PRONOUNS = {"at", "found", "it", "left", "one", "that", "these", "this", "those", "what", "which", "who"}
"""Names that do not say of what they are: `found` is a task, a version or a preview."""

PRONOUNS_OF_PRODUCT = PRONOUNS | {
    *(
        "asked",
        "done",
        "each",
        "given",
        "gone",
        "held",
        "kept",
        "known",
        "made",
        "more",
        "others",
        "own",
        "read",
        "rest",
    ),
    *("said", "same", "seen", "sent", "shown", "some", "spent", "taken", "told", "wanted", "whole"),
}
"""A participle does not say of what it is either: `told` is a change, `wanted` a filter, `each` the item of its collection."""

PRONOUNS_OF_TESTS = PRONOUNS | {
    *("again", "another", "asked", "both", "done", "each", "everything", "given", "gone", "held", "kept", "made"),
    *("nothing", "other", "others", "rest", "said", "same", "seen", "sent", "some", "told", "whole"),
}
"""A test shows one case, so its variables are named for that case: `each` is a trace, `done` a result, `sent` a body."""


def variables_of(source: str) -> Iterator[str]:
    """Parameters and local variables of all functions, each with its line."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            for node in ast.walk(function):
                if isinstance(node, ast.arg):
                    yield f"{node.lineno}: {node.arg}"
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield f"{node.lineno}: {node.id}"


def pronouns_of(source: str, names_of_nothing: set[str]) -> set[str]:
    """Variables named by a pronoun; `left` is a side where there is a `right`."""
    variables = set(variables_of(source))
    names = {variable.split(": ")[1] for variable in variables}
    pronouns = names_of_nothing - ({"left"} if "right" in names else set())
    return {variable for variable in variables if variable.split(": ")[1] in pronouns}


@pytest.mark.parametrize(
    ("packages", "names_of_nothing"),
    [
        (("templating",), PRONOUNS | {"taken", "told"}),
        (("app", "tasks", "client", "benchmarks"), PRONOUNS_OF_PRODUCT),
        (("tests",), PRONOUNS_OF_TESTS),
    ],
    ids=["miner", "product", "tests"],
)
def test_no_variable_is_a_pronoun(packages: tuple[str, ...], names_of_nothing: set[str]) -> None:
    for package in packages:
        for path in (ROOT / package).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            assert pronouns_of(path.read_text(encoding="utf-8"), names_of_nothing) == set(), place


def names_of_template(source: str) -> set[str]:
    """Variables of a page's template, of the page or of its own, each with its line; macros are no variables."""
    tree = jinja2.Environment(autoescape=True).parse(source)
    macros = {macro.name for macro in tree.find_all(jinja2.nodes.Macro)}
    return {f"{name.lineno}: {name.name}" for name in tree.find_all(jinja2.nodes.Name) if name.name not in macros}


def test_no_variable_of_a_page_is_a_pronoun() -> None:
    for path in (ROOT / "app").rglob("*.html"):
        names = names_of_template(path.read_text(encoding="utf-8"))
        pronouns = {name for name in names if name.split(": ")[1] in PRONOUNS_OF_PRODUCT}
        assert pronouns == set(), path.relative_to(ROOT)
