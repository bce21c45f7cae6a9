"""A PgBouncer in transaction mode before a PostgreSQL. Where none is installed the tests are skipped with a message."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from app.config import with_driver
from app.local.processes import free_port, wait_until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@contextlib.contextmanager
def pgbouncer(folder: Path, database_url: str, **settings: str) -> Iterator[str]:
    """Yields the URL of the database behind a pooler with two connections to it. settings: more lines of the pooler's file."""
    url, port = make_url(database_url), free_port()
    folder.mkdir()
    folder.chmod(0o755)
    users = folder / "users.txt"
    users.write_text(f'"{url.username}" "{url.password}"\n', encoding="utf-8")
    lines = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        "auth_type": "plain",
        "auth_file": str(users),
        "pool_mode": "transaction",
        "default_pool_size": "2",
        "logfile": str(folder / "log"),
    } | settings
    configuration = "".join(f"{name} = {value}\n" for name, value in lines.items())
    (folder / "log").touch()
    (folder / "log").chmod(0o666)
    file = folder / "pgbouncer.ini"
    file.write_text(f"[databases]\n* = host={url.host} port={url.port}\n[pgbouncer]\n{configuration}", encoding="utf-8")
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    running = subprocess.Popen(
        [str(PROGRAM), *as_nobody, str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    behind = url.set(host="127.0.0.1", port=port, drivername="postgresql").render_as_string(hide_password=False)
    try:
        wait_until(lambda: _answers(behind), 180, (folder / "log").read_text)
        yield with_driver(behind)
    finally:
        running.kill()
        running.wait(60)


def _answers(url: str) -> bool:
    with contextlib.suppress(psycopg2.OperationalError), contextlib.closing(psycopg2.connect(url)):
        return True
    return False
