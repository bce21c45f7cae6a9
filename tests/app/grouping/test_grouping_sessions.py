"""Values that one run of an agent repeats are no part of the prompt: runs tell the miner which calls belong together."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.app.grouping_world import World, words

RUNS, STEPS = 3, 5
"""Three texts in blocks of time would be three versions, were each not that of one run."""


def agent_calls(session_fields: Callable[[int, int], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Runs of an agent that keep a goal and a plan of their own while a history grows."""
    for run in range(RUNS):
        plan = "\n".join(f"{step}. {words(100 * run + step)}" for step in range(1, 4))
        history = ""
        for step in range(STEPS):
            text = f"You work towards a goal, step by step.\nGoal: {words(run)}\nPlan:\n{plan}\nSo far:\n{history}\nSay the next step."
            yield {"model": "m", "path": "/agent", "input": text} | session_fields(run, step)
            history += f"- {words(1000 + 10 * run + step)}\n"


@pytest.mark.parametrize(
    "session_fields",
    [
        lambda run, _: {"conversation_id": f"run-{run}"},
        lambda run, step: {"external_id": f"{UUID(int=run + 1).hex}:{step + 1:016x}"},
    ],
    ids=["by the conversation", "by the trace of OpenTelemetry"],
)
def test_runs_of_an_agent_are_one_task(world: World, session_fields: Callable[[int, int], dict[str, Any]]) -> None:
    group = world.group("/agent")
    for body in agent_calls(session_fields):
        group.take([{"started_at": world.tick().isoformat()} | body])
    assert group.run().outcome == "committed"
    assert group.calls_by_version() == [[RUNS * STEPS]]
    group.assert_exact()
