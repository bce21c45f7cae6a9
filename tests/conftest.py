"""Real servers for the tests: one PostgreSQL and one Valkey per session, empty for every test.

A test that breaks servers starts its own: `own_postgres` and `own_valkey` have `kill`, `stop`, `restart` and `pause`.
Nothing here ever touches a server that the environment names: the suite must be safe to run beside real data.
"""

import contextlib
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis
from hypothesis import HealthCheck, settings
from psycopg2 import errors, sql

from app.config import with_driver
from app.local.postgres import PostgresServer
from app.local.valkey import ValkeyServer
from app.store import migrate
from tasks.queues import FIRST, RERUN

# A shell starts what goes on in the background with Ctrl-C ignored, and whatever that starts inherits it: commands that a test
# interrupts would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, and as much time for each as it takes: whether a submission is accepted is no matter of luck or of
# how busy a machine is.  `--hypothesis-profile=roaming` looks further, with other examples each time.
settings.register_profile("roaming", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("roaming"), derandomize=True, database=None)
settings.load_profile("repeatable")

TEMPLATE = "migrated"
BROKER_KEYS = ("_kombu.", "unacked", "celery", FIRST, RERUN)
"""Keys of the broker: queues and their bindings have no expiry, by kombu's design."""


@pytest.fixture(scope="session", autouse=True)
def _no_foreign_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The caller's environment and a running local instance are invisible to the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "PORT", "FLOWER_PORT"):
            patch.delenv(name, raising=False)
        patch.setenv("PROMPTLODE_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        for name in ("ADDRESS", "INGEST", "TRACES", "READ", "FAILURES"):
            patch.setenv(f"RATE_{name}", "0")  # a suite is one caller that never rests
        yield


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """A folder that the account of PostgreSQL can enter, which pytest's own (mode 0700) is not for root."""
    folder = Path(tempfile.mkdtemp(prefix="promptlode-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


# PostgreSQL


@pytest.fixture(scope="session")
def postgres_server(servers_dir: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(servers_dir / "postgres", durable=False)
    server.start()
    yield server
    server.stop(immediately=True)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """A database without any table, for tests of the migrations themselves."""
    return with_driver(postgres_server.ensure_database("blank"))


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database to clone: 0.05 s instead of a migration."""
    migrate.upgrade(with_driver(postgres_server.ensure_database(TEMPLATE)))
    return TEMPLATE


@pytest.fixture(scope="session")
def session_database(postgres_server: PostgresServer, migrated_template: str) -> str:
    return postgres_server.ensure_database("session", template=migrated_template)


@pytest.fixture
def database_url(session_database: str) -> Iterator[str]:
    """A migrated database that is empty when the test begins, as a URL for SQLAlchemy."""
    yield with_driver(session_database)
    empty(session_database)


@pytest.fixture
def own_postgres(servers_dir: Path, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server with a migrated database `promptlode` for a test that kills it."""
    server = PostgresServer(servers_dir / f"own-{abs(hash(request.node.nodeid))}", durable=False)
    server.start()
    migrate.upgrade(with_driver(server.ensure_database()))
    yield server
    server.stop(immediately=True)
    shutil.rmtree(server.home)


def empty(url: str) -> None:
    """Empty all tables; a test that left a transaction open fails here and does not disturb the next."""
    left = _truncated(url)
    if left:
        gc.collect()  # now: a connection finalised while pytest parses the failing source breaks Python 3.11's parser
    assert not left, f"the test left transactions open; their last statements: {left}"


def _truncated(url: str) -> list[str]:
    """Empty all tables; the statements of the open transactions that had to be ended for it."""
    connection = psycopg2.connect(url, options="-c lock_timeout=3s")
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        try:
            _truncate(cursor)
        except errors.LockNotAvailable:
            left = _end_others(cursor)
            _truncate(cursor)
            return left
    return []


def _truncate(cursor: Any) -> None:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
    tables = [sql.Identifier(name) for (name,) in cursor.fetchall()]
    cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables)))


def _end_others(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT left(query, 200), pg_terminate_backend(pid, 3000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
    )
    return [query for query, _ in cursor.fetchall()]


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


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """An empty Valkey. The test fails when it leaves a key of ours that never expires."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        yield client
        immortal = immortal_keys(client)
        client.flushall()
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
    """The environment of a Promptlode process that is to use this test's servers."""
    return os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
