"""Turns: a project alone has every thread, beside others a share, and no project waits behind another's requests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.front.turns import MOST_WAITING, PRESENT, SHARE, TooManyWaitingError, Turns

THREADS = 8


class World:
    """A world of requests that work until a test ends them, on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.turns = Turns(THREADS, lambda: self.now)
        self.working: list[tuple[str, asyncio.Event]] = []
        self.refused = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def send(self, name: str, number: int = 1) -> None:
        self._tasks += [asyncio.create_task(self._request(name)) for _ in range(number)]
        await asyncio.sleep(0)

    async def _request(self, name: str) -> None:
        over = asyncio.Event()
        try:
            async with self.turns.turn(name):
                self.working.append((name, over))
                await over.wait()
        except TooManyWaitingError:
            self.refused += 1

    async def end(self, position: int = 0) -> str:
        """Ends the request that has worked longest, or the given one. Returns the name of its project."""
        name, over = self.working.pop(position)
        over.set()
        for _ in range(4):
            await asyncio.sleep(0)
        return name

    def at_work(self, name: str) -> int:
        return sum(party == name for party, _ in self.working)

    async def finish(self) -> None:
        while self.working:
            await self.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cancel(self, position: int) -> None:
        self._tasks[position].cancel()


def played(story: Callable[[World], Awaitable[None]]) -> None:
    async def play() -> None:
        world = World()
        await story(world)
        await world.finish()
        assert world.turns._working == 0

    asyncio.run(play())


def test_alone_a_project_has_every_thread() -> None:
    async def story(world: World) -> None:
        await world.send("flood", 20)
        assert world.at_work("flood") == THREADS

    played(story)


def test_the_project_that_comes_second_is_next_however_much_waits() -> None:
    async def story(world: World) -> None:
        await world.send("flood", 200)
        await world.send("quiet")
        assert world.at_work("quiet") == 0
        await world.end()
        assert world.at_work("quiet") == 1

    played(story)


def test_beside_another_a_project_has_a_share_and_later_everything_again() -> None:
    async def story(world: World) -> None:
        await world.send("quiet")
        await world.send("flood", 100)
        assert world.at_work("flood") == THREADS // SHARE
        assert await world.end() == "quiet"
        await world.end()
        assert world.at_work("flood") == THREADS // SHARE
        world.now += PRESENT + 0.1
        await world.end()
        assert world.at_work("flood") == THREADS

    played(story)


def test_three_floods_take_turns() -> None:
    async def story(world: World) -> None:
        for name in ("a", "b", "c"):
            await world.send(name, 30)
        for _ in range(THREADS):  # the threads of "a" while "a" was alone
            await world.end()
        ended = [await world.end() for _ in range(30)]
        assert {name: ended.count(name) for name in "abc"} == {"a": 10, "b": 10, "c": 10}

    played(story)


def test_a_request_that_would_only_grow_old_is_refused_and_others_are_not() -> None:
    async def story(world: World) -> None:
        await world.send("flood", THREADS + MOST_WAITING + 5)
        assert world.refused == 5
        await world.send("quiet")
        assert world.refused == 5

    played(story)


def test_a_thousand_addresses_that_are_gone_are_forgotten() -> None:
    async def story(world: World) -> None:
        for number in range(1000):
            await world.send(f"address {number}")
            await world.end()
        world.now += PRESENT + 0.1
        await world.send("one")
        await world.end()
        assert len(world.turns._parties) == 1

    played(story)


@given(
    st.lists(st.tuples(st.sampled_from(["send a", "send b", "end", "cancel", "wait"]), st.integers(0, 30)), max_size=80)
)
def test_no_thread_is_lost_and_none_is_idle_while_somebody_alone_waits(steps: list[tuple[str, int]]) -> None:
    async def story(world: World) -> None:
        for step, number in steps:
            await _do(world, step, number)
            assert len(world.working) <= THREADS
            waiting = {name for name, party in world.turns._parties.items() if party.waiting}
            assert not waiting or world.working

    async def _do(world: World, step: str, number: int) -> Any:
        if step.startswith("send"):
            return await world.send(step[-1])
        if step == "wait":
            world.now += number / 10
        elif step == "end" and world.working:
            return await world.end(number % len(world.working))
        elif step == "cancel" and len(world._tasks) > number:
            await _cancel(world, number)
        return None

    async def _cancel(world: World, number: int) -> None:
        """Gives up a request that still waits: no thread can be called back."""
        before = len(world.working)
        if not any(party.waiting for party in world.turns._parties.values()):
            return
        party = next(party for party in world.turns._parties.values() if party.waiting)
        party.waiting[number % len(party.waiting)].cancel()
        await asyncio.sleep(0)
        assert len(world.working) == before

    played(story)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_few_threads_are_shared_too(threads: int) -> None:
    async def story(_: World) -> None:
        turns = Turns(threads)
        ended: list[str] = []

        async def ask(name: str) -> None:
            async with turns.turn(name):
                await asyncio.sleep(0)
                ended.append(name)

        await asyncio.wait_for(asyncio.gather(*(ask(name) for name in "aaaabbbb")), 60)
        assert sorted(ended) == list("aaaabbbb")

    played(story)
