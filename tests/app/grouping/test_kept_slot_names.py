"""Slots of a newer template keep the names of an older template's slots."""

import pytest

from app.grouping.slot_names import NamedTemplate, going_on, keeping_names, renamed
from templating import Template

parse = Template.parse
TRIAGE = "You sort mail.\x00Ticket: {{a}}\nLanguage: {{b}}\nLabel:"


@pytest.mark.parametrize(
    ("newer", "going"),
    [
        (TRIAGE, {0: 0, 1: 1}),
        ("You sort mail.\x00Be brief. Ticket: {{x}}\nLanguage: {{y}}\nLabel:", {0: 0, 1: 1}),
        ("You sort mail of {{shop}}.\x00Ticket: {{x}}\nLanguage: {{y}}\nLabel:", {0: 1, 1: 2}),
        ("You sort mail.\x00Ticket: {{x}}\nLabel:", {0: 0}),
        ("You sort mail.\x00Language: {{y}}\nLabel:", {1: 0}),
        ("You sort mail.\x00Ticket: {{x}} / {{z}}\nLanguage: {{y}}\nLabel:", {0: 0, 1: 2}),
        ("You sort mail.\x00Mail: {{x}}\nLanguage: {{y}}\nLabel:", {0: 0, 1: 1}),
        ("You sort mail.\x00In {{y}}, label {{x}} now", {}),
        ("Write a poem on {{topic}}.", {}),
    ],
)
def test_a_slot_goes_on_where_a_word_beside_it_does(newer: str, going: dict[int, int]) -> None:
    assert going_on(parse(TRIAGE), parse(newer)) == going


def test_a_part_that_is_all_slot_goes_on_between_its_borders() -> None:
    assert going_on(parse("Help.\x00{{question}}"), parse("Help, in two sentences.\x00{{q}}")) == {0: 0}


def test_slots_between_blanks_alone_are_told_apart() -> None:
    assert going_on(parse("Add {{a}} {{b}} {{c}} now."), parse("Please add {{x}} {{y}} {{z}} now.")) == {
        0: 0,
        1: 1,
        2: 2,
    }


def test_prompts_rewritten_at_length_are_not_compared_for_long() -> None:
    old = parse("Begin {{a}} " + " ".join(f"old{number}" for number in range(5000)) + " {{b}} end")
    new = parse("Begin {{x}} " + " ".join(f"new{number}" for number in range(5000)) + " {{y}} end")
    assert going_on(old, new) == {0: 0, 1: 1}


def named(text: str, *places: int) -> NamedTemplate:
    return NamedTemplate(parse(text), frozenset(places))


def test_only_names_that_a_person_gave_are_kept() -> None:
    renamed = keeping_names(parse("Ticket: {{x}} in {{y}} now"), [named("Ticket: {{mail}} in {{tongue}}.", 0)])
    assert (renamed.template.slots, renamed.places) == (("mail", "y"), {0})


def test_of_several_names_the_first_that_is_told_stays() -> None:
    older = [named("To {{a}}.", 0), named("To {{b}}, from {{c}}.", 0, 1)]
    renamed = keeping_names(parse("To {{x}}, from {{y}}."), older)
    assert (renamed.template.slots, renamed.places) == (("a", "c"), {0, 1})


def test_a_name_of_our_own_makes_room_for_a_persons() -> None:
    renamed = keeping_names(parse("To {{x}}, from {{who}} and {{who_2}}."), [named("To {{who}}, from {{y}}.", 0)])
    assert renamed.template.slots == ("who", "who_3", "who_2")


def test_places_of_one_name_keep_one_name() -> None:
    renamed = keeping_names(parse("To {{x}}, yes {{x}}, from {{y}}."), [named("To {{who}}, from {{z}}.", 0)])
    assert (renamed.template.slots, renamed.places) == (("who", "who", "y"), {0, 1})
    parted = keeping_names(parse("To {{x}}, yes {{y}}."), [named("To {{who}}, yes {{who}}.", 0, 1)])
    assert (parted.template.slots, parted.places) == (("who", "y"), {0})


@pytest.mark.parametrize(
    ("older", "newer", "names"),
    [
        ("Ticket: {{a}}\nLanguage: {{b}}", "Ticket: {{mail}}\nLanguage: {{b}}", {"a": "mail"}),
        ("Add {{v_0}} to {{v_1}}.", "In {{v_0}}: Add {{v_1}} to {{v_2}}.", {"v_0": "v_1", "v_1": "v_2"}),
        ("To {{a}}, yes {{a}}.", "To {{b}}, yes {{b}}.", {"a": "b"}),
        ("To {{a}}, yes {{a}}.", "To {{b}}, yes {{c}}.", {}),
        ("To {{a}}, yes {{b}}.", "To {{c}}, yes {{c}}.", {}),
        ("From {{a}} to {{b}}.", "From {{b}} to {{a}}.", {}),
        ("To {{a}}, in {{b}}.", "To {{b}}, now.", {}),
    ],
)
def test_a_slot_is_renamed_where_it_continues_under_a_name_of_its_own(
    older: str, newer: str, names: dict[str, str]
) -> None:
    assert renamed(parse(older), parse(newer)) == names
