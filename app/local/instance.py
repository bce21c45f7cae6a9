"""A whole Promptlode on this machine: its folder, servers, schema, key, processes, and its end.

One instance per data folder at a time (a lock says so). The remains of a killed instance (processes, pid files, servers.json) are cleared
before this one starts.
"""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from app.config import SERVERS_FILE, Settings, read_settings
from app.local.errors import LocalError, unwritable
from app.local.net import direct
from app.local.postgres import PostgresServer
from app.local.processes import end, free_port, is_free, wait_until
from app.local.programs import HOST, programs
from app.local.project_keys import key_of, projects_with_key
from app.local.supervision import Program, ProgramWatch, Supervisor, last_lines
from app.local.valkey import ValkeyServer
from app.private_files import write_private
from app.store import migrate, projects
from app.store.engine import make_engine, transaction

MARK = "PROMPTLODE_INSTANCE"
"""In the environment of every process of an instance, by which the next one finds processes of a killed one."""

_PORTS_TRIED = 100
"""Ports tried after the default one."""

SECONDS_TO_ANSWER = 240.0
"""Seconds within which a server or the web process must answer: 3 on an idle laptop; 60 were too few at a load of 12."""


@dataclass(frozen=True)
class Servers:
    """The two servers, embedded or the user's own."""

    postgres: PostgresServer | None
    valkey: ValkeyServer | None
    settings: Settings

    @property
    def programs(self) -> list[Program]:
        """Its programs that must be supervised."""
        programs_found = []
        if self.postgres:
            account = self.postgres.account
            programs_found.append(Program("postgres", self.postgres.command, stop=signal.SIGINT, account=account))
        if self.valkey:
            programs_found.append(Program("valkey", self.valkey.command))
        return programs_found

    @property
    def checks(self) -> dict[str, Callable[[], bool]]:
        """A test for each server that it is up."""
        servers = {"postgres": self.postgres, "valkey": self.valkey}
        return {name: server.answers for name, server in servers.items() if server}


class Instance:
    """A started instance. Use `running()`."""

    def __init__(self, settings: Settings, project: str) -> None:
        self.home, self.project = settings.promptlode_data_dir.absolute(), project
        self.port = _port("PORT", settings.port, explicit="port" in settings.model_fields_set)
        self.flower_port = _port("FLOWER_PORT", settings.flower_port, "flower_port" in settings.model_fields_set)
        self.flower_auth = settings.flower_basic_auth or f"promptlode:{self._kept_secret('flower_password')}"
        self._servers = embedded_servers(settings, self.home)
        groups = {"servers": self._servers.programs, "app": programs(self.port, self.flower_port)}
        self.supervisor = Supervisor(self.home, groups)
        self.key = ""

    # Texts for people

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def flower_url(self) -> str:
        return f"http://{self.flower_auth}@{HOST}:{self.flower_port}"

    @property
    def other_projects(self) -> list[str]:
        """Other projects with a key in this data folder, by earlier starts, such as demos, or by `--project`; the keys stay valid."""
        return [name for name in projects_with_key(self.home) if name != self.project]

    # Start and stop

    def start(self) -> None:
        """Start all programs in the order of their dependencies; returns when the web process answers."""
        self.supervisor.start(self._environment())
        if self._servers.programs:
            self.supervisor.start_group("servers")
        for name, answers in self._servers.checks.items():
            self._wait_for(name, answers)
        settings = self._servers.settings
        if self._servers.postgres:
            self._servers.postgres.ensure_database()
        migrate.upgrade(settings.database_url)
        self.key = self._ensure_key(settings)
        self._announce(settings)
        self.supervisor.start_group("app")
        self._wait_for("web", lambda: self._answers("/healthz"))

    def stop(self) -> None:
        """Stop all processes, and delete servers.json."""
        (self.home / SERVERS_FILE).unlink(missing_ok=True)
        self.supervisor.stop()
        end(leftovers(self.home))

    def wait_ready(self) -> None:
        """Wait until worker and reconciler are alive too."""
        self._wait(lambda: self._answers("/readyz"), SECONDS_TO_ANSWER, self._not_ready)

    def log_tail(self, program: str) -> str:
        log = self.supervisor.log_of(program)
        return f"The end of {log}:\n{last_lines(log, 15)}"

    # Details

    def _wait_for(self, program: str, answers: Callable[[], bool]) -> None:
        self._wait(answers, SECONDS_TO_ANSWER, lambda: self._silence(program))

    def _wait(self, ready: Callable[[], bool], seconds: float, failure: Callable[[], str]) -> None:
        """Wait until `ready`; give up when a program has died too often."""
        watch = ProgramWatch(self.supervisor)
        hopeless: list[str] = []

        def over() -> bool:
            watch.new_deaths()
            hopeless[:] = watch.hopeless()
            return bool(hopeless) or ready()

        wait_until(over, seconds, failure, pause=0.2)
        if hopeless:
            raise LocalError(self._silence(hopeless[0]))

    def _silence(self, program: str) -> str:
        return f"{program} does not start. {self.log_tail(program)}"

    def _answers(self, path: str) -> bool:
        try:
            with direct.open(self.url + path, timeout=5):
                return True
        except OSError:
            return False

    def _not_ready(self) -> str:
        """The failed checks of /readyz."""
        try:
            direct.open(self.url + "/readyz", timeout=5).close()
        except urllib.error.HTTPError as error:
            checks = {name: check for name, check in json.load(error).items() if name != "status"}
            failing_checks = [f"{name}: {check['detail']}" for name, check in checks.items() if not check["ok"]]
            return "\n".join(["Not ready.", *failing_checks, f"Logs are in {self.home / 'logs'}"])
        except OSError as error:
            return f"The web process does not answer: {error}"
        return "It took too long, but is ready now; start again."

    def _environment(self) -> dict[str, str]:
        settings = self._servers.settings
        return os.environ | {
            MARK: str(self.home),
            "PROMPTLODE_DATA_DIR": str(self.home),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "PORT": str(self.port),
            "FLOWER_PORT": str(self.flower_port),
            "PAGES_URL": f"http://{HOST}:{self.port}",
            "FLOWER_BASIC_AUTH": self.flower_auth,
            "LOCAL_MODE": "true",
            "SECRET_KEY": settings.secret_key or self._kept_secret("secret_key"),
            "PYTHONUNBUFFERED": "1",
        }

    def _announce(self, settings: Settings) -> None:
        """Write servers.json, which tells commands in other shells where the servers are."""
        urls = {"database_url": settings.database_url, "redis_url": settings.redis_url}
        facts = {"url": self.url, "pid": os.getpid(), "embedded": list(self._servers.checks)}
        write_private(self.home / SERVERS_FILE, json.dumps(urls | facts))

    def _ensure_key(self, settings: Settings) -> str:
        """The key of the project, which is also kept as that of the instance."""
        engine = make_engine(settings)
        with transaction(engine) as connection:
            project = projects.get_or_create(connection, self.project)
            key = key_of(connection, self.home, project, cell=settings.cell)
        engine.dispose()
        write_private(self.home / "api_key", key)
        return key

    def _kept_secret(self, name: str) -> str:
        path = self.home / name
        if not path.exists():
            write_private(path, secrets.token_hex(8))
        return path.read_text().strip()


