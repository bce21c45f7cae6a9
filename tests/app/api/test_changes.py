"""The feed of changes, from calls that come in through the real ingest and real runs."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from grouping_world import Group, World, triage, triage_edited

from app.store import changes
from app.store.engine import transaction


@pytest.fixture
def group(world: World) -> Group:
    return world.group("/support/triage")


def note(world: World) -> None:
    with transaction(world.engine) as connection:
        changes.note_versions(connection)


def feed(client: FlaskClient, query: str = "") -> list[Any]:
    return client.get(f"/api/v1/changes{query}").json["items"]


def kinds(client: FlaskClient, query: str = "") -> list[str]:
    return [item["kind"] for item in feed(client, query)]


@pytest.fixture
def edited(world: World, group: Group) -> Group:
    """A task and an edit of its prompt."""
    group.send(map(triage, range(12)))
    group.run()
    note(world)
    group.send(map(triage_edited, range(20, 40)))
    group.run()
    note(world)
    return group


def test_an_edit_is_told_with_the_words_that_changed(client: FlaskClient, edited: Group) -> None:
    edit, begin = feed(client)
    assert (edit["kind"], edit["version"], edit["path"]) == ("version.new", 2, "/support/triage")
    assert begin["kind"] == "task.new"
    assert edit["task_id"] == begin["task_id"]
    [part] = edit["details"]["diff"]
    changed = [(piece["change"], piece["text"].strip()) for piece in part["pieces"] if piece["change"] != "same"]
    assert changed == [("added", "When in doubt, say other.")]
    assert edit["details"]["changed"] == ["template"]
    assert edit["summary"].startswith("Version 2 of “")
