"""Real servers for the tests: one PostgreSQL and one Valkey for each worker, empty for every test.

A test that breaks servers starts its own: `own_postgres` and `own_valkey` have `kill`, `stop`, `restart` and `pause`.
Nothing here ever touches a server that the environment names: the suite must be safe to run beside real data.
"""

import contextlib
import fcntl
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from jinja2 import FileSystemBytecodeCache
from psycopg2 import sql
from sqlalchemy import Engine

from app.config import Settings, with_driver
from app.http.services import EXTENSION
from app.local.postgres import PostgresServer
from app.local.valkey import ValkeyServer
from app.store import migrate
from app.store.engine import make_engine
from app.web import create_app
from tasks.queues import FIRST, RERUN

# The tests start two hundred Python processes: each needs 1 to 4 s less of a core where the bytecode of the last one was kept.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell starts background processes with Ctrl-C ignored, and their children inherit this: commands that a test interrupts would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, without a time limit: the result must not depend on luck or on a busy machine.
# `--hypothesis-profile=roaming` tries other examples each time.
hypothesis_settings.register_profile("roaming", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile(
    "repeatable", hypothesis_settings.get_profile("roaming"), derandomize=True, database=None
)
hypothesis_settings.load_profile("repeatable")

TEMPLATE = "promptlode"
FOLDER_OF_RUN = "PROMPTLODE_TESTS_FOLDER"
BROKER_KEYS = ("_kombu.", "unacked", "celery", FIRST, RERUN)
"""Keys of the broker: queues and their bindings have no expiry, by kombu's design."""


def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the workers makes one folder for the servers of all, which the workers inherit, and removes it."""
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="promptlode-test-", dir=folder_in_memory()))
        # PostgreSQL's account can enter; pytest's own folder (mode 0700) is closed to it when root runs the tests.
        folder.chmod(0o711)
        os.environ[FOLDER_OF_RUN] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(FOLDER_OF_RUN), ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers the longest modules begin first, so that all workers end at about the same time."""
    if hasattr(config, "workerinput"):
        items.sort(key=_seconds_of_module, reverse=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collected tests are half a million objects that live to the end: the collector looks for garbage only among what tests make."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*OBJECTS_BETWEEN_COLLECTIONS)
        gc.enable()


OBJECTS_BETWEEN_COLLECTIONS = (10_000, 20, 50)
"""Python's own (700, 10, 10) cost 0.5 of 16 s that the tests of pages take; these cost 0.2 s and keep a few MB longer."""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names parameters of bytes by number: gzip's bytes hold the time, and all workers must give a test the same name."""
    return argname if isinstance(val, bytes) else None


def _seconds_of_module(item: pytest.Item) -> float:
    return SECONDS_OF_LONG_MODULES.get(item.path.relative_to(Path(__file__).parent).as_posix(), 0)


SECONDS_OF_LONG_MODULES = {
    "system/test_instance.py": 50,
    "flows/test_rabbitmq.py": 60,
    "browser/test_pages_in_chromium.py": 45,
    "flows/test_chaos.py": 35,
    "flows/lasting/test_calm_flows.py": 22,
    "flows/lasting/test_deaths.py": 20,
    "app/grouping/test_grouping_sample.py": 9,
    "flows/lasting/test_deaf_worker.py": 15,
    "client/test_client.py": 15,
    "app/attack/test_schemathesis.py": 13,
    "app/grouping/test_sample_grouped.py": 14,
    "app/front/test_front.py": 14,
    "templating/test_mine_rare.py": 12,
    "test_imports.py": 12,
    "coalescing/test_model_on_servers.py": 12,
    "app/moving/test_moving.py": 9,
    "flows/test_worker.py": 19,
    "app/pages/test_pages.py": 11,
    "system/test_procfile.py": 10,
    "app/cli/test_import.py": 10,
    "benchmarks/test_mining_benchmark.py": 8,
    "app/keeping/test_partitions.py": 8,
    "flows/test_fairness.py": 7,
    "app/grouping/test_grouping_versions.py": 8,
    "app/keeping/test_deletion.py": 7,
    "templating/test_mine_worst.py": 7,
    "tasks/test_lease.py": 12,
}
"""Module -> approximate seconds on an idle machine of two cores. Only the order matters; `pytest --durations 20` shows missing ones."""


@pytest.fixture(scope="session", autouse=True)
def _no_foreign_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The caller's environment and a running local instance are invisible to the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "PORT", "FLOWER_PORT"):
            patch.delenv(name, raising=False)
        patch.setenv("PROMPTLODE_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        for name in ("ADDRESS", "INGEST", "TRACES", "READ", "REGROUP", "FAILURES"):
            patch.setenv(f"RATE_{name}", "0")  # no limit: the suite is one caller that never rests
        patch.setenv("DATABASE_LOCK_TIMEOUT", "25")  # threads wait for each other, however slow the machine is
        yield


@pytest.fixture(scope="session", autouse=True)
def _pages_compiled_once() -> None:
    """All applications of all workers share compiled pages: a hundred applications would each compile the pages again, 0.5 s for all pages."""
    folder = Path(os.environ[FOLDER_OF_RUN]) / "pages"
    folder.mkdir(exist_ok=True)
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": FileSystemBytecodeCache(str(folder))}


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """The folder of this worker's servers."""
    folder = Path(tempfile.mkdtemp(prefix="worker-", dir=os.environ[FOLDER_OF_RUN]))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def folder_in_memory() -> str | None:
    """Linux' folder in memory, if programs can run from there: the suite writes 4 GB, and deleting them from a disk takes seconds."""
    try:
        memory = os.statvfs("/dev/shm")
    except OSError:
        return None
    is_roomy = memory.f_bavail * memory.f_frsize > MIN_BYTES_OF_MEMORY
    return "/dev/shm" if is_roomy and not memory.f_flag & os.ST_NOEXEC else None


MIN_BYTES_OF_MEMORY = 4 * 2**30
"""Free memory that the folder must have: a worker uses at most 0.5 GB (two clusters with write-ahead logs of 256 MB)."""


# PostgreSQL


@pytest.fixture(scope="session")
def stencil() -> Path:
    """The files of a stopped server with the migrated database `promptlode`, made once for all workers.

    Copying them takes 0.1 s of a core, initdb and the migrations 2 s.
    """
    folder = Path(os.environ[FOLDER_OF_RUN])
    with (folder / "stencil.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "stencil").exists():
            _make_stencil(folder / f"stencil of {os.getpid()}").rename(folder / "stencil")
    return folder / "stencil"


def _make_stencil(home: Path) -> Path:
    server = PostgresServer(home, durable=False)
    server.start()
    migrate.upgrade(with_driver(server.ensure_database(TEMPLATE)))
    with contextlib.closing(psycopg2.connect(server.url("postgres"))) as connection:
        connection.autocommit = True
        # It takes locks at moments of its own, and the product gives up some steps rather than wait for a lock.
        connection.cursor().execute("ALTER SYSTEM SET autovacuum = off")
    server.stop()
    return home


def server_on_a_copy(stencil: Path, home: Path) -> PostgresServer:
    """A started server with files of its own."""
    subprocess.run(["cp", "-a", stencil, home], check=True)  # with the owner of the files
    server = PostgresServer(home, durable=False)
    server.start()
    return server


@pytest.fixture(scope="session")
def postgres_server(servers_dir: Path, stencil: Path) -> Iterator[PostgresServer]:
    server = server_on_a_copy(stencil, servers_dir / "postgres")
    yield server
    server.stop(immediately=True)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """A database without any table, for tests of the migrations themselves."""
    return with_driver(postgres_server.ensure_database("blank"))


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database to clone: 0.05 s instead of a migration."""
    return TEMPLATE


@pytest.fixture(scope="session")
def session_database(postgres_server: PostgresServer, migrated_template: str) -> str:
    return postgres_server.ensure_database("session", template=migrated_template)


@pytest.fixture(scope="session")
def untouched_database(postgres_server: PostgresServer, migrated_template: str) -> str:
    """A migrated database in which no test writes: PostgreSQL's plans there depend on no other test."""
    return postgres_server.ensure_database("untouched", template=migrated_template)


@pytest.fixture
def database_url(session_database: str) -> Iterator[str]:
    """A migrated database that is empty when the test begins, as a URL for SQLAlchemy."""
    yield with_driver(session_database)
    empty(session_database)


@pytest.fixture
def own_postgres(servers_dir: Path, stencil: Path, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server with a migrated database `promptlode` for a test that kills it."""
    server = server_on_a_copy(stencil, servers_dir / f"own-{abs(hash(request.node.nodeid))}")
    yield server
    server.stop(immediately=True)
    shutil.rmtree(server.home)


def empty(url: str) -> None:
    """Empties all tables. A test that left a transaction open fails here and does not disturb the next one."""
    try:
        open_statements = _emptied(_kept_connection(url))
    except (psycopg2.OperationalError, psycopg2.InterfaceError):  # a test ended the kept connection too
        _kept_connection.cache_clear()
        open_statements = _emptied(_kept_connection(url))
    if open_statements:
        gc.collect()  # at once: a connection that is finalised while pytest parses the failing source breaks Python 3.11's parser
    assert not open_statements, f"the test left transactions open; their last statements: {open_statements}"


@cache
def _kept_connection(url: str) -> Any:
    """One connection for all tests: a new connection must first read every table's description, which takes longer than emptying them."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # foreign keys are not checked, since all rows go
    return connection


def _emptied(connection: Any) -> list[str]:
    """The last statements of transactions that were still open."""
    with connection.cursor() as cursor:
        open_statements = _end_open_transactions(cursor)
        _clear(cursor)
    return open_statements


def _clear(cursor: Any) -> None:
    """DELETE takes 1 ms for what a test writes, TRUNCATE 50 ms, because it makes new files for every table and index."""
    cursor.execute(WRITTEN_TABLES)
    sizes = dict(cursor.fetchall())
    tables = sql.SQL(", ").join(map(sql.Identifier, sizes))
    if sum(sizes.values()) > MAX_BYTES_OF_DEAD_ROWS:
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
    elif sizes:
        cursor.execute(sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in sizes))


WRITTEN_TABLES = """
    SELECT relname, pg_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    AND pg_relation_size(oid) > 0"""

MAX_BYTES_OF_DEAD_ROWS = 2**20
"""Dead rows of about a hundred tests: later tests would have to read over them."""


def _end_open_transactions(cursor: Any) -> list[str]:
    """The last statements of transactions that stay open after a while. These transactions are ended.

    A transaction that a thread of the product begins once there was none is none that the test left open.
    """
    end = time.monotonic() + SECONDS_TO_COMMIT
    while _open_transactions(cursor):
        if time.monotonic() >= end:
            cursor.execute(f"SELECT left(query, 200), pg_terminate_backend(pid, 3000) {OPEN_TRANSACTIONS}")
            return [query for query, _ in cursor.fetchall()]
        time.sleep(0.01)
    return []


def _open_transactions(cursor: Any) -> int:
    cursor.execute(f"SELECT count(*) {OPEN_TRANSACTIONS}")
    return int(cursor.fetchone()[0])


OPEN_TRANSACTIONS = """
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND xact_start IS NOT NULL"""

SECONDS_TO_COMMIT = 30.0
"""The server notices a just killed client within milliseconds, on a busy machine within seconds."""


# Valkey


@pytest.fixture(scope="session")
def valkey_server(servers_dir: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(servers_dir / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_url(valkey_server: ValkeyServer) -> str:
    return valkey_server.url()


@pytest.fixture(scope="session")
def _kept_redis_client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def redis_client(_kept_redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """An empty Valkey. The test fails when it leaves a key of ours that never expires."""
    _kept_redis_client.flushall()
    yield _kept_redis_client
    immortal = immortal_keys(_kept_redis_client)
    _kept_redis_client.flushall()
    assert not immortal, f"keys without expiry: {immortal}"


@pytest.fixture
def own_valkey(servers_dir: Path, request: pytest.FixtureRequest) -> Iterator[ValkeyServer]:
    """A server for a test that kills, pauses or flushes it."""
    server = ValkeyServer(servers_dir / f"own-valkey-{abs(hash(request.node.nodeid))}")
    server.start()
    yield server
    server.stop()


def immortal_keys(client: redis.Redis) -> list[str]:
    """Keys of ours without an expiry: there must be none, or a busy year fills the memory."""
    ours = [key for key in client.scan_iter(count=1000) if not key.startswith(BROKER_KEYS)]
    return [key for key in ours if client.ttl(key) == -1]


@pytest.fixture
def environment(database_url: str, redis_client: redis.Redis, redis_url: str) -> dict[str, str]:
    """The environment of a Promptlode process with this test's servers."""
    return os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


# Engines and applications on both servers. They are kept for the next test: a new application and its statements take 0.1 s.


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    return _settings_of(tuple(sorted((key, value) for key, value in environment.items() if key != CURRENT_TEST)))


CURRENT_TEST = "PYTEST_CURRENT_TEST"
"""The variable that pytest sets for every test."""


@cache
def _settings_of(environment: tuple[tuple[str, str], ...]) -> Settings:
    """The settings, read once per environment of a test."""
    urls = dict(environment)
    return Settings(database_url=urls["DATABASE_URL"], redis_url=urls["REDIS_URL"])


@pytest.fixture(scope="session")
def engines(postgres_server: PostgresServer) -> Iterator[Callable[[Settings], Engine]]:
    """Engines by their settings."""
    with contextlib.ExitStack() as stack:

        @cache
        def engine_of(settings: Settings) -> Engine:
            engine = make_engine(settings)
            stack.callback(engine.dispose)
            return engine

        yield engine_of


@pytest.fixture
def engine(settings: Settings, engines: Callable[[Settings], Engine]) -> Engine:
    return engines(settings)


@pytest.fixture(scope="session")
def webs(postgres_server: PostgresServer, valkey_server: ValkeyServer) -> Iterator[Callable[..., Flask]]:
    """Applications by their settings, and by a number where a test needs several of the same settings."""
    with contextlib.ExitStack() as stack:

        @cache
        def web_of(settings: Settings, number: int = 0) -> Flask:
            app = create_app(settings)
            stack.callback(app.extensions[EXTENSION].engine.dispose)
            return app

        yield web_of


@pytest.fixture
def web(settings: Settings, webs: Callable[..., Flask]) -> Flask:
    """The product's application. Tests share it, so they change it only by `monkeypatch`."""
    return webs(settings)
