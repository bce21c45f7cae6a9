"""Tasks and their versions as traffic changes: edits, models, returns, widening, splits, reviews."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.grouping.run import left_unfinished, reviews_due
from app.intake.trace import read_trace
from app.reading import tasks
from app.store import calls
from app.store.review_times import REVIEWED_AGAIN, REVIEWED_AGAIN_CALLS
from app.store.tables import implementation, task, template, trace
from app.store.templates import implementation_for
from tests.app.grouping_world import (
    EDITED,
    REPORT,
    TRIAGE,
    Group,
    World,
    frozen,
    miner_that_finds,
    report,
    reports_of_two_days,
    summary,
    tasks_of_two_days,
    triage,
    triage_edited,
    words,
)

# --- edits


def test_an_edited_prompt_becomes_the_next_version(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(10)))
    group.run()
    group.send(map(triage_edited, range(10, 16)))
    group.run()
    assert group.versions_of_tasks == [[(1, 10), (2, 6)]]
    group.assert_exact()


def test_edits_found_in_one_run_are_numbered_in_the_order_of_time(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(10)))
    group.send(map(triage_edited, range(10, 16)))
    group.run()
    [task_row] = group.tasks
    first, second = group.versions(task_row.id)
    assert "When in doubt" not in first.text
    assert "When in doubt" in second.text
    assert (first.number, first.calls, second.number, second.calls) == (1, 10, 2, 6)


def test_a_return_to_the_old_prompt_is_its_old_version(world: World) -> None:
    group = world.group()
    for prompt, numbers in ((triage, range(10)), (triage_edited, range(10, 20)), (triage, range(20, 25))):
        group.send(map(prompt, numbers))
        group.run()
    assert group.versions_of_tasks == [[(1, 15), (2, 10)]]


def test_judges_with_one_preamble_used_side_by_side_are_two_tasks(world: World) -> None:
    group = world.group()
    for number in range(20):
        for rule in (
            "Rate how correct the answer is, against the facts that every encyclopaedia has. Ignore style.",
            "Rate how polite the answer is towards a customer who may be angry. Ignore the facts.",
        ):
            group.send([f"Answer:\n{words(number)}\n\nRating:"], instructions=f"You are an impartial judge. {rule}")
    group.run()
    assert group.versions_of_tasks == [[(1, 20)], [(1, 20)]]


def test_alike_prompts_used_side_by_side_are_two_tasks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED))
    group = world.group()
    for number in range(20):
        group.send([triage(number), triage_edited(number)])
    group.run()
    assert group.versions_of_tasks == [[(1, 20)], [(1, 20)]]
    assert len({task_row.name for task_row in group.tasks}) == 2


def sort_mail(customer: str, number: int) -> str:
    return triage(number).replace("Classify the support ticket", f"Sort the mail of {customer}")


def test_a_task_is_named_after_the_template_that_remains_when_another_leaves(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a task whose newer version was found with a value, and was widened
    narrow, wide = (
        TRIAGE.replace("Classify the support ticket", f"Sort the mail of {customer}")
        for customer in ("Bo", "{{customer}}")
    )
    group = world.group()
    sent_and_found = (
        (triage, TRIAGE, {}),
        (partial(sort_mail, "Bo"), narrow, {}),
        (partial(sort_mail, "Eve"), wide, {wide: narrow}),
    )
    for prompt, template_found, supersedes in sent_and_found:
        stand_in = miner_that_finds(template_found, supersedes=supersedes)
        monkeypatch.setattr("app.grouping.mining.mine_templates", stand_in)
        group.send(map(prompt, range(8)))
        group.run()
    assert [task_row.name for task_row in group.tasks] == ["Sort the mail"]

    # When its two versions are used side by side for long
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, wide))
    for number in range(8, 60):
        group.send([triage(number), sort_mail("Eve", number)])
    group.want("review")
    group.run()

    # Then the task of each template is named after it
    openings = [group.versions(task_row.id)[0].text.split(" below")[0] for task_row in group.tasks]
    assert openings == ["Classify the support ticket", "Sort the mail of {{mail}}"]
    assert [task_row.name for task_row in group.tasks] == ["Classify the support ticket", "Sort the mail"]


def test_a_roll_out_that_mixes_both_for_a_while_is_one_task(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(20)))
    for number in range(20, 23):
        group.send([triage_edited(number)])
        group.send([triage(number)])
    group.send(map(triage_edited, range(23, 43)))
    group.run()
    assert group.versions_of_tasks == [[(1, 23), (2, 23)]]


def test_call_sites_of_a_young_path_part_in_a_run_that_reviews_neither(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two call sites of which one was taken for an edit of the other
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED))
    group = world.group()
    for prompts in (map(triage, range(8)), map(triage_edited, range(3))):
        group.send(prompts)
        group.run()
    assert group.versions_of_tasks == [[(1, 8), (2, 3)]]

    # When both went on for a while, and a run reads a call that is of neither
    for number in range(8, 26):
        group.send([triage(number), triage_edited(number)])
    group.send([words(1)])
    group.run()

    # Then each has its task
    assert group.runs[-1].reviewed == 0
    assert group.versions_of_tasks == [[(1, 26)], [(1, 21)]]


def test_a_second_call_site_that_came_later_gets_its_own_task_in_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED))
    group = world.group()
    group.send(map(triage, range(30)))
    group.run()
    group.send(map(triage_edited, range(3)))
    group.run()
    assert group.versions_of_tasks == [[(1, 30), (2, 3)]]  # as an edit would look
    before = world.rows(select(implementation).order_by(implementation.c.version))
    for number in range(40):
        group.send([triage(number), triage_edited(number)])

    group.want("review")
    group.run()

    assert group.versions_of_tasks == [[(1, 70)], [(1, 43)]]
    assert len({task_row.name for task_row in group.tasks}) == 2
    assert {implementation_row.id for implementation_row in before} == {
        implementation_row.id for implementation_row in world.rows(select(implementation))
    }
    group.assert_exact()


# --- models and settings


def test_few_calls_in_turns_tell_a_second_call_site_when_either_is_reviewed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED))
    group = world.group()
    group.send(map(triage, range(3)))
    group.run()
    group.send(map(triage_edited, range(3)))
    group.run()
    for number in range(3, 10):
        group.send([triage(number), triage_edited(number)])
    assert group.versions_of_tasks == [[(1, 10), (2, 10)]]

    group.want("review")
    group.run()

    assert group.versions_of_tasks == [[(1, 10)], [(1, 10)]]


def test_a_known_prompt_on_a_new_model_is_the_next_version(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    group.run()
    group.send(map(triage, range(5, 8)), model="gpt-6")
    [task_row] = group.tasks
    assert [(version.number, version.model, version.calls) for version in group.versions(task_row.id)] == [
        (1, "gpt-5-mini", 5),
        (2, "gpt-6", 3),
    ]


@pytest.mark.parametrize(
    ("fields", "versions"),
    [
        ({"temperature": 0.2}, 2),
        ({"tools": [{"type": "function", "name": "find_order"}]}, 2),
        ({"response_format": {"type": "json_object"}}, 2),
        ({"max_output_tokens": 7}, 1),
        ({"user_id": "anna"}, 1),
    ],
)
def test_settings_that_change_what_a_call_is_make_a_version(
    world: World, fields: dict[str, Any], versions: int
) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    group.send(map(triage, range(5, 10)), **fields)
    group.run()
    [task_row] = group.tasks
    assert len(group.versions(task_row.id)) == versions


def test_the_same_tools_in_another_order_are_no_version() -> None:
    tools = [{"type": "function", "name": name} for name in ("find_order", "cancel_order")]
    bodies = [{"model": "m", "path": "/p", "input": "Hi", "tools": order} for order in (tools, tools[::-1], tools[:1])]
    digests = [read_trace(body).settings_digest for body in bodies]
    assert (digests[0] == digests[1], digests[0] == digests[2]) == (True, False)


def test_a_version_keeps_settings_and_tools_of_its_calls(world: World) -> None:
    group = world.group()
    tools = [{"type": "function", "name": "find_order"}]
    group.send(map(triage, range(5)), temperature=0.2, tools=tools, max_output_tokens=9)
    group.run()
    [row] = world.rows(select(implementation))
    assert (row.settings, row.tools, row.made_by) == ({"temperature": 0.2}, tools, "auto")


def test_many_versions_of_a_run_are_numbered_in_the_order_of_their_first_calls(world: World) -> None:
    group = world.group()
    temperatures = [number * 7 % 50 / 50 for number in range(50)]
    for number, temperature in enumerate(temperatures):
        group.send([triage(number)], temperature=temperature)
    group.run()
    rows = world.rows(select(implementation).order_by(implementation.c.version))
    assert [row.version for row in rows] == list(range(1, 51))
    assert [row.settings["temperature"] for row in rows] == temperatures


def test_versions_made_at_the_same_time_have_different_numbers(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    group.run()
    [known] = group.templates
    start = threading.Barrier(6, timeout=90)
    versions: list[Any] = []

    def make(model: str) -> None:
        with world.engine.begin() as connection:
            start.wait()
            versions.append(
                implementation_for(connection, known.id, model=model, settings={}, tools=None, settings_digest="x")
            )

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(make, [f"model-{number % 3}" for number in range(6)]))
    assert (len(versions), len(set(versions))) == (6, 3)
    assert [version.number for version in group.versions(known.task_id)] == [1, 2, 3, 4]


# --- widening


def test_a_date_that_was_frozen_is_widened(world: World) -> None:
    group = world.group()
    for day in range(1, 5):
        group.send(report(day, 10 * day + number) for number in range(6))
        group.run()
    assert group.versions_of_tasks == [[(1, 24)]]
    group.assert_exact()


def test_a_wider_template_takes_the_place_of_the_old_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(frozen(1)))
    group = world.group()
    first = group.send(report(1, number) for number in range(6))
    group.run()
    [before] = world.rows(select(implementation))
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT, supersedes={REPORT: frozen(1)}))
    group.send(report(2, number) for number in range(3))

    group.run()

    [after] = world.rows(select(implementation))
    assert (after.id, after.version, group.versions_of_tasks) == (before.id, 1, [[(1, 9)]])
    assert [row.variables for row in group.calls(first)] == [["1", words(number)] for number in range(6)]
    assert {row.implementation_id for row in group.calls(first)} == {before.id}
    old, new = group.templates
    assert (old.replaced_by, old.retired_at is None, new.retired_at) == (new.id, False, None)
    group.assert_exact()


def test_one_template_in_place_of_two_versions_leaves_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = reports_of_two_days(world, monkeypatch)
    assert group.versions_of_tasks == [[(1, 6), (2, 6)]]
    second = next(row for row in world.rows(select(implementation)) if row.version == 2)
    with world.engine.begin() as connection:
        connection.execute(update(task).values(production_implementation_id=second.id))

    widen_both(group, monkeypatch)

    assert group.versions_of_tasks == [[(1, 15)]]
    [shown] = group.tasks
    assert shown.production_implementation_id != second.id
    group.assert_exact()


def test_a_new_template_related_to_a_known_one_has_that_mined_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(frozen(1)))
    group = world.group()
    group.send(report(1, number) for number in range(6))
    group.run()

    def mine(prompts: Any, options: Any, known: Any, sessions: Any) -> Any:
        """A miner that finds the next day's template while the first day's is known, and the true template in the
        calls of both days.
        """
        return miner_that_finds(frozen(2) if known else REPORT)(prompts, options, known)

    monkeypatch.setattr("app.grouping.mining.mine_templates", mine)
    group.send(report(2, number) for number in range(6))
    group.run()
    assert group.versions_of_tasks == [[(1, 12)]]
    group.assert_exact()


def widen_both(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT))
    group.send(report(3, number) for number in range(3))
    group.run()


def test_two_tasks_that_turn_out_to_be_one_are_merged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = tasks_of_two_days(world, monkeypatch)
    first, second = group.tasks

    widen_both(group, monkeypatch)

    assert [task_row.id for task_row in group.tasks] == [first.id]
    assert world.rows(select(task.c.merged_into).where(task.c.id == second.id))[0][0] == first.id
    assert group.versions_of_tasks == [[(1, 13)]]
    group.assert_exact()


def test_a_merged_task_keeps_the_name_that_a_person_gave(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group = tasks_of_two_days(world, monkeypatch)
    second = group.tasks[1]
    with world.engine.begin() as connection:
        connection.execute(
            update(task).where(task.c.id == second.id).values(name="Lighthouse diary", name_by_person=True)
        )
    widen_both(group, monkeypatch)
    assert [task_row.name for task_row in group.tasks] == ["Lighthouse diary"]


def test_a_call_matched_while_its_template_was_replaced_is_matched_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(frozen(1)))
    group = world.group()
    group.send(report(1, number) for number in range(6))
    group.run()
    [late] = group.send([report(1, 7)])
    before = group.calls([late])[0]
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT, supersedes={REPORT: frozen(1)}))
    group.send(report(2, number) for number in range(3))
    group.run()
    with world.engine.begin() as connection:  # a web process with the templates of before the run
        old_values = {"template_id": before.template_id, "variables": before.variables}
        connection.execute(update(trace).where(trace.c.id == late).values(old_values))
        same_id = implementation_for(
            connection,
            before.template_id,
            model="gpt-5-mini",
            settings={},
            tools=None,
            settings_digest=before.settings_digest,
        )
    assert same_id == before.implementation_id
    assert unfinished(world) == [group.id]

    group.run()

    assert group.calls([late])[0].variables == ["1", words(7)]
    assert unfinished(world) == []
    group.assert_exact()


# --- reviews


ASK = "You help the customers of a shop for boots and tents.\n\n{{question}}"
RULE = "Answer in at most two sentences and never promise a refund."
ASK_EDITED = f"You help the customers of a shop for boots and tents.\n\n{RULE}\n\n{{{{question}}}}"


def ask(number: int) -> str:
    return ASK.replace("{{question}}", words(number))


def ask_edited(number: int) -> str:
    return ASK_EDITED.replace("{{question}}", words(number))


def due(world: World) -> list[Any]:
    with world.engine.connect() as connection:
        return reviews_due(connection)


def unfinished(world: World) -> list[Any]:
    with world.engine.connect() as connection:
        return left_unfinished(connection)


def with_a_swallowed_edit(world: World, **settings: Any) -> tuple[Group, list[Any]]:
    """A template whose slot has swallowed the calls of an edited prompt. Returns the ids of these calls."""
    group = world.group()
    group.send(map(ask, range(30)))
    group.run(**settings)
    edited = group.send(map(ask_edited, range(30, 60)))
    assert group.versions_of_tasks == [[(1, 60)]]
    return group, edited


def assert_edit_is_version_2(group: Group, edited: list[Any]) -> None:
    assert group.versions_of_tasks == [[(1, 30), (2, 30)]]
    assert RULE in group.versions(group.tasks[0].id)[1].text
    assert [row.variables for row in group.calls(edited)] == [[words(number)] for number in range(30, 60)]
    group.assert_exact()


def test_an_edit_that_a_slot_has_swallowed_becomes_a_version_in_a_review(world: World) -> None:
    group, edited = with_a_swallowed_edit(world, grouping_review_after=50)
    assert due(world) == [group.id]
    group.want("review")
    assert group.run().outcome == "committed"
    assert_edit_is_version_2(group, edited)
    assert due(world) == []


@pytest.mark.parametrize("old", [ASK, ASK.replace("{{question}}", "{{question}} {{number}}")], ids=["again", "recut"])
@pytest.mark.parametrize("wish", ["review", "all"])
def test_an_edit_that_the_miner_tells_apart_leaves_the_template_that_swallowed_it(
    world: World, monkeypatch: pytest.MonkeyPatch, wish: Any, old: str
) -> None:
    group, edited = with_a_swallowed_edit(world, grouping_review_after=50)
    [before] = world.rows(select(implementation))
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(old, ASK_EDITED))
    monkeypatch.setattr("app.grouping.rematching.REMATCHED_CALLS", 7)
    group.want(wish)

    group.run()

    assert_edit_is_version_2(group, edited)
    first = next(row for row in world.rows(select(implementation)) if row.version == 1)
    assert first.id == before.id


@pytest.mark.parametrize("batches", range(0, 10, 2))
def test_a_review_killed_half_way_is_taken_up_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    group, edited = with_a_swallowed_edit(world, grouping_review_after=50)
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(ASK, ASK_EDITED))
    monkeypatch.setattr("app.grouping.windows.REVIEW_SAMPLE_CALLS", 6)
    monkeypatch.setattr("app.grouping.rematching.REMATCHED_CALLS", 5)
    group.want("review")
    batches_left = iter(range(batches))

    def stop_in_the_batches() -> bool:
        return len(group.templates) == 2 and next(batches_left, None) is None

    assert group.run(should_stop=stop_in_the_batches).has_more
    assert unfinished(world) == [group.id]

    group.run()

    assert_edit_is_version_2(group, edited)
    assert [template_row.rematch_after for template_row in group.templates] == [None, None]


@pytest.mark.parametrize(
    "later_value",
    [
        "You help the customers of a shop for boots and tents.\n\nMonday: {{question}}",
        "You help the customers of a shop for boots and tents.\n\nWhat is the weight of your smallest tent for two?",
    ],
    ids=["a day", "one value lately"],
)
def test_a_value_that_changes_over_time_is_no_edit(world: World, later_value: str) -> None:
    group = world.group()
    group.send(map(ask, range(30)))
    group.run(grouping_review_after=50)
    group.send(later_value.replace("{{question}}", words(number)) for number in range(30, 60))
    group.want("review")
    group.run()
    assert group.versions_of_tasks == [[(1, 60)]]


def test_an_optional_part_that_comes_and_goes_is_no_edit(world: World) -> None:
    group = world.group()
    group.send(map(ask, range(12)))
    group.run(grouping_review_after=50)
    for number in range(12, 60, 2):
        group.send([ask(number), ask_edited(number + 1)])
    group.send(map(ask_edited, range(60, 72)))
    group.want("review")
    group.run()
    assert group.versions_of_tasks == [[(1, 72)]]


def test_a_narrower_sample_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group, _ = with_a_swallowed_edit(world, grouping_review_after=50)
    monkeypatch.setattr(
        "app.grouping.mining.mine_templates", miner_that_finds(ASK.replace("{{question}}", "{{a}} {{b}}"))
    )
    group.want("review")
    group.run()
    assert group.versions_of_tasks == [[(1, 60)]]
    assert len(group.templates) == 1


def test_a_template_of_two_prompts_gives_way_to_the_prompt_that_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds("{{some}} below {{more}}:"))
    group = world.group()
    calls = group.send(map(triage, range(30)))
    group.run(grouping_review_after=20)
    [before] = world.rows(select(implementation))
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE))
    group.want("review")

    group.run()

    assert group.versions_of_tasks == [[(1, 30)]]
    [after] = world.rows(select(implementation))
    assert after.id == before.id
    assert group.versions(group.tasks[0].id)[0].text == TRIAGE
    assert [row.variables for row in group.calls(calls)] == [[words(number)] for number in range(30)]
    group.assert_exact()


def test_a_version_whose_calls_all_turn_out_to_be_of_another_is_not_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, _ = with_a_swallowed_edit(world, grouping_review_after=50)
    also = group.send(map(ask_edited, range(60, 63)), model="gpt-6")
    assert group.versions_of_tasks == [[(1, 60), (2, 3)]]
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(ASK, ASK_EDITED))
    group.want("review")

    group.run()

    assert group.versions_of_tasks == [[(1, 30), (3, 30), (4, 3)]]
    with world.engine.connect() as connection:
        task_id = group.tasks[0].id
        listed = tasks.implementations(connection, group.project_id, task_id, limit=9)
        [row] = tasks.page(connection, group.project_id, path=None, limit=9, before=None)
    assert [item.version for item in listed] == [1, 3, 4]
    assert row.versions == 3
    assert {call.model for call in group.calls(also)} == {"gpt-6"}

    group.send([ask(70)], model="gpt-6")

    assert group.versions_of_tasks == [[(1, 30), (2, 1), (3, 30), (4, 3)]]


def test_a_review_may_widen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(frozen(1)))
    group = world.group()
    group.send(report(1, number) for number in range(6))
    group.run(grouping_review_after=5)
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds())
    group.send(report(2, number) for number in range(2))
    group.run()
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT))
    group.want("review")
    group.run()
    assert group.versions_of_tasks == [[(1, 8)]]
    group.assert_exact()


def test_a_template_found_again_takes_the_calls_of_a_narrower_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT, frozen(3)))
    group = world.group()
    group.send(report(day, number) for day in (1, 2, 3) for number in range(6))
    group.run()
    assert sum(len(versions) for versions in group.versions_of_tasks) == 2
    wide, narrow = group.templates
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT))
    group.want("all")

    group.run()

    assert group.versions_of_tasks == [[(1, 18)]]
    assert [template_row.replaced_by for template_row in group.templates] == [None, wide.id]
    assert narrow.id != wide.id
    group.assert_exact()


def test_a_template_that_was_a_mixture_of_two_prompts_is_split(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds("{{anything}}:{{more}}"))
    group = world.group()
    for number in range(6):
        group.send([triage(number)])
        group.send([f"Notes: {words(number)}\nWrite one line about them for the minutes."], model="gpt-6")
    group.run()
    assert group.versions_of_tasks == [[(1, 6), (2, 6)]]
    first, second = world.rows(select(implementation).order_by(implementation.c.version))
    notes = "Notes: {{notes}}\nWrite one line about them for the minutes."
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, notes))
    group.want("all")

    group.run()

    assert group.versions_of_tasks == [[(1, 6)], [(1, 6)]]
    assert [task_row.name for task_row in group.tasks] == ["Classify the support ticket", "Write one line about them"]
    assert [group.versions(task_row.id)[0].model for task_row in group.tasks] == ["gpt-5-mini", "gpt-6"]
    assert {row.id for row in world.rows(select(implementation))} == {first.id, second.id}
    group.assert_exact()


FRAME = "Classify the support ticket below into one of: billing, delivery, {{last}}\n\nTicket: {{ticket}}\nLabel:"
"""A template that matches the calls of `triage` and of `triage_edited`."""


def triage_framed(number: int) -> str:
    return triage(number).replace("other.", "returns, or none.")


def test_a_task_whose_last_template_another_task_takes_over_leads_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(FRAME, EDITED))
    group = world.group()
    for number in range(10):
        group.send([triage_framed(number), triage_edited(number)])
    group.run()
    first, second = group.tasks

    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(FRAME))
    group.want("all")
    group.run()

    assert group.versions_of_tasks == [[(1, 20)]]
    assert group.tasks[0].id == first.id
    assert world.rows(select(task.c.merged_into).where(task.c.id == second.id)) == [(first.id,)]
    group.assert_exact()


def test_a_template_that_takes_over_the_calls_of_another_task_goes_there_if_its_own_task_has_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two tasks, and a version of the first one that matches the second one's calls too
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED))
    group = world.group()
    for number in range(10):
        group.send([triage(number), triage_edited(number)])
    group.run()
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED, FRAME))
    group.send(map(triage_framed, range(3)))
    group.run()
    before = group.tasks
    assert group.versions_of_tasks == [[(1, 10), (2, 3)], [(1, 10)]]

    # When that version turns out to be the wider form of the second task's template
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, FRAME))
    group.want("all")
    group.run()

    # Then the second task goes on with it, and nothing else changes
    assert [(task_row.id, task_row.name) for task_row in group.tasks] == [(row.id, row.name) for row in before]
    assert [[version.calls for version in group.versions(row.id)] for row in before] == [[10], [13]]
    group.assert_exact()


def test_a_wider_template_joins_no_tasks_that_have_other_prompts_in_use(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two tasks of two versions each
    returns, mail = TRIAGE.replace("other.", "returns."), EDITED.replace("Ticket", "Mail")
    group = world.group()
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED))
    for number in range(10):
        group.send([triage(number), triage_edited(number)])
    group.run()
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED, returns, mail))
    for prompts in (
        (returns.replace("{{ticket}}", words(number)) for number in range(3)),
        (mail.replace("{{ticket}}", words(number)) for number in range(4)),
    ):
        group.send(prompts)
        group.run()
    before = group.tasks
    assert group.versions_of_tasks == [[(1, 10), (2, 3)], [(1, 10), (2, 4)]]

    # When one template is found for the calls of a version of each
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, FRAME, mail))
    group.want("all")
    group.run()

    # Then it goes on in the task that most of its calls come from, and the other task has the other version
    assert [(task_row.id, task_row.name) for task_row in group.tasks] == [(row.id, row.name) for row in before]
    assert [sorted(version.calls for version in group.versions(row.id)) for row in before] == [[10], [4, 13]]
    group.assert_exact()


def test_a_better_text_brings_a_task_together_with_the_one_that_it_is_an_edit_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scraps, wide, edited = "{{a}}\nTicket: {{b}}\nLabel:", TRIAGE + "{{end}}", EDITED.replace("Ticket", "Mail")
    group = world.group()
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(scraps))
    group.send(triage(number) for number in range(6))
    group.run()
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(edited))
    group.send(triage_edited(number).replace("Ticket", "Mail") for number in range(6))
    group.run()
    assert group.versions_of_tasks == [[(1, 6)], [(1, 6)]]

    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(wide, supersedes={wide: scraps}))
    group.send([triage(9) + " now"])
    group.run()

    assert group.versions_of_tasks == [[(1, 7), (2, 6)]]
    assert [task_row.name for task_row in group.tasks] == ["Classify the support ticket"]
    group.assert_exact()


def test_a_template_found_in_few_calls_is_reviewed_early(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(3)))
    group.run()
    group.send(map(triage, range(3, 5)))
    assert due(world) == []
    group.send([triage(5)])
    assert due(world) == [group.id]


def test_a_call_that_no_template_matches_after_a_split_is_owed_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, _ = with_a_swallowed_edit(world, grouping_review_after=50)
    monkeypatch.setattr("app.grouping.windows.REVIEW_SAMPLE_CALLS", 60)
    [odd] = group.send(["You help the customers of a shop for boots and tents.\n\nWHAT"])
    monkeypatch.setattr("app.store.calls.sample", without(odd))
    monkeypatch.setattr(
        "app.grouping.mining.mine_templates", miner_that_finds(ASK.replace("{{", "{{a}} {{"), ASK_EDITED)
    )
    group.want("review")
    group.run()
    assert group.versions_of_tasks == [[(1, 30), (2, 30)]]
    assert group.calls([odd])[0].implementation_id is None
    assert group.owed == 1


def without(odd: Any) -> Any:
    sample = calls.sample
    return lambda *arguments: [call for call in sample(*arguments) if call.id != odd]


def test_a_review_that_finds_nothing_new_changes_nothing_but_its_due_time(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(10)))
    group.run(grouping_review_after=5)
    before = group.templates
    assert due(world) == [group.id]
    group.want("review")
    group.run()
    [after] = group.templates
    assert (after.id, after.review_at_calls, group.row.wanted) == (before[0].id, 20, None)
    assert group.versions_of_tasks == [[(1, 10)]]
    assert due(world) == []


def test_a_review_is_due_after_so_many_calls_and_not_before(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(9)))
    group.run(grouping_review_after=10)
    assert due(world) == []
    group.send([triage(9)])
    assert due(world) == [group.id]


def two_reviewed_templates(world: World) -> Group:
    """Two templates with twelve calls each, reviewed; each is due at 24."""
    group = world.group()
    group.send([*map(triage, range(12)), *map(summary, range(12))])
    group.run()
    group.want("review")
    group.run()
    return group


def test_all_templates_of_a_young_group_are_reviewed_when_its_calls_have_grown_by_a_quarter(world: World) -> None:
    group = two_reviewed_templates(world)
    group.send(map(triage, range(12, 19)))
    assert due(world) == []
    group.send([triage(19)])
    assert due(world) == [group.id]
    group.want("review")
    group.run()
    assert [template_row.review_at_calls for template_row in group.templates] == [40, 24]
    assert group.runs[-1].reviewed == 32
    assert due(world) == []


def test_templates_of_a_group_with_many_calls_are_reviewed_one_by_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.review_times.YOUNG_GROUP_CALLS", 30)
    group = two_reviewed_templates(world)
    group.send(map(triage, range(12, 23)))
    assert due(world) == []
    group.send([triage(23)])
    assert due(world) == [group.id]


def test_half_a_day_with_new_calls_brings_a_review_however_many_there_were_before(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(50)))
    group.run(grouping_review_after=50)
    group.want("review")
    group.run()
    group.send(map(triage, range(50, 50 + REVIEWED_AGAIN_CALLS)))
    assert due(world) == []
    with world.engine.begin() as connection:
        connection.execute(update(template).values(reviewed_until=template.c.reviewed_until - REVIEWED_AGAIN))
    assert due(world) == [group.id]
    group.want("review")
    group.run()
    assert due(world) == []


def test_an_edit_of_yesterday_is_told_among_any_number_of_calls(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.windows.REVIEW_SAMPLE_CALLS", 40)
    group = world.group()
    group.send(map(ask, range(380)))
    group.run(grouping_review_after=50)
    edited = group.send(map(ask_edited, range(380, 400)))
    group.want("review")
    group.run()
    assert group.versions_of_tasks == [[(1, 380), (2, 20)]]
    assert [row.variables for row in group.calls(edited)] == [[words(number)] for number in range(380, 400)]
    group.assert_exact()


def test_a_group_in_quarantine_is_not_reviewed(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(9)))
    group.run(grouping_review_after=5)
    group.set(quarantined_at=func.now())
    assert due(world) == []


# --- what a person decided


def test_a_name_that_a_person_gave_stays(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(10)))
    group.run()
    with world.engine.begin() as connection:
        connection.execute(update(task).values(name="Post room", name_by_person=True))
    group.send(map(triage_edited, range(10, 20)))
    group.run()
    assert [task_row.name for task_row in group.tasks] == ["Post room"]
    assert group.versions_of_tasks == [[(1, 10), (2, 10)]]


def test_a_task_keeps_its_name_while_its_prompt_says_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a task that is named after the role in its prompt, and an edit found with a value that is an order, and a day
    first, narrow, wide = (
        f"You are a strict grader of answers.\nGoal: {goal}\n{{{{answer}}}}\nGrade{day}:"
        for goal, day in (("{{goal}}", ""), ("Write a script", " on Monday"), ("Write a script", " on {{day}}"))
    )
    group = world.group()
    sent_and_found = (
        (first.replace("{{goal}}", "{{answer}}"), first, {}),
        (narrow, narrow, {}),
        (wide.replace("{{day}}", "Sunday"), wide, {wide: narrow}),
    )
    for prompt, template_found, supersedes in sent_and_found:
        stand_in = miner_that_finds(template_found, supersedes=supersedes)
        monkeypatch.setattr("app.grouping.mining.mine_templates", stand_in)
        group.send(prompt.replace("{{answer}}", words(number)) for number in range(8))
        group.run()

    # Then the wider form of the edit, whose order would be a name as well, leaves the name as it is
    [task_row] = group.tasks
    assert [version.calls for version in group.versions(task_row.id)] == [8, 16]
    assert task_row.name == "Strict grader of answers"


def test_the_name_of_a_task_is_the_same_for_all_its_versions(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(10)))
    group.run()
    name = group.tasks[0].name
    group.send(map(triage_edited, range(10, 20)))
    group.run()
    assert [task_row.name for task_row in group.tasks] == [name]
