"""Restarts processes that die: a supervisord with a generated configuration.

It is controlled over XML-RPC on 127.0.0.1 with a password (a Unix socket path has about 100 bytes, a data folder may be deeper). Every
program writes its own rotated log; a dead one is restarted, after ever longer pauses.
"""

import contextlib
import os
import secrets
import shlex
import signal
import sys
import xmlrpc.client
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.local import child
from app.local.account import Account
from app.local.errors import LocalError
from app.local.processes import Child, free_port, wait_until

_SECONDS_TO_LISTEN = 60
"""Seconds for supervisord to start, as long as the servers have: a second on an idle machine."""

_SECONDS_BEFORE_SIGKILL = 25
"""Seconds between SIGTERM and SIGKILL: within the 30 s that a platform such as Heroku allows in all."""

LOG_BYTES = 10 * 2**20
"""Bytes of a log after which it is rotated."""

OLD_LOGS = 2
"""Rotated logs kept of each program."""

_HOPELESS = 3
"""Deaths in the first minute after which a program counts as broken."""


@dataclass(frozen=True)
class Program:
    """One supervised process. `account` is for a server that refuses to be root: it then gets an empty environment."""

    name: str
    command: Sequence[str]
    directory: Path = Path("/")
    stop: signal.Signals = signal.SIGTERM
    account: Account | None = None

    @property
    def wrapped(self) -> list[str]:
        """The command under `child`, so that it does not outlive a killed supervisor."""
        user = ["--user", f"{self.account.uid}:{self.account.gid}"] if self.account else []
        return [sys.executable, "-I", child.__file__, *user, self.stop.name, "--", *self.command]


@dataclass(frozen=True)
class ProgramState:
    """supervisord's state of a program."""

    name: str
    label: str
    pid: int
    description: str

    @property
    def given_up(self) -> bool:
        return self.label == "FATAL"


