"""Runs on a real PostgreSQL, and their effects on the calls of a group."""

import pytest

from app.store import calls, groups
from app.store.runs import FIRST_ID
from tests.app.grouping_world import World, during_mining, summary, triage, words

# --- from calls to tasks


def test_calls_of_one_prompt_become_a_task_with_exact_values(world: World) -> None:
    group = world.group()
    ids = group.send(map(triage, range(20)))

    outcome = group.run()

    assert (outcome.outcome, outcome.considered, outcome.tasks, outcome.has_more) == ("committed", 20, 1, False)
    assert outcome.trace_id == str(ids[-1])
    [task] = group.tasks
    assert task.name == "Classify the support ticket"
    [version] = group.versions(task.id)
    assert (version.number, version.calls) == (1, 20)
    assert version.text.startswith(
        "Classify the support ticket below into one of: billing, delivery, other.\n\nTicket: {{"
    )
    assert [row.variables for row in group.calls(ids)] == [[words(number)] for number in range(20)]
    assert group.owed == 0
    group.assert_exact()


def test_calls_that_arrive_one_by_one_become_one_task(world: World) -> None:
    group = world.group()
    for number in range(3):
        group.send([triage(number)])
        assert group.run().outcome == "committed"
    assert group.calls_by_version() == [[3]]


def test_the_next_call_of_a_known_prompt_matches_at_ingest(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    group.run()

    group.send([triage(99)])

    assert group.calls_by_version() == [[6]]
    assert group.run().outcome == "empty"


def test_two_prompts_of_one_path_become_two_tasks(world: World) -> None:
    group = world.group()
    group.send(prompt(number) for number in range(10) for prompt in (triage, summary))
    group.run()
    assert [task.name for task in group.tasks] == [
        "Classify the support ticket",
        "Summarise the meeting notes for people",
    ]
    assert group.calls_by_version() == [[10], [10]]


def test_free_text_stays_ungrouped_and_is_owed_no_more(world: World) -> None:
    group = world.group()
    group.send(["why is the sky blue", "write a limerick on socks", "17 * 23 + 4", "who owns the sea bed?"])
    assert group.run().outcome == "committed"
    assert (group.tasks, group.owed, group.ungrouped) == ([], 0, 4)


def test_system_and_user_text_are_parts_of_one_template(world: World) -> None:
    group = world.group()
    group.send(
        (f"Ticket: {words(number)}" for number in range(6)),
        instructions="You sort the incoming mail of a shop. Answer with one word.",
    )
    group.run()
    [template] = group.templates
    assert [part["role"] for part in template.parts] == ["system", "user"]
    assert template.parts[0]["literals"] == ["You sort the incoming mail of a shop. Answer with one word."]


def test_paths_and_projects_never_mix(world: World) -> None:
    groups = [world.group("/a"), world.group("/b"), world.group("/a", project="other")]
    for group in groups:
        group.send(map(triage, range(2)))
    for group in groups:
        group.run()
    assert [group.tasks for group in groups] == [[], [], []]

    groups[0].send([triage(2)])
    groups[0].run()

    assert [group.calls_by_version() for group in groups] == [[[3]], [], []]


def test_later_turns_of_an_agent_count_once_as_evidence(world: World) -> None:
    group = world.group()
    opening = "Plan a trip to the coast for my aunt, who cannot walk far and dislikes trains."
    turns = [{"role": "user", "content": opening}, {"role": "assistant", "content": "Looking."}]
    for number in range(5):
        group.send([opening], input=[*turns, {"role": "user", "content": f"Go on, {number}."}])
    group.run()
    assert (group.tasks, group.owed) == ([], 0)


def test_later_turns_are_matched_to_the_template_of_the_first(world: World) -> None:
    group = world.group()
    for number in range(4):
        turns = [{"role": "user", "content": triage(number)}, {"role": "assistant", "content": "Hm."}]
        group.send([triage(number)])
        group.send([""], input=[*turns, {"role": "user", "content": "Sure?"}])
    group.run()
    assert group.calls_by_version() == [[8]]


def test_the_same_prompt_has_the_same_name_on_every_path(world: World) -> None:
    for path in ("/a", "/b"):
        group = world.group(path)
        group.send(map(triage, range(4)))
        group.run()
    assert len({task.name for path in ("/a", "/b") for task in world.group(path).tasks}) == 1


def test_two_tasks_of_a_path_have_names_of_their_own(world: World) -> None:
    clear = "Grade the essay.\n\nHow clear is its language, for readers who are still at school?\n\n{}\n\nGrade:"
    sources = "Grade the essay.\n\nAre all of its sources named, each with its page and its year?\n\n{}\n\nMark:"
    group = world.group()
    group.send((clear, sources)[number % 2].format(words(number)) for number in range(20))
    group.run()
    assert len({task.name for task in group.tasks}) == len(group.tasks) == 2


def test_what_a_slot_holds_and_why_it_is_a_template_are_kept(world: World) -> None:
    group = world.group()
    group.send(
        f"Translate into {('French', 'Welsh')[number % 2]}, keep names.\n\nText: {words(number)}"
        for number in range(12)
    )
    group.run()
    [template] = group.templates
    assert [kind["kind"] for kind in template.slot_kinds] == ["language", "free text"]
    assert template.evidence["calls"] == 12
    assert 0 < template.evidence["fixed_share"] < 1


# --- window and residue


def test_a_run_reads_at_most_its_window_and_says_that_there_is_more(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(7)))
    outcomes = [group.run(grouping_window_owed=3) for _ in range(2)]
    assert [(outcome.considered, outcome.has_more) for outcome in outcomes] == [(3, True), (3, True)]
    assert (group.run(grouping_window_owed=3).has_more, group.owed) == (False, 0)
    assert group.calls_by_version() == [[7]]


