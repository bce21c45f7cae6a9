"""The key of a project that is kept on this machine."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.local.project_keys import forget_keys, key_file, key_of, projects_with_key
from app.store import keys, projects
from app.store.engine import transaction


def test_a_kept_key_is_used_again_until_it_is_revoked(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        project = projects.get_or_create(connection, "mine / yours")
        key = key_of(connection, tmp_path, project, cell="")
        assert key_of(connection, tmp_path, project, cell="") == key
        holder = keys.holder(connection, keys.hash_of(key))
        assert holder is not None
        keys.revoke(connection, holder.key_id)
        new_key = key_of(connection, tmp_path, project, cell="")
    assert new_key != key
    file = key_file(tmp_path, "mine / yours")
    assert file.read_text().strip() == new_key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert projects_with_key(tmp_path) == ["mine / yours"]


def test_a_kept_key_of_another_project_is_not_used(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        mine, yours = (projects.get_or_create(connection, name) for name in ("mine", "yours"))
        key = key_of(connection, tmp_path, mine, cell="")
        key_file(tmp_path, "mine").rename(key_file(tmp_path, "yours"))
        forget_keys(connection, tmp_path, yours)
        assert projects_with_key(tmp_path) == ["yours"]
        assert key_of(connection, tmp_path, yours, cell="") != key
        forget_keys(connection, tmp_path, yours)
        assert projects_with_key(tmp_path) == []


def test_a_key_that_an_older_version_kept_under_the_name_as_it_is_goes_on(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        project = projects.get_or_create(connection, "Läden: 50 %")
        key = key_of(connection, tmp_path, project, cell="")
        file = key_file(tmp_path, project.name)
        file.rename(file.with_name(project.name))
        assert key_of(connection, tmp_path, project, cell="") == key
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("name", ["ä" * 50, "x" * 512, "项目" * 256, ".", "..", "C+"])
def test_a_project_of_any_name_has_a_kept_key(engine: Engine, tmp_path: Path, name: str) -> None:
    with transaction(engine) as connection:
        project = projects.get_or_create(connection, name)
        key = key_of(connection, tmp_path, project, cell="")
        assert key_of(connection, tmp_path, project, cell="") == key
    assert projects_with_key(tmp_path) == [name]
