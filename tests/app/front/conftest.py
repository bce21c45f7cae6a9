"""Applications behind Flask and behind the front."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, update

from app.config import Settings
from app.store import projects, tables, together
from app.store.engine import transaction
from app.store.projects import Project
from tests.app.api_helpers import client_with, know, new_key
from tests.app.front_client import in_front
from tests.app.front_twins import KNOWN, Twins


@pytest.fixture
def twins(settings: Settings, engine: Engine, webs: Callable[..., Flask]) -> Iterator[Twins]:
    apps = webs(settings, 1), webs(settings, 2)
    keys = [new_key(engine, project) for project in ("flask", "front")]
    for name in ("flask", "front"):
        with transaction(engine) as connection:
            owner = projects.get_or_create(connection, name)
        know(engine, Project(owner.id, name), "/known", *KNOWN)
    with transaction(engine) as connection:
        connection.execute(update(tables.project).values(secret="the same: marks of redacted ids are made with it"))
    with in_front(apps[1], settings) as front:
        yield Twins(engine, client_with(apps[0], keys[0]), front, *apps, keys[1])


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of calls in each statement."""
    carried: list[int] = []
    insert = together.insert_current

    async def counting(connection: Any, rows: Any) -> Any:
        carried.append(len(rows))
        return await insert(connection, rows)

    monkeypatch.setattr(together, "insert_current", counting)
    return carried
