"""docs/api.md speaks of every route, field, scope and status, docs/commands.md of every command, docs/settings.md of every setting."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from alembic.script import ScriptDirectory

from app.cli.main import main as promptlode
from app.config import Settings
from app.intake.trace_fields import TraceIn
from app.store.keys import SCOPES
from app.web import create_app
from tasks import commands

DOCS = Path(__file__).parents[1] / "docs"
DOCUMENT = (DOCS / "api.md").read_text(encoding="utf-8")
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def openapi() -> Any:
    """The document of an application whose servers are never asked."""
    nowhere = Settings(database_url="postgresql://localhost/none", redis_url="redis://localhost")
    return create_app(nowhere).test_client().get("/openapi.json").json


def test_every_route_is_spoken_of(openapi: Any) -> None:
    documented = re.sub(r"\{\w+\}", "{id}", DOCUMENT)
    routes = {re.sub(r"\{\w+\}", "{id}", path) for path in openapi["paths"]}
    assert {route for route in routes if route not in documented} == set()


def test_every_status_is_spoken_of(openapi: Any) -> None:
    statuses = {
        status for path in openapi["paths"].values() for operation in path.values() for status in operation["responses"]
    }
    assert {status for status in statuses - {"200"} if status not in DOCUMENT} == set()


def test_every_refusal_of_the_front_is_in_the_table_of_statuses() -> None:
    source = (DOCS.parent / "app" / "front" / "serving.py").read_text(encoding="utf-8")
    statuses = {*re.findall(r"_EarlyRefusal\((\d+)", source), "431"}  # granian itself answers 431
    assert len(statuses) > 3
    assert {status for status in statuses if f"\n| {status} |" not in DOCUMENT} == set()


@pytest.mark.parametrize("name", [*TraceIn.model_fields, *SCOPES])
def test_every_field_and_scope_is_spoken_of(name: str) -> None:
    assert f"`{name}`" in DOCUMENT


def names(command: click.Command, path: str) -> Iterator[str]:
    """A command and all below it, as they are typed."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from names(inner, f"{path} {name}")
    else:
        yield path


@pytest.mark.parametrize(
    "command",
    [
        *names(promptlode, "promptlode"),
        *(
            command_line
            for part in ("regroup", "reconcile", "quarantine")
            for command_line in names(getattr(commands, part), f"celery -A tasks {part}")
        ),
    ],
)
def test_every_command_is_spoken_of(command: str) -> None:
    assert command in COMMANDS


def rows() -> list[str]:
    """The required lines of the table of settings, in the order of `app.config.Settings`."""
    fields = Settings.model_fields.items()
    return [f"| `{name.upper()}` | {default(field)} | {field.description} |" for name, field in fields]


def default(field: Any) -> str:
    if field.default_factory is not None:
        return "of the platform"
    value = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return "" if value == "" else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_every_setting_is_in_the_table_as_it_is() -> None:
    table = (DOCS / "settings.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in table if line.startswith("| `")] == rows()


def test_every_setting_is_read_somewhere() -> None:
    """A setting that nothing reads would be a promise without effect."""
    root = DOCS.parent
    code = [
        *root.glob("*.py"),
        *(path for room in ("app", "tasks", "migrations") for path in (root / room).rglob("*.py")),
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in code if path != root / "app" / "config.py")
    unread = {name for name in Settings.model_fields if not re.search(rf"\b{name}\b", text)}
    assert unread - {"broker_url"} == set()  # read through Settings.broker


def test_every_room_is_in_the_table_of_rooms() -> None:
    table = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## Where a change goes")[0]
    rooms = {
        path.name for path in (DOCS.parent / "app").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert {room for room in rooms - {"__init__.py"} if f"{room}`" not in table and f"{room}/`" not in table} == set()


def test_the_migrations_are_one_line() -> None:
    """Two migrations with one predecessor would both be the newest, and no database could be made."""
    assert len(ScriptDirectory(str(DOCS.parent / "migrations")).get_heads()) == 1


def test_every_test_that_docs_security_names_is_there() -> None:
    """A promise in docs/security.md names its test, and the test exists."""
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", (DOCS / "security.md").read_text(encoding="utf-8"))
    assert len(named) > 15
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (DOCS.parent / file).exists() or f"def {name}(" not in (DOCS.parent / file).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_every_page_stands_in_the_navigation_of_the_site() -> None:
    navigation = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert {page for page in pages if page not in navigation} == set()