@contextlib.contextmanager
def running(project: str = "default") -> Iterator[Instance]:
    """Start an instance, and stop it at the end of the block in any case."""
    home = read_settings().promptlode_data_dir.absolute()
    with _locked(home):
        end(leftovers(home))
        (home / SERVERS_FILE).unlink(missing_ok=True)
        instance = Instance(read_settings(), project)
        try:
            instance.start()
            yield instance
        finally:
            _be_undisturbed()
            instance.stop()


def leftovers(home: Path) -> list[psutil.Process]:
    """Processes of a killed instance of this folder, without the servers, which hide their environment."""
    return [process for process in psutil.process_iter() if _mark_of(process) == str(home)]


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None


def embedded_servers(settings: Settings, home: Path) -> Servers:
    """The servers in the environment; for each that it does not name, an embedded one, prepared to be started."""
    postgres = None if settings.database_url else PostgresServer(home / "postgres")
    valkey = None if settings.redis_url else ValkeyServer(home / "valkey")
    urls = {}
    if postgres:
        postgres.prepare()
        urls["database_url"] = postgres.url()
    if valkey:
        valkey.prepare()
        urls["redis_url"] = valkey.url()
    return Servers(postgres, valkey, Settings(**(settings.model_dump() | urls)))


def _port(name: str, preferred: int, explicit: bool) -> int:
    """The wanted port, any free one for 0; where it was not asked for explicitly, the next free one."""
    if preferred == 0:
        return free_port()
    candidates = [preferred] if explicit else range(preferred, preferred + _PORTS_TRIED)
    for port in candidates:
        if is_free(port, HOST):
            return port
    raise LocalError(
        f"Another program uses the port {preferred}. Stop that program, set {name} to another port, "
        f"or leave {name} unset: then Promptlode takes the next free port."
    )


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Hold the lock of the folder, for one instance at a time; the system releases the lock of a killed one."""
    with _lock_file(home) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalError(
                f"Promptlode already runs with {home} (process {lock.read().strip()}). Stop that process with Ctrl-C or `promptlode down`, "
                "or set PROMPTLODE_DATA_DIR to another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _lock_file(home: Path) -> IO[str]:
    try:
        home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        return (home / "lock").open("a+")
    except OSError as error:
        raise unwritable(home, error) from None


def _be_undisturbed() -> None:
    """Ignore further signals: a second Ctrl-C must not leave half of the processes running."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
