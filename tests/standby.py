"""A standby of an embedded PostgreSQL, from the same wheel."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from app.local.postgres import PostgresServer
from app.local.processes import Child, free_port, wait_until


class Standby:
    """A server that follows its primary. `pause` and `resume` control the replay; `stop` ends the server."""

    def __init__(self, primary: PostgresServer, database: str) -> None:
        self._primary = primary
        self._database = database
        self._folder = primary.home / "standby"
        self.port = free_port()
        self.process = Child(2)

    @property
    def url(self) -> str:
        return self._primary.url(self._database).replace(f":{self._primary.port}/", f":{self.port}/")

    def start(self) -> None:
        programs = Path(self._primary.command[0]).parent
        copy = [
            str(programs / "pg_basebackup"),
            "-D",
            str(self._folder),
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        ]
        account = self._primary.account.popen
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        subprocess.run([*copy, "-d", self._primary.url("postgres")], check=True, env=environment, cwd="/", **account)
        command = [
            str(programs / "postgres"),
            "-D",
            str(self._folder),
            *self._primary.command[3:],
            f"--port={self.port}",
        ]
        self.process.launch(command, self._primary.home / "standby.log", env=environment, **account)
        wait_until(self.answers, 180, "the standby does not answer")

    def answers(self) -> bool:
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(self.url).close()
            return True
        return False

    def tell(self, statement: str) -> None:
        with contextlib.closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def stop(self) -> None:
        self.process.end(3)


@contextlib.contextmanager
def standby_of(primary: PostgresServer, database: str = "promptlode") -> Iterator[Standby]:
    standby = Standby(primary, database)
    standby.start()
    try:
        yield standby
    finally:
        standby.stop()
