"""The demo's table of found tasks."""

from io import StringIO
from typing import Any

from rich.console import Console

from app.local.demo import TaskFound, missing, table
from app.sample import EXPECTED, ExpectedTask


def found(expected: ExpectedTask, **changes: Any) -> TaskFound:
    """The API's answer for a task that was found exactly as expected."""
    task = {"name": "A task", "path": expected.path, "versions": len(expected.versions), "calls": expected.calls}
    template = [{"role": "user", "text": "Sort {{ticket}} with [/INST] at the end"}]
    return TaskFound(task | {"template": template} | changes, [{"version": 1, "slots": ["ticket"]}])


def test_if_everything_was_found_nothing_is_missing() -> None:
    assert missing(found(task) for task in EXPECTED) == []


def test_a_task_that_was_not_found_is_missing() -> None:
    assert missing(found(task) for task in EXPECTED[1:]) == [EXPECTED[0]]


def test_a_task_with_another_number_of_versions_is_missing() -> None:
    split = [found(EXPECTED[0], versions=7), *(found(task) for task in EXPECTED[1:])]
    assert missing(split) == [EXPECTED[0]]


def test_a_task_with_half_of_its_calls_is_missing() -> None:
    half = [found(EXPECTED[0], calls=EXPECTED[0].calls // 2), *(found(task) for task in EXPECTED[1:])]
    assert missing(half) == [EXPECTED[0]]


def test_one_found_task_does_not_stand_for_two_expected_ones_of_its_path() -> None:
    path = next(task.path for task in EXPECTED if [expected.path for expected in EXPECTED].count(task.path) == 2)
    tasks_of_path = [task for task in EXPECTED if task.path == path]
    larger = max(tasks_of_path, key=lambda task: task.calls)
    assert [task for task in missing([found(larger)]) if task.path == path] == [
        task for task in tasks_of_path if task is not larger
    ]


def test_brackets_of_a_prompt_are_shown_as_they_are() -> None:
    screen = StringIO()
    Console(file=screen, width=200).print(table([found(EXPECTED[0])]))
    assert "[/INST]" in screen.getvalue()


def test_the_newest_versions_slots_are_shown() -> None:
    task = found(EXPECTED[0])
    task.implementations.append({"version": 2, "slots": ["ticket", "language"]})
    assert task.slots == ["ticket", "language"]
