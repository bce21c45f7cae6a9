"""A move in child processes that die at given steps: `python moving_world.py SOURCE TARGET PROJECT STEP...`, one child per step.

The step `undo` reverts the move.
"""

import os
import signal
import sys

from app.config import Settings, with_driver
from app.moving import parts
from app.moving.move import Move
from app.store.engine import transaction
from app.store.projects import find


def engine_of(url: str):
    return parts.patient_engine(Settings(database_url=with_driver(url), redis_url="redis://127.0.0.1:1/0"))


def mover_of(source_url: str, target_url: str, project: str, tell) -> Move:
    source, target = engine_of(source_url), engine_of(target_url)
    with transaction(source) as connection:
        owner = find(connection, project)
    assert owner is not None
    return Move(source, target, owner, peer="elsewhere", tell=tell)


def move_until(source_url: str, target_url: str, project: str, fatal: str) -> None:
    def tell(step: str, _: int) -> None:
        if step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    mover = mover_of(source_url, target_url, project, tell)
    mover.undo() if fatal == "undo" else mover.run()


def main(source: str, target: str, project: str, *steps: str) -> None:
    for step in steps:
        child = os.fork()
        if child == 0:
            move_until(source, target, project, step)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(
            step, "killed" if os.WIFSIGNALED(status) else f"ended with {os.waitstatus_to_exitcode(status)}", flush=True
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