def test_new_templates_are_matched_against_the_whole_residue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.rematching.REMATCHED_CALLS", 2)
    group = world.group()
    for number in range(2):
        group.send([triage(number)])
        group.run()
    group.send(["why is the sky blue", "write a limerick on socks", "17 * 23 + 4"])  # noise, newer than the two
    group.run()
    group.send(map(triage, range(2, 5)))

    group.run(grouping_window_residue=1)

    assert (group.calls_by_version(), group.ungrouped) == ([[5]], 3)
    assert group.row.rematch_after is None


def test_a_batch_is_bounded_by_its_texts_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 calls may have a megabyte of prompt each, so a count alone is no bound."""
    monkeypatch.setattr(calls, "WINDOW_CHARACTERS", 100)
    group = world.group()
    ids = group.send("nothing alike"[number:] + "x" * 30 for number in range(5))
    while group.owed:
        group.run()

    batches, more_left, after = [], True, FIRST_ID
    with world.engine.connect() as connection:
        while more_left:
            batch, more_left = calls.residue_after(connection, group.id, after, 500)
            batches.append([call.id for call in batch])
            after = batch[-1].id

    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert [trace_id for batch in batches for trace_id in batch] == ids


def test_a_large_residue_is_mined_again_only_when_enough_is_new(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.windows.SMALL_RESIDUE_CALLS", 0)
    group = world.group()
    group.send(["why is the sky blue", "write a limerick on socks", "17 * 23 + 4", "who owns the sea bed?"])
    group.run()
    for question in ("is it late", "can goats swim", "what is a fjord"):
        group.send([question])
        group.run()
    assert [run.residue for run in group.runs] == [0, 0, 0, 6]


def test_a_wish_has_the_residue_mined_without_new_calls(world: World) -> None:
    group = world.group()
    group.send(["why is the sky blue", "write a limerick on socks"])
    group.run()
    group.want("residue")
    assert (group.run().outcome, group.runs[-1].residue, group.row.wanted) == ("committed", 2, None)
    assert group.run().outcome == "empty"


@pytest.mark.parametrize("before", [None, "residue", "all"])
def test_a_wish_made_during_a_run_is_kept_for_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, before: groups.RegroupScope | None
) -> None:
    group = world.group()
    group.send(map(triage, range(4)))
    if before:
        group.want(before)
    during_mining(monkeypatch, lambda: group.want("all"))
    assert group.run().outcome == "committed"
    assert group.row.wanted == "all"
    assert group.run().outcome == "committed"
    assert group.row.wanted is None


def test_nothing_to_do_is_an_empty_run_that_leaves_no_trace(world: World) -> None:
    group = world.group()
    outcome = group.run()
    assert (outcome.outcome, outcome.run_id, group.row.fence, group.runs) == ("empty", None, 0, [])


def test_a_call_without_text_is_not_owed(world: World) -> None:
    group = world.group()
    group.send([""], input=[{"role": "tool", "content": "42"}])
    assert group.run().outcome == "empty"


def test_a_run_says_what_it_read_and_found(world: World) -> None:
    group = world.group()
    group.send(map(triage, range(4)))
    group.run()
    [run] = group.runs
    assert (run.outcome, run.reason, run.owed, run.templates, run.grouped) == ("committed", "trace", 4, 1, 4)
    assert run.fence == group.row.fence == 1
    assert run.finished_at >= run.started_at
    assert (run.error, bool(run.worker), bool(run.miner_version)) == (None, True, True)
