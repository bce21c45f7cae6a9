"""The groups that a process remembers."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.intake.known import KnownGroups
from app.store import groups
from app.store.engine import transaction
from app.store.projects import Project
from tests.app.api_helpers import know

Match = Callable[[KnownGroups, str, str], Any]


@pytest.fixture
def match(engine: Engine, project: Project) -> Match:
    """The values of a user prompt by the path's templates, or None."""

    def do(known: KnownGroups, path: str, user: str) -> Any:
        with transaction(engine) as connection:
            group = groups.get_or_create(connection, project.id, [path])[path]
            match_of_user = known.at(connection, project.id, group).match(f"\x00{user}")
            return match_of_user and match_of_user.values

    return do


@pytest.fixture
def loads(engine: Engine) -> list[str]:
    """The statements that read templates, as they are sent."""
    statements: list[str] = []

    def remember(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM template" in statement:
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", remember)
    return statements


def test_templates_are_loaded_once_while_nothing_changes(
    engine: Engine, project: Project, match: Match, loads: list[str]
) -> None:
    know(engine, project, "/a", "", "A: {{x}}")
    known = KnownGroups()
    assert [match(known, "/a", f"A: {number}") for number in range(3)] == [("0",), ("1",), ("2",)]
    assert len(loads) == 1


def test_templates_of_all_paths_of_a_batch_are_loaded_at_once(
    engine: Engine, project: Project, loads: list[str]
) -> None:
    for path in ("/a", "/b", "/c"):
        know(engine, project, path, "", f"{path}: {{{{x}}}}")
    know(engine, project, "/a", "", "Also {{x}}")
    known, prompts = KnownGroups(), {"/a": "Also 1", "/b": "/b: 2", "/c": "/a: 3", "/new": "/a: 4"}
    for _ in range(2):
        with transaction(engine) as connection:
            by_path = groups.get_or_create(connection, project.id, prompts)
            known_by_path = known.all_at(connection, project.id, by_path)
        matches = {path: known_by_path[path].match(f"\x00{prompt}") for path, prompt in prompts.items()}
        assert {path: match and match.values for path, match in matches.items()} == {
            "/a": ("1",),
            "/b": ("2",),
            "/c": None,
            "/new": None,
        }
    assert len(loads) == 1


def test_a_change_is_seen_by_the_next_call(engine: Engine, project: Project, match: Match) -> None:
    known = KnownGroups()
    assert match(known, "/a", "A: 1") is None
    know(engine, project, "/a", "", "A: {{x}}")
    assert match(known, "/a", "A: 1") == ("1",)


def test_only_the_groups_used_last_are_kept(engine: Engine, project: Project, match: Match, loads: list[str]) -> None:
    for path in ("/a", "/b", "/c"):
        know(engine, project, path, "", f"{path} {{{{x}}}}")
    known = KnownGroups(max_groups=2)
    for path in ("/a", "/b", "/a", "/c", "/a"):  # when /c came, /b was the group used longest ago
        assert match(known, path, f"{path} 1") == ("1",)
    assert len(loads) == 3
    assert match(known, "/b", "/b 1") == ("1",)
    assert len(loads) == 4
