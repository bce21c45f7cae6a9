"""Names in the heartbeats of workers on one machine."""

import os
import subprocess
import sys

from sqlalchemy import Engine

from app.store import heartbeats
from app.store.engine import transaction
from tasks.names import forget_ended, name_of

NODE = "celery@here"


def test_a_worker_is_named_by_its_node_and_its_process() -> None:
    assert name_of(NODE) == f"{NODE}:{os.getpid()}"


def test_a_worker_that_starts_forgets_those_of_its_node_that_ended(engine: Engine) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    living = [name_of(NODE), f"celery@there:{ended.pid}"]
    with transaction(engine) as connection:
        for name in (*living, f"{NODE}:{ended.pid}", NODE):
            heartbeats.beat(connection, name, "worker")
        heartbeats.beat(connection, f"reconciler@here:{ended.pid}", "reconciler")
        forget_ended(connection, "worker", NODE)
        names_left = {beat.name for beat in heartbeats.recent_processes(connection)}
    assert names_left == {*living, f"reconciler@here:{ended.pid}"}
