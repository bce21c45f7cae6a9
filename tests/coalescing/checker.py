"""A small explicit-state model checker.

A model has `start()` and `steps(state)`, which yields moves: (kind, action, next state).
  world    a choice of the outside world: may happen, need not
  failure  a failure, taken from a budget that the state holds
  system   a step of the system itself: while one is possible, one happens eventually
It names forbidden states: `bad(state)` in any state, `lost(state)` in states without system steps.

The checker visits every reachable state, breadth first, so that a counter-example is a shortest one. Then it looks for a cycle of
system steps alone: a livelock.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

Action = tuple
Move = tuple[str, Action, Any]


class Model(Protocol):
    def start(self) -> Hashable: ...
    def steps(self, state: Any) -> Iterator[Move]: ...
    def bad(self, state: Any) -> str | None: ...
    def lost(self, state: Any) -> str | None: ...


@dataclass(frozen=True)
class Verdict:
    """`why` is empty when the model holds; `how` is the shortest path to the state that breaks it."""

    states: int
    why: str = ""
    how: tuple[Action, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.why


def check(model: Model, limit: int = 5_000_000) -> Verdict:
    """Visits every state. AssertionError for more than `limit` states, since then nothing is proven."""
    start = model.start()
    came_from: dict[Any, tuple[Any, Action] | None] = {start: None}
    system: dict[Any, list[Any]] = {}
    todo = deque([start])
    while todo:
        state = todo.popleft()
        onward = []
        for kind, action, following in model.steps(state):
            if following == state:
                continue
            if kind == "system":
                onward.append(following)
            if following not in came_from:
                came_from[following] = (state, action)
                todo.append(following)
        why = model.bad(state) or (None if onward else model.lost(state))
        if why:
            return Verdict(len(came_from), why, _way_to(came_from, state))
        system[state] = onward
        assert len(came_from) <= limit, "too many states to visit"
    if (state := _on_a_cycle(system)) is not None:
        return Verdict(len(came_from), "the system works for ever", _way_to(came_from, state))
    return Verdict(len(came_from))


def _way_to(came_from: dict[Any, tuple[Any, Action] | None], state: Any) -> tuple[Action, ...]:
    way = []
    while (step := came_from[state]) is not None:
        state, action = step
        way.append(action)
    return tuple(reversed(way))


def _on_a_cycle(following: dict[Any, list[Any]]) -> Any | None:
    """A state on a cycle of system steps; None when every chain of system steps ends (Kahn's algorithm)."""
    entries = dict.fromkeys(following, 0)
    for states in following.values():
        for state in states:
            entries[state] += 1
    free = [state for state, count in entries.items() if count == 0]
    while free:
        for state in following[free.pop()]:
            entries[state] -= 1
            if entries[state] == 0:
                free.append(state)
    return next((state for state, count in entries.items() if count > 0), None)
