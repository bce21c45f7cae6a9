"""The names of workers and reconcilers in their heartbeats.

A name is `node:process id`: two workers on one machine may have one node name of Celery, but never one process id.
"""

import os

from sqlalchemy import Connection

from app.store import heartbeats
from app.store.heartbeats import ProcessKind


def name_of(node: str) -> str:
    """The name of this process."""
    return f"{node}:{os.getpid()}"


def forget_ended(connection: Connection, kind: ProcessKind, node: str) -> None:
    """Forget the heartbeats of processes of this node that were killed, also of releases whose names hold no process id.

    A process that lives but is not visible from here, in another container of the same host name, is back with its next heartbeat.
    """
    for heartbeat in heartbeats.recent_processes(connection):
        own_node, _, process_id = heartbeat.name.rpartition(":")
        ended = own_node == node and not _is_running(process_id)
        if heartbeat.kind == kind and (ended or heartbeat.name == node):
            heartbeats.forget(connection, heartbeat.name)


def _is_running(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)  # signal 0 asks whether the process is there (kill(2))
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    return True
