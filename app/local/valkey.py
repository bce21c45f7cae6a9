"""A real Valkey server without installation.

Nothing is written to disk: Redis only decides when to run, and the truth is in PostgreSQL, so an empty Valkey is correct and a restart
needs no recovery.
"""

import secrets
import signal
from pathlib import Path

import redis

from app.local.binaries import valkey_server
from app.local.errors import LocalError
from app.local.processes import Child, end, find, free_port, is_free, wait_until


class ValkeyServer:
    """The server whose configuration, log and pid file are in `home`.

    `start`, `stop`, `kill` and `restart` run it as a child of this process. A supervisor instead calls `prepare` and
    runs `command`.
    """

    def __init__(self, home: Path, port: int | None = None) -> None:
        self.home = home.absolute()
        self._fixed_port = port is not None
        self.port = port or free_port()
        self._password = secrets.token_hex(16)
        self.process = Child(signal.SIGTERM)

    def url(self, database: int = 0) -> str:
        """A URL of one database; it holds the password."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/{database}"

    # Start and stop

    def prepare(self) -> None:
        """Prepare the start: folder and configuration, and the end of a server left over."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            remedy = "Set PROMPTLODE_DATA_DIR to a folder that you may write."
            raise LocalError(f"Cannot make the folder {self.home} ({error.strerror}). {remedy}") from None
        self._stop_leftover()
        self._configuration.touch(0o600)
        self._configuration.write_text("".join(f"{name} {value}\n" for name, value in self._settings.items()))

    @property
    def command(self) -> list[str]:
        return [str(valkey_server()), str(self._configuration)]

    def start(self, seconds: float = 60) -> None:
        """Start the server, and wait until it answers; a port taken meanwhile is replaced."""
        if self.is_running:
            return
        for _ in range(5):
            if self._fixed_port and not is_free(self.port):
                raise LocalError(f"Another program uses Valkey's port {self.port}. Stop that program.")
            self.prepare()
            self.process.launch(self.command, self._log)
            wait_until(lambda: self.answers() or not self.is_running, seconds, self._failure)
            if self.is_running:
                return
            self.port = self.port if self._fixed_port else free_port()
        raise LocalError(self._failure())

    def stop(self) -> None:
        """Stop the server in order."""
        self.resume()
        self.process.end()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same port, empty."""
        self.stop()
        self._fixed_port = True
        self.start()

    def pause(self) -> None:
        """Suspend the server while its port stays open, as a swapping machine does; `resume` ends that."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send(signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        return self.process.is_running

    def answers(self) -> bool:
        """Whether it answers commands."""
        client = redis.Redis.from_url(self.url(), socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    # Files and process

    @property
    def _configuration(self) -> Path:
        return self.home / "valkey.conf"

    @property
    def _log(self) -> Path:
        return self.home / "valkey.log"

    @property
    def _pid_file(self) -> Path:
        return self.home / "valkey.pid"

    @property
    def _settings(self) -> dict[str, str]:
        """Settings; the password is here because command lines are public."""
        return {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self._password,
            "save": '""',
            "appendonly": "no",
            "daemonize": "no",
            "dir": _quoted(self.home),
            "pidfile": _quoted(self._pid_file),
            "maxmemory-policy": "noeviction",
        }

    def _stop_leftover(self) -> None:
        """Stop a server that outlived its killed launcher."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return
        if leftover := find(pid, "valkey-server"):
            end([leftover])
        self._pid_file.unlink(missing_ok=True)

    def _failure(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-3:] if self._log.exists() else []
        return f"Valkey did not start in {self.home}: {' '.join(lines) or 'it said nothing'}"


def _quoted(path: Path) -> str:
    """A path as one word of a configuration."""
    return '"' + str(path).replace("\\", r"\\").replace('"', r"\"") + '"'
