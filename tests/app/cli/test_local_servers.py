"""`promptlode status` on the machine of a local instance speaks of the disks and servers of the instance."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import local_servers
from app.cli.main import main
from app.health import Check

NOBODY = Check(False, "Nobody listens where DATABASE_URL says. Start PostgreSQL, or set DATABASE_URL.")
RECOVERING = Check(False, "PostgreSQL is starting, stopping or recovering.")
MEMORY = Path("/dev/shm")  # a file system of its own on Linux


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of an instance that runs both servers itself."""
    for setting in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(setting, raising=False)
    (tmp_path / "postgres").mkdir()
    (tmp_path / "servers.json").write_text(json.dumps({"embedded": ["postgres", "valkey"]}))
    return tmp_path


class _Ready(BaseHTTPRequestHandler):
    """A web process that reports every server as up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok", "database": {"ok": true, "detail": "Answers."}}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url_of_ready() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Ready) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of free space above that of any disk of this machine."""
    monkeypatch.setattr(local_servers, "FULL_BYTES", 2**62)
    monkeypatch.setattr(local_servers, "LEAST_FREE_BYTES", 2**62)


def test_up_starts_promptlode_where_the_user_has_a_folder_app_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a user's own program of the name app, and a port that is taken, which ends the start at once
    own = tmp_path / "app"
    own.mkdir()
    (own / "__init__.py").write_text("raise SystemExit('the program of the user was started')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMPTLODE_DATA_DIR", str(tmp_path / "data"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        result = CliRunner().invoke(main, ["up"])
    assert f"Another program uses the port {port}" in result.stderr


@pytest.mark.skipif(not MEMORY.exists(), reason="this system has no second file system that a test may use")
def test_a_data_folder_in_which_nothing_can_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    monkeypatch.setenv("PROMPTLODE_DATA_DIR", str(file / "folder"))
    result = CliRunner().invoke(main, ["up"])
    assert result.exit_code == 1
    assert f"Cannot write in {file / 'folder'} (Not a directory)." in result.stderr


def test_the_file_system_under_the_database_is_looked_at_where_a_link_leads(home: Path) -> None:
    if MEMORY.stat().st_dev == home.stat().st_dev:
        pytest.skip("the data folder is in memory too")
    (home / "postgres").rmdir()
    (home / "postgres").symlink_to(MEMORY)
    assert f"free in {MEMORY}" in local_servers.disk(home).detail


@pytest.mark.usefixtures("is_full")
def test_a_low_disk_is_named_with_the_remedy(home: Path) -> None:
    check = local_servers.disk(home)
    assert not check.ok
    assert str(home / "postgres") in check.detail
    assert "Make room" in check.detail


@pytest.mark.usefixtures("is_full")
def test_a_full_disk_is_told_by_status_although_everything_answers(
    home: Path, monkeypatch: pytest.MonkeyPatch, url_of_ready: str
) -> None:
    (home / "servers.json").write_text(json.dumps({"url": url_of_ready, "embedded": ["postgres"]}))
    monkeypatch.setenv("PROMPTLODE_DATA_DIR", str(home))
    result = CliRunner().invoke(main, ["status"])
    assert result.exit_code == 1
    assert "Make room there" in result.output


@pytest.mark.usefixtures("is_full")
@pytest.mark.parametrize("check", [NOBODY, RECOVERING])
def test_a_database_on_a_full_disk_is_explained_by_the_disk(home: Path, check: Check) -> None:
    explained = local_servers.explained("database", check, home)
    assert "disk of PostgreSQL is full" in explained.detail
    assert "DATABASE_URL" not in explained.detail


@pytest.mark.parametrize(("name", "log"), [("database", "postgres"), ("redis", "valkey")])
def test_for_a_server_that_nobody_set_a_url_for_the_remedy_is_its_log(home: Path, name: str, log: str) -> None:
    setting = {"database": "DATABASE_URL", "redis": "REDIS_URL"}[name]
    check = Check(False, f"Nobody listens where {setting} says.")
    assert f"promptlode logs {log}" in local_servers.explained(name, check, home).detail


def test_for_a_server_of_the_users_own_its_setting_stays_the_remedy(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example.com/promptlode")
    assert local_servers.explained("database", NOBODY, home) == NOBODY
