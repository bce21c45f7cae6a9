"""Projects that keep no values, or hashes of them, and templates that must be many people's before they are stored."""

from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from app.cli.main import main as promptlode
from app.config import Settings
from app.intake.privacy import Policy, PrivacySettings
from app.store import privacy
from app.store.engine import transaction
from app.store.tables import grouping_run
from tests.app.grouping_world import Group, World, triage, words

HIDDEN = pytest.mark.parametrize("mode", ["hmac", "none"])


def group_that_wants(world: World, **wishes: Any) -> Group:
    group = world.group()
    with transaction(world.engine) as connection:
        privacy.save(connection, group.project_id, PrivacySettings(**wishes).model_dump())
    return group


def stored(group: Group) -> str:
    """The stored text of all calls and templates."""
    tables = ("trace", "template", "task", "implementation")
    with group.world.engine.connect() as connection:
        return "\n".join(str(row) for name in tables for row in connection.exec_driver_sql(f"SELECT * FROM {name}"))


@HIDDEN
def test_of_grouped_calls_no_value_is_stored(world: World, mode: str) -> None:
    """Neither the run that found the template nor the match of the next call stores a value, in any shape of the
    call.
    """
    group = group_that_wants(world, variables=mode)
    group.send(map(triage, range(10)))
    group.run()
    group.send([triage(77)])
    follow_up = [{"role": "user", "content": triage(88)}, {"role": "assistant", "content": "x"}]
    group.take(
        [{"model": "gpt-5-mini", "path": group.path, "messages": [*follow_up, {"role": "user", "content": words(99)}]}]
    )
    assert group.calls_by_version() == [[12]]
    stored_text = stored(group)
    assert "Classify the support ticket" in stored_text
    assert not [number for number in (*range(10), 77, 88, 99) if words(number) in stored_text]


def test_a_call_that_was_followed_up_before_it_was_grouped_keeps_nothing_either(world: World) -> None:
    group = group_that_wants(world, variables="hmac")
    messages = [
        [{"role": "user", "content": triage(number)}, {"role": "user", "content": words(number)}] for number in range(9)
    ]
    group.take([{"model": "gpt-5-mini", "path": group.path, "messages": conversation} for conversation in messages])
    group.run()
    assert group.ungrouped == 0
    assert not [number for number in range(9) if words(number) in stored(group)]


def test_a_hash_says_which_values_are_equal_within_a_project_alone() -> None:
    policy, other_policy = (Policy(PrivacySettings(variables="hmac"), secret) for secret in ("a", "b"))
    assert policy.stored_values(["x", "y", "x", ""]) == (*policy.stored_values(["x", "y", "x"]), "")
    assert len(set(policy.stored_values(["x", "y"]))) == 2
    assert set(policy.stored_values(["x", "y"])).isdisjoint(other_policy.stored_values(["x", "y"]))
    assert all(len(mark) == 20 and mark.isalnum() for mark in policy.stored_values(["x", "y"]))


def test_nothing_of_a_value_is_different_each_time() -> None:
    policy = Policy(PrivacySettings(variables="none"), "a")
    assert len({*policy.stored_values(["x", "x"]), *policy.stored_values(["x"])}) == 3


@HIDDEN
def test_marks_are_never_mined(world: World, mode: str) -> None:
    """Neither a review nor a run of all calls reads a call whose values are marks."""
    group = group_that_wants(world, variables=mode)
    ids = group.send(map(triage, range(12)))
    group.run()
    before = [row.variables for row in group.calls(ids)]
    for wish in ("review", "all", "residue"):
        group.want(wish)
        group.run()
    assert group.calls_by_version() == [[12]]
    assert [row.variables for row in group.calls(ids)] == before
    assert {row.reviewed for row in world.rows(select(grouping_run.c.reviewed))} == {0}


def test_a_template_needs_as_many_people_as_the_project_asks_for(world: World) -> None:
    group = group_that_wants(world, min_distinct=3)
    group.send(map(triage, range(10)), user_id="anna")
    group.send([triage(10)], conversation_id="c1")
    group.send([triage(11)])  # nobody
    group.run()
    assert group.ungrouped == 12
    group.send([triage(12)], user_id="ben")
    group.run()
    assert group.calls_by_version() == [[13]]


def test_a_text_that_one_user_says_always_is_no_fixed_text(world: World) -> None:
    """Anna's address is in all of Anna's calls and in nobody else's: a template of Anna's calls alone would hold the
    address.
    """
    group = group_that_wants(world, min_distinct=3)
    for number in range(8):
        group.send([f"{triage(number)}\nSigned: Anna Kruse, Lange Gasse 7, 1080 Wien"], user_id="anna")
    group.run()
    assert group.templates == []
    group.send([triage(number) for number in range(20, 24)], user_id="ben")
    group.send([triage(number) for number in range(30, 34)], user_id="cleo")
    group.send([triage(number) for number in range(40, 44)], user_id="dora")
    group.run()
    assert group.templates
    assert not [row for row in group.templates if "Lange Gasse" in str(row)]


@pytest.mark.parametrize("wishes", [{"variables": "hmac"}, {"min_distinct": 2}])
def test_no_value_is_listed_beside_a_slot(world: World, wishes: dict[str, Any]) -> None:
    group = group_that_wants(world, **wishes)
    for number in range(12):
        tone = ("formal", "friendly")[number % 2]
        group.send([f"Write in a {tone} tone.\n\n{triage(number)}"], user_id=f"u{number}")
    group.run()
    assert group.templates
    assert all(kind["values"] == [] for row in group.templates for kind in row.slot_kinds)


def test_the_command_sets_both(settings: Settings, world: World) -> None:
    world.group()
    environment = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    arguments = ["privacy", "shop", "--variables", "hmac", "--min-distinct", "5"]
    shown = CliRunner().invoke(promptlode, arguments, env=environment).output
    assert "variables: hmac" in shown
    assert "min_distinct: 5" in shown
