"""Sentinel names the primary: our client and Celery's find it, and its successor after a failover."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from kombu.exceptions import OperationalError

from app.config import Settings
from app.local.binaries import valkey_server
from app.local.processes import Child, free_port
from app.servers import redis_server
from tasks.broker import Broker, publishing_connection
from tasks.connections import worker_redis
from tasks.group_traces import group_traces
from tasks.queues import RERUN
from tests.app.api_helpers import wait_for

PASSWORD = "a secret of the servers"
QUOTED = f'"{PASSWORD}"'


@dataclass
class Watched:
    """Two servers, of which the sentinel makes one the primary."""

    primary: Child
    url: str


def launched(folder: Path, name: str, port: int, lines: list[str], *options: str) -> Child:
    configuration = folder / f"{name}.conf"
    common = ["bind 127.0.0.1", f"port {port}", 'save ""', f'dir "{folder}"', f"dbfilename {name}.rdb"]
    configuration.write_text("\n".join([*common, *lines]) + "\n")
    child = Child(15)
    child.launch([str(valkey_server()), str(configuration), *options], folder / f"{name}.log")
    return child


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    first, second, sentinel = (free_port() for _ in range(3))
    secrets = [f"requirepass {QUOTED}", f"masterauth {QUOTED}", "repl-diskless-sync-delay 0"]
    watch = [
        f"sentinel monitor promptlode 127.0.0.1 {first} 1",
        f"sentinel auth-pass promptlode {QUOTED}",
        "sentinel down-after-milliseconds promptlode 3000",
        "sentinel failover-timeout promptlode 3000",
    ]
    with ExitStack() as stack:
        primary = launched(tmp_path, "first", first, secrets)
        stack.callback(primary.end)
        stack.callback(launched(tmp_path, "second", second, [*secrets, f"replicaof 127.0.0.1 {first}"]).end)
        wait_for(lambda: answer(second, "master_link_status") == "up")
        stack.callback(launched(tmp_path, "sentinel", sentinel, watch, "--sentinel").end)
        wait_for(lambda: knows_both(sentinel))
        user = PASSWORD.replace(" ", "%20")
        yield Watched(primary, f"redis+sentinel://:{user}@127.0.0.1:{sentinel}/3?master=promptlode")


def answer(port: int, name: str) -> str:
    with suppress(redis.RedisError), redis.Redis("127.0.0.1", port, password=PASSWORD) as client:
        return str(client.info("replication").get(name))
    return ""


def knows_both(port: int) -> bool:
    with suppress(redis.RedisError), redis.Redis("127.0.0.1", port) as client:
        return bool(client.sentinel_slaves("promptlode"))
    return False


def test_both_clients_follow_a_failover(watched: Watched, database_url: str) -> None:
    settings = Settings(database_url=database_url, redis_url=watched.url)
    ours, connection = worker_redis(settings), publishing_connection(settings, 2.0)
    broker = Broker(connection, group_traces)
    assert redis_server.broker_url(settings).startswith("sentinel://")

    def takes() -> bool:
        try:
            ours.set("a", "1", ex=60)
            broker.send(RERUN, {"group": "g"})
            return broker.depth() > 0
        except (redis.RedisError, OperationalError, OSError):
            return False

    wait_for(takes)
    assert ours.get("a") == b"1"
    assert ours.connection_pool.connection_kwargs["db"] == 3

    # If the primary dies, I expect both clients to write to the other server
    watched.primary.end(9)
    ours_before = ours.connection_pool.master_address
    wait_for(takes)
    assert ours.connection_pool.master_address != ours_before
    ours.close()
    connection.close()
