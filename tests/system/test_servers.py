"""The embedded servers: a killed server comes back with its data, a stale folder is no obstacle, and messages name
the remedy.
"""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from app.local import account
from app.local.errors import LocalError
from app.local.postgres import PostgresServer
from app.local.processes import is_over, wait_until
from app.local.valkey import ValkeyServer
from tests.conftest import server_on_a_copy


@pytest.fixture
def postgres(servers_dir: Path, stencil: Path, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    server = server_on_a_copy(stencil, servers_dir / request.node.name)
    yield server
    server.stop(immediately=True)
    shutil.rmtree(server.home)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path / 'with a blank, a " and a \\' / "valkey")
    server.start()
    yield server
    server.stop()


def run_sql(server: PostgresServer, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(server.url("postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def test_if_postgres_is_killed_its_committed_rows_are_there_after_a_restart(postgres: PostgresServer) -> None:
    run_sql(postgres, "CREATE TABLE kept AS SELECT 1 AS one")
    url = postgres.url()
    postgres.kill()
    postgres.restart()
    assert run_sql(postgres, "SELECT one FROM kept") == [(1,)]
    assert postgres.url() == url


def test_if_postgres_is_ended_like_a_power_cut_it_recovers(postgres: PostgresServer) -> None:
    run_sql(postgres, "CREATE TABLE kept AS SELECT 1 AS one")
    postgres.restart(immediately=True)
    assert run_sql(postgres, "SELECT one FROM kept") == [(1,)]


def test_a_wrong_password_does_not_open_postgres(postgres: PostgresServer) -> None:
    stranger = postgres.url("postgres").replace(postgres.url().split(":")[2].split("@")[0], "guess")
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(stranger)


def test_postgres_listens_on_loopback_only(postgres: PostgresServer) -> None:
    assert run_sql(postgres, "SHOW listen_addresses") == [("127.0.0.1",)]
    assert run_sql(postgres, "SHOW unix_socket_directories") == [("",)]


def test_if_the_launcher_is_killed_the_servers_end_with_it(servers_dir: Path, request: pytest.FixtureRequest) -> None:
    launcher, pids = launch_and_kill(servers_dir / request.node.name)
    assert launcher == -signal.SIGKILL
    for pid in pids:
        wait_until(lambda pid=pid: gone(pid), 60, lambda pid=pid: f"process {pid} outlived its launcher")


def test_if_a_server_outlives_its_launcher_the_next_start_takes_its_folder(postgres: PostgresServer) -> None:
    run_sql(postgres, "CREATE TABLE kept AS SELECT 1 AS one")
    successor = PostgresServer(postgres.home, durable=False)
    successor.start()
    assert run_sql(successor, "SELECT one FROM kept") == [(1,)]
    wait_until(lambda: not postgres.is_running, 60, lambda: "the old server still runs beside the new one")
    successor.stop()


def test_a_stale_pid_file_that_names_a_living_stranger_is_dropped(postgres: PostgresServer) -> None:
    postgres.kill()
    pid_file = postgres.home / "data" / "postmaster.pid"
    stranger = psutil.Process().parent() or psutil.Process()
    pid_file.write_text("\n".join([str(stranger.pid), *pid_file.read_text().splitlines()[1:]]))
    postgres.start()
    assert run_sql(postgres, "SELECT 1") == [(1,)]
    assert stranger.is_running()


def test_a_cluster_half_made_when_the_machine_went_down_is_made_anew(servers_dir: Path) -> None:
    server = PostgresServer(servers_dir / "half-made", durable=False)
    half = servers_dir / "half-made" / "data.making"
    half.mkdir(parents=True, mode=0o700)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    assert server.answers()
    server.stop(immediately=True)


def test_a_taken_port_that_was_asked_for_is_named(servers_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"Another program uses .* port {port}"):
            PostgresServer(servers_dir / "taken", port=port).start()
        with pytest.raises(LocalError, match=f"Another program uses .* port {port}"):
            ValkeyServer(servers_dir / "taken-valkey", port=port).start()


def test_if_the_disk_is_full_the_message_says_how_much_is_needed(
    servers_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.local.postgres._NEEDED_BYTES", 2**62)
    with pytest.raises(LocalError, match=r"MB free.*PROMPTLODE_DATA_DIR"):
        PostgresServer(servers_dir / "full").start()


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder must be")
    for server in (PostgresServer(tmp_path / "file" / "postgres"), ValkeyServer(tmp_path / "file" / "valkey")):
        with pytest.raises(LocalError, match=r"Cannot make the folder.*PROMPTLODE_DATA_DIR"):
            server.start()


def test_data_of_another_major_version_is_refused_and_kept(postgres: PostgresServer) -> None:
    postgres.stop()
    version_file = postgres.home / "data" / "PG_VERSION"
    own = version_file.read_text()
    version_file.write_text("9\n")
    with pytest.raises(LocalError, match="made by PostgreSQL 9"):
        postgres.start()
    version_file.write_text(own)


@pytest.mark.skipif(account.os.geteuid() != 0, reason="only root needs another account for PostgreSQL")
def test_if_roots_home_is_private_the_data_lives_elsewhere_behind_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers_dir: Path
) -> None:
    monkeypatch.setattr(account, "SYSTEM_HOME", servers_dir / "system")
    (tmp_path / "home").mkdir(mode=0o700)
    server = PostgresServer(tmp_path / "home" / "data" / "postgres", durable=False)
    server.start()
    assert (tmp_path / "home" / "data" / "postgres").resolve() == server.home
    assert server.home.is_relative_to(servers_dir / "system")
    server.restart()
    assert server.answers()
    server.stop()


@pytest.mark.skipif(account.os.geteuid() != 0, reason="an ordinary user reaches what he installed")
def test_programs_that_the_account_cannot_reach_are_staged_beside_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers_dir: Path
) -> None:
    from app.local import binaries, postgres

    installed = binaries.postgres_prefix()
    private = tmp_path / "venv"
    private.mkdir(mode=0o700)
    postgres._copy_install(installed, private / "staged")
    prefix = private / "staged" / installed.parent.name / installed.name
    monkeypatch.setattr(postgres, "postgres_prefix", lambda: prefix)
    server = PostgresServer(servers_dir / "staging", durable=False)
    server.start()
    assert server.command[0].startswith(str(server.home))
    server.stop()


def test_a_killed_valkey_comes_back_empty_on_its_port(valkey: ValkeyServer) -> None:
    client = redis.Redis.from_url(valkey.url())
    client.set("key", "value")
    valkey.kill()
    valkey.restart()
    assert client.dbsize() == 0
    client.close()


def test_a_paused_valkey_keeps_its_port_and_does_not_answer_until_resumed(valkey: ValkeyServer) -> None:
    valkey.pause()
    with (
        redis.Redis.from_url(valkey.url(), socket_timeout=0.2) as impatient,
        redis.Redis.from_url(valkey.url(), socket_timeout=60) as patient,
    ):
        with pytest.raises(redis.TimeoutError):
            impatient.ping()
        valkey.resume()
        assert patient.ping()


def launch_and_kill(home: Path) -> tuple[int, list[int]]:
    """Starts both servers in a process of their own and kills the process. Returns how it ended and its servers."""
    program = (
        "import sys, os, pathlib; from app.local.postgres import PostgresServer; from app.local.valkey import ValkeyServer;"
        "home = pathlib.Path(sys.argv[1]); servers = PostgresServer(home / 'pg', durable=False), ValkeyServer(home / 'vk');"
        "[server.start() for server in servers];"
        "print(*[server.process.pid for server in servers], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as launcher:
        assert launcher.stdout is not None
        pids = [int(word) for word in launcher.stdout.readline().split()]
        launcher.kill()
        return launcher.wait(), pids


def gone(pid: int) -> bool:
    try:
        return is_over(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True