class Supervisor:
    """A supervisord over groups of programs; groups start on command and stop in reverse order."""

    def __init__(self, home: Path, groups: Mapping[str, Iterable[Program]]) -> None:
        self._home = home
        self._groups = {name: list(programs) for name, programs in groups.items()}
        self._port, self._password = free_port(), secrets.token_hex(16)
        self._proxy = xmlrpc.client.ServerProxy(f"http://local:{self._password}@127.0.0.1:{self._port}/RPC2")
        self._rpc = self._proxy.supervisor
        self.process = Child(signal.SIGTERM)

    def log_of(self, program: str) -> Path:
        return self._home / "logs" / f"{program}.log"

    def start(self, environment: Mapping[str, str]) -> None:
        """Start supervisord, without any program yet; all programs will have this environment."""
        (self._home / "logs").mkdir(mode=0o700, exist_ok=True)
        path = self._home / "supervisord.conf"
        path.touch(0o600)
        path.write_text(self._configuration())
        command = [sys.executable, "-P", "-m", "app.local.supervisord", "-c", str(path)]
        self.process.launch(command, self.log_of("supervisord-output"), cwd=str(self._home), env=dict(environment))
        wait_until(lambda: self._answers() or not self.process.is_running, _SECONDS_TO_LISTEN, self._silence)
        wait_until(self._answers, 0, self._silence)

    def start_group(self, name: str) -> None:
        self._rpc.startProcessGroup(name, False)

    def retry(self, program: str) -> None:
        """Start a program again that supervisord has given up."""
        group = next(
            name
            for name, programs in self._groups.items()
            if program in [program_of_group.name for program_of_group in programs]
        )
        with contextlib.suppress(xmlrpc.client.Fault):  # it has just restarted by itself
            self._rpc.startProcess(f"{group}:{program}", False)

    def states(self) -> list[ProgramState]:
        return [
            ProgramState(info["name"], info["statename"], info["pid"], info["description"] or info["spawnerr"])
            for info in self._infos()
        ]

    def stop(self) -> None:
        """Stop all programs in order, then supervisord."""
        self.process.end(seconds=3 * _SECONDS_BEFORE_SIGKILL)
        self._proxy("close")()  # closes the connection that the proxy keeps

    def _infos(self) -> list[dict[str, Any]]:
        return self._rpc.getAllProcessInfo()  # type: ignore[return-value]

    def _answers(self) -> bool:
        try:
            return bool(self._infos())
        except (OSError, xmlrpc.client.Error):
            return False

    def _silence(self) -> str:
        return f"The supervisor did not start: {last_lines(self.log_of('supervisord-output'), 3)}"

    # The configuration

    def _configuration(self) -> str:
        sections = [self._daemon(), self._server(), *self._programs()]
        return "\n".join(f"[{title}]\n" + "".join(f"{k}={_escape(v)}\n" for k, v in body) for title, body in sections)

    def _daemon(self) -> tuple[str, list[tuple[str, str]]]:
        body = [
            ("nodaemon", "true"),
            ("silent", "true"),
            ("logfile", "logs/supervisord.log"),
            ("pidfile", "supervisord.pid"),
        ]
        return "supervisord", body + ([("user", "root")] if os.geteuid() == 0 else [])

    def _server(self) -> tuple[str, list[tuple[str, str]]]:
        address = [("port", f"127.0.0.1:{self._port}"), ("username", "local"), ("password", self._password)]
        return "inet_http_server", address

    def _programs(self) -> Iterable[tuple[str, list[tuple[str, str]]]]:
        factory = "supervisor.rpcinterface:make_main_rpcinterface"
        yield "rpcinterface:supervisor", [("supervisor.rpcinterface_factory", factory)]
        for priority, (group, programs) in enumerate(self._groups.items()):
            yield (
                f"group:{group}",
                [("programs", ",".join(program.name for program in programs)), ("priority", str(priority))],
            )
            for program in programs:
                yield f"program:{program.name}", self._program(program)

    def _program(self, program: Program) -> list[tuple[str, str]]:
        return [
            ("command", shlex.join(program.wrapped)),
            ("directory", str(program.directory)),
            ("autostart", "false"),
            ("autorestart", "true"),
            ("startsecs", "5"),
            ("startretries", "3"),
            ("stopsignal", program.stop.name.removeprefix("SIG")),
            ("stopwaitsecs", str(_SECONDS_BEFORE_SIGKILL)),
            ("killasgroup", "true"),
            ("redirect_stderr", "true"),
            ("stdout_logfile", f"logs/{program.name}.log"),  # relative, since supervisord would expand a % in it twice
            ("stdout_logfile_maxbytes", str(LOG_BYTES)),
            ("stdout_logfile_backups", str(OLD_LOGS)),
        ]


class ProgramWatch:
    """Notices programs that died since the last call, and never gives one up."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._pids = {state.name: state.pid for state in supervisor.states()}
        self._deaths: Counter[str] = Counter()

    def new_deaths(self) -> list[str]:
        """One line for each program that has died since the last call."""
        try:
            return [line for state in self._supervisor.states() for line in self._news(state)]
        except OSError:
            raise LocalError(
                "The supervisor has ended unexpectedly, and every process with it. Start Promptlode again."
            ) from None

    def hopeless(self) -> list[str]:
        """Programs that died again and again since the watch began."""
        return [name for name, deaths in self._deaths.items() if deaths >= _HOPELESS]

    def _news(self, state: ProgramState) -> Iterator[str]:
        if state.given_up:
            self._supervisor.retry(state.name)
            self._deaths[state.name] = _HOPELESS
            log = self._supervisor.log_of(state.name)
            yield f"{state.name} does not stay up ({state.description}); it is started again. {log}"
        elif state.pid and state.pid != self._pids.get(state.name):
            self._deaths[state.name] += bool(self._pids.get(state.name))
            self._pids[state.name] = state.pid
            yield f"{state.name} ended and was started again as process {state.pid}."


def last_lines(log: Path, count: int) -> str:
    """The end of a log, for a message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) or "(its log is empty)"
    except OSError:
        return "(it has no log)"


def _escape(value: str) -> str:
    return value.replace("%", "%%")
