"""A real RabbitMQ for the tests, where one is installed (`apt install rabbitmq-server`); Debian's service is not used.

The node, its data, its cookie and its own port mapper (epmd) use one folder and free ports. A shared epmd would stay on port 4369
for ever.
"""

import os
import secrets
import shutil
import signal
from pathlib import Path

import psutil
from kombu import Connection

from app.local.processes import Child, free_port, wait_until

MISSING = (
    "RabbitMQ is not installed, so nothing was tested with it as the broker. "
    "Install it (Debian, Ubuntu: apt install rabbitmq-server; macOS: brew install rabbitmq) and run again."
)

#: Debian's own command in /usr/sbin insists on the account of its service; these run as whoever calls them.
PACKAGED = "/usr/lib/rabbitmq/bin"


def rabbitmq_program() -> str | None:
    """The path of rabbitmq-server; None where it is not installed."""
    return shutil.which("rabbitmq-server", path=os.pathsep.join((PACKAGED, os.environ.get("PATH", ""))))


class RabbitServer:
    """One node with its data in `home`, which survives `kill` and `restart`."""

    def __init__(self, home: Path, program: str) -> None:
        home.mkdir(mode=0o700, parents=True)
        self._home = home
        self._program = program
        self._password = secrets.token_hex(8)
        self._port, self._dist_port, self._epmd_port = free_port(), free_port(), free_port()
        self._epmd, self._node = Child(signal.SIGTERM), Child(signal.SIGTERM)

    @property
    def url(self) -> str:
        return f"amqp://promptlode:{self._password}@127.0.0.1:{self._port}//"

    @property
    def is_running(self) -> bool:
        return self._node.is_running

    def start(self) -> None:
        """Start and wait until it takes connections."""
        (self._home / "rabbitmq.conf").write_text(self._configuration)
        (self._home / "plugins").write_text("[].\n")
        self._epmd.launch(["epmd", "-port", str(self._epmd_port)], self._home / "epmd.log", env=self._environment)
        self._node.launch([self._program], self._home / "node.log", env=self._environment)
        wait_until(lambda: self.answers() or not self.is_running, 180, self._failure, pause=0.2)
        assert self.is_running, self._failure()

    def kill(self) -> None:
        """SIGKILL of the node: queues and confirmed messages are on its disk."""
        self._node.end(signal.SIGKILL)
        self._epmd.end(signal.SIGKILL)

    def restart(self) -> None:
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stops the node from answering while its port stays open, until `resume`."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """Stops the node for good: its data is not needed any more."""
        self.kill()
        shutil.rmtree(self._home)

    def answers(self) -> bool:
        """Whether the node takes connections."""
        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.connect()
        except (OSError, *Connection(self.url).connection_errors):
            return False
        return True

    @property
    def _configuration(self) -> str:
        """The node's settings: little disk and memory, whatever this machine has."""
        return "".join(
            f"{name} = {value}\n"
            for name, value in {
                "listeners.tcp.1": f"127.0.0.1:{self._port}",
                "default_user": "promptlode",
                "default_pass": self._password,
                "disk_free_limit.absolute": "50MB",
                "log.console": "true",
                "log.file": "false",
            }.items()
        )

    @property
    def _environment(self) -> dict[str, str]:
        home = str(self._home)
        return {
            "PATH": os.environ["PATH"],
            "HOME": home,  # for the cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"promptlode-{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": f"{home}/data",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq",
            "RABBITMQ_CONF_ENV_FILE": f"{home}/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
            # One scheduler that sleeps when idle: by default each core has a scheduler that spins.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def _send(self, message: signal.Signals) -> None:
        """The program is a shell script, the node one of its children."""
        for process in psutil.Process(self._node.pid).children(recursive=True):
            process.send_signal(message)

    def _failure(self) -> str:
        return f"RabbitMQ did not start: {(self._home / 'node.log').read_text(errors='replace')[-2000:]}"
