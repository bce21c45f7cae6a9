"""The servers of a local instance for commands on its machine: their file systems, and the servers without a URL in the settings."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.config import SERVERS_FILE
from app.health import Check

LEAST_FREE_BYTES = 1024**3
"""PostgreSQL stops when its disk is full; a week of traces of a busy team takes about this much."""

FULL_BYTES = 64 * 1024**2
"""PostgreSQL ends when it cannot make the next file of its write-ahead log (16 MB), and its recovery needs two or three of them."""

_FOLDERS = ("postgres", "logs", "")
"""Folders below the data folder; each may be a mount, or a link: root's database is in /var/lib (docs/operations.md). PostgreSQL's is named
first.
"""


class _Server(NamedTuple):
    """An embedded server: its name, that of its log, and the setting that names another server instead."""

    name: str
    log: str
    setting: str


_SERVERS = {
    "database": _Server("PostgreSQL", "postgres", "DATABASE_URL"),
    "redis": _Server("Valkey", "valkey", "REDIS_URL"),
    "broker": _Server("Valkey", "valkey", "BROKER_URL"),
}
"""Embedded servers by the names of checks of `app.health` and `promptlode doctor`."""


def is_full(home: Path) -> bool:
    """Whether nothing can be stored: a database without a byte to spare still answers queries and small writes."""
    return any(shutil.disk_usage(folder).free < FULL_BYTES for folder in _file_systems(home))


def disk(home: Path) -> Check:
    """The free space of every file system with a part of the data folder; the first one short of space is named."""
    free = {folder: shutil.disk_usage(folder).free for folder in _file_systems(home)}
    for folder, bytes_free in free.items():
        if bytes_free < LEAST_FREE_BYTES:
            return Check(False, _low(folder, bytes_free))
    return Check(
        True, ", ".join(f"{bytes_free / 1024**3:.1f} GB free in {folder}" for folder, bytes_free in free.items())
    )


def explained(name: str, check: Check, home: Path) -> Check:
    """A failed check of `app.health` with the remedy for an embedded server; any other check unchanged."""
    if check.ok or not _is_embedded(name, home):
        return check
    folder = nearest(home / "postgres")
    bytes_free = shutil.disk_usage(folder).free
    if name == "database" and bytes_free < FULL_BYTES:
        return Check(False, f"The disk of PostgreSQL is full: {_low(folder, bytes_free)} It starts again by itself.")
    server = _SERVERS[name]
    if server.setting in check.detail:
        return Check(
            False, f"The embedded {server.name} does not answer. Its log says why: promptlode logs {server.log}"
        )
    return check


def nearest(folder: Path) -> Path:
    """The folder with links resolved, or the nearest existing one above it."""
    resolved = folder.resolve()
    return next(path for path in (resolved, *resolved.parents) if path.exists())


def _low(folder: Path, bytes_free: int) -> str:
    return (
        f"{bytes_free / 1024**2:.0f} MB free in {folder}. Make room there, or stop, "
        "move the data folder to a larger disk and set PROMPTLODE_DATA_DIR to it."
    )


def _file_systems(home: Path) -> Iterator[Path]:
    """One folder of each file system."""
    devices = set()
    for part in _FOLDERS:
        folder = nearest(home / part)
        if (device := folder.stat().st_dev) not in devices:
            devices.add(device)
            yield folder


def _is_embedded(name: str, home: Path) -> bool:
    """Whether the check concerns a server that the running instance of this folder started."""
    if name not in _SERVERS or os.environ.get(_SERVERS[name].setting):
        return False
    try:
        embedded = json.loads((home / SERVERS_FILE).read_text()).get("embedded", [])
    except (OSError, ValueError):
        return False
    return _SERVERS[name].log in embedded
