"""The reaction of a worker to messages that wait while the worker takes none."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tasks.stall import Stall
from tasks.taking import REPLACE_FACTOR, TURN_SECONDS, ConsumerWatch, Proof

PATIENCE = 10.0


@dataclass
class World:
    """A worker's proof, a queue and a clock."""

    now: float = 0.0
    depth: int = 0
    proof: Proof = field(init=False)

    def __post_init__(self) -> None:
        self.proof = Proof(clock=lambda: self.now)
        self.watch = ConsumerWatch(self.proof, lambda: self.depth, PATIENCE)
        self.proof.turn(0, consumes=True)
        self.watch.verdict()

    def pass_(self, seconds: float, *, turns: bool = True) -> str:
        self.now += seconds
        if turns:
            self.proof.turn(self.proof.in_hand, consumes=self.proof.consumes)
        return self.watch.verdict()


@pytest.fixture
def world() -> World:
    return World()


def test_a_worker_with_nothing_to_take_is_left_alone(world: World) -> None:
    assert world.pass_(1000) == "takes"


def test_a_worker_that_takes_nothing_of_what_waits_starts_its_consumer_anew_once(world: World) -> None:
    world.depth = 1
    assert [world.pass_(PATIENCE - 1), world.pass_(1), world.pass_(1)] == ["waits", "restart", "waits"]
    assert world.watch.is_deaf


def test_a_process_that_stays_deaf_is_replaced(world: World) -> None:
    world.depth = 1
    world.pass_(PATIENCE)
    assert world.pass_(PATIENCE * (REPLACE_FACTOR - 1)) == "replace"


def test_a_message_that_comes_ends_the_silence(world: World) -> None:
    world.depth = 1
    world.pass_(PATIENCE)
    world.proof.take()
    assert world.pass_(1) == "takes"
    assert not world.watch.is_deaf


def test_a_message_in_hand_is_reason_enough_to_take_no_other(world: World) -> None:
    world.depth = 1
    world.proof.in_hand = 1
    assert world.pass_(1000) == "takes"


def test_a_message_in_hand_of_a_loop_that_hangs_is_none(world: World) -> None:
    world.depth = 1
    world.proof.in_hand = 1
    assert world.pass_(TURN_SECONDS + 1, turns=False) == "restart"
    assert world.pass_(PATIENCE * REPLACE_FACTOR, turns=False) == "replace"


def test_a_worker_told_to_leave_a_queue_alone_is_not_deaf(world: World) -> None:
    world.depth = 1
    world.proof.consumes = False
    assert world.pass_(1000) == "takes"


def test_a_loop_that_has_not_turned_yet_proves_nothing() -> None:
    assert not Proof(clock=lambda: 5.0).turns


def test_a_process_that_is_replaced_begins_its_command_again_under_its_number(tmp_path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
seen = Path({str(tmp_path / "seen")!r})
print("process", os.getpid(), sys.argv, flush=True)
if not seen.exists():
    seen.touch()
    import threading
    from tasks.taking import replace_process
    threading.Thread(target=replace_process, args=([],)).start()
    threading.Event().wait()
"""
    result = subprocess.run([sys.executable, "-c", code, "an argument"], capture_output=True, text=True, check=True)
    first, second = (line for line in result.stdout.splitlines() if line.startswith("process"))
    assert first == second


class TestStall:
    def test_time_counts_while_messages_wait_and_none_is_taken(self) -> None:
        now = [0.0]
        stall = Stall(lambda: now[0])
        assert stall.seconds(1, 0, {"a": 1}) == 0
        now[0] = 7.0
        assert stall.seconds(3, 0, {"a": 1}) == 7

    @pytest.mark.parametrize(("depth", "in_hand", "taken"), [(0, 0, 1), (3, 1, 1), (3, 0, 2)])
    def test_an_empty_queue_work_in_hand_or_a_message_taken_ends_it(self, depth: int, in_hand: int, taken: int) -> None:
        now = [0.0]
        stall = Stall(lambda: now[0])
        stall.seconds(1, 0, 1)
        now[0] = 7.0
        assert stall.seconds(depth, in_hand, taken) == 0
