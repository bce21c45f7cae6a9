"""Texts of pages: pieces, marks, changes, costs and words. Pure, no services."""

from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.filters import messages
from app.reading.changes import MOST_WORDS_COMPARED, compare, is_changed
from app.reading.insights import FEWEST_SAMPLED, MOST_VALUES, SAMPLE, CountedValue, PlaceStatistics, sample_of
from app.reading.pieces import (
    COLOURS,
    Part,
    Piece,
    colours,
    marks,
    one_line,
    plain_parts,
    prompt_parts,
    start_of,
    template_parts,
    with_plain_rest,
)
from app.reading.shares import costs
from app.words import ago, duration, percent

PARTS = [{"role": "system", "literals": ["Be ", ".\n"]}, {"role": "user", "literals": ["Q: ", "\nA:"]}]
SLOTS = ["tone", "question"]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
prompts = st.lists(
    st.sampled_from(["a", "the", "word", " ", "  ", "\n", ".", "café", "日本", "\u202e"]), max_size=40
).map("".join)


def _text(parts: list[Part]) -> str:
    return "".join(piece.text for part in parts for piece in part.pieces)


# --- pieces


def test_the_slots_of_a_template_stand_between_its_literals() -> None:
    assert template_parts(PARTS, SLOTS) == [
        Part("system", [Piece("Be "), Piece("", "tone"), Piece(".\n")]),
        Part("user", [Piece("Q: "), Piece("", "question"), Piece("\nA:")]),
    ]


def test_a_part_without_text_is_not_shown() -> None:
    assert template_parts([{"role": "system", "literals": [""]}, PARTS[1]], ["q"])[0].role == "user"
    assert plain_parts(["", "hello"]) == [Part("user", [Piece("hello")])]


def test_what_follows_the_last_slot_that_is_drawn_is_one_text() -> None:
    drawn = with_plain_rest(template_parts(PARTS, SLOTS), 1, filled=False)
    assert [len(part.pieces) for part in drawn] == [3, 2]
    assert drawn[1].pieces == [Piece("Q: "), Piece("{{question}}\nA:")]
    assert with_plain_rest(template_parts(PARTS, SLOTS), 2, filled=False) == template_parts(PARTS, SLOTS)


def test_a_comparison_behind_its_last_drawn_slot_still_says_what_changed() -> None:
    old = template_parts([{"role": "user", "literals": ["Order: ", "\nTown: ", "\nBe brief."]}], ["order", "town"])
    new = template_parts([{"role": "user", "literals": ["Order: ", "\nTown: ", "\nBe kind."]}], ["order", "town"])
    (part,) = with_plain_rest(compare(old, new), 1, filled=False)
    assert part.pieces[1] == Piece("", "order")
    assert [(piece.text, piece.slot, piece.change) for piece in part.pieces[2:]] == [
        ("\nTown: ", None, ""),
        ("{{town}}\nBe ", None, ""),
        ("brief", None, "removed"),
        ("kind", None, "added"),
        (".", None, ""),
    ]


@given(st.lists(texts, min_size=2, max_size=2), st.integers(0, 3))
def test_a_prompt_stays_whole_however_few_of_its_slots_are_drawn(values: list[str], most_slots: int) -> None:
    prompt = [f"Be {values[0]}.\n", f"Q: {values[1]}\nA:"]
    parts = prompt_parts(PARTS, SLOTS, values, prompt)
    assert [_text([part]) for part in with_plain_rest(parts, most_slots, filled=True)] == [_text([p]) for p in parts]


def test_a_part_that_is_one_slot_is_shown_even_when_it_is_empty() -> None:
    parts = prompt_parts([{"role": "user", "literals": ["", ""]}], ["question"], [""], [""])

    assert parts == [Part("user", [Piece("", "question")])]


@given(values=st.tuples(texts, texts))
def test_the_pieces_of_a_call_make_its_prompt(values: tuple[str, str]) -> None:
    prompt = [f"Be {values[0]}.\n", f"Q: {values[1]}\nA:"]

    parts = prompt_parts(PARTS, SLOTS, values, prompt)

    assert _text(parts) == "".join(prompt)
    assert [piece.slot for part in parts for piece in part.pieces if piece.slot] == SLOTS


@pytest.mark.parametrize("values", [["kind"], ["rude", "why?"], []])
def test_values_that_do_not_make_the_prompt_are_not_drawn_into_it(values: list[str]) -> None:
    prompt = ["Be kind.\n", "Q: why?\nA:"]

    assert prompt_parts(PARTS, SLOTS, values, prompt) == plain_parts(prompt)


def test_a_slot_keeps_its_colour_when_a_later_version_adds_another() -> None:
    first, colours_of_both = colours([["tone", "question"]]), colours([["tone", "question"], ["language", "question"]])

    assert colours_of_both["question"] == first["question"]
    assert colours_of_both["language"] not in first.values()


def test_colours_start_again_when_there_are_more_slots() -> None:
    colours_of_many = colours([[f"slot_{n}" for n in range(COLOURS + 1)]])

    assert colours_of_many[f"slot_{COLOURS}"] == colours_of_many["slot_0"]


def test_a_slot_that_appears_later_has_another_colour_than_the_slots_beside_it() -> None:
    first = [f"slot_{number}" for number in range(COLOURS)]
    for place in range(COLOURS + 1):
        slots = [*first[:place], "new", *first[place:]]
        colour_of = colours([first, slots])
        assert all(colour_of[name] != colour_of[beside] for name, beside in pairwise(slots))


def test_a_template_with_many_slots_has_fewer_calls_sampled() -> None:
    assert sample_of(1) == sample_of(MOST_VALUES // SAMPLE) == SAMPLE
    assert sample_of(10_000) * 10_000 <= MOST_VALUES
    assert sample_of(10**6) == FEWEST_SAMPLED


def test_the_start_of_a_long_template_shows_its_slots() -> None:
    long = [Part("user", [Piece("word " * 200), Piece("", "question"), Piece(" and so on " * 50)])]

    start = start_of(long)

    assert "question" in [piece.slot for piece in start]
    assert sum(len(piece.text) for piece in start) < 330


# --- marks


@given(text=st.one_of(texts, prompts))
def test_marks_lose_no_character(text: str) -> None:
    assert "".join(mark.text for mark in marks(text)) == text


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a b", ["text"]),
        ("a  b", ["text", "blank", "text"]),
        (" a", ["blank", "text"]),
        ("a ", ["text", "blank"]),
        ("a\nb", ["text", "line", "text"]),
        ("a\r\nb", ["text", "line", "text"]),
        ("\ta", ["tab", "text"]),
        ("a\u200bb", ["text", "code", "text"]),
        ("\u202eab", ["code", "text"]),
        ("a\rb", ["text", "code", "text"]),
        ("a\u200db", ["text", "code", "text"]),
        ("\u200c", ["code"]),
    ],
)
def test_invisible_characters_are_marked(text: str, kinds: list[str]) -> None:
    assert [mark.kind for mark in marks(text)] == kinds


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "👩\u200d👧", "🏳\ufe0f\u200d🌈"])
def test_a_joiner_within_a_word_or_an_emoji_is_text(text: str) -> None:
    assert [mark.kind for mark in marks(text)] == ["text"]
    assert one_line(text) == text


@given(text=texts)
def test_a_heading_has_no_character_that_breaks_or_turns_it(text: str) -> None:
    assert not set(one_line(text)) & set("\n\r\t\u202e\u2028\u200b\u0000\x1b")


# --- changes


@given(old=prompts, new=prompts)
def test_a_comparison_holds_both_templates_whole(old: str, new: str) -> None:
    parts = compare([Part("user", [Piece(old)])], [Part("user", [Piece(new)])])

    pieces = list(chain.from_iterable(part.pieces for part in parts))
    assert "".join(piece.text for piece in pieces if piece.change != "removed") == new
    assert "".join(piece.text for piece in pieces if piece.change != "added") == old
    assert is_changed(parts) is (old != new)


def _changes(old: str, new: str) -> list[tuple[str, str]]:
    (part,) = compare([Part("user", [Piece(old)])], [Part("user", [Piece(new)])])
    return [(piece.change, piece.text) for piece in part.pieces]


def test_one_word_that_changed_is_one_change() -> None:
    assert _changes("Answer in one word.", "Answer in two word.") == [
        ("", "Answer in "),
        ("removed", "one"),
        ("added", "two"),
        ("", " word."),
    ]


def test_one_word_of_thousands_of_paragraphs_is_one_change() -> None:
    """Each blank line between them is like all others: compared in pairs, these took minutes."""
    paragraphs = [f"Paragraph {number} says something." for number in range(20_000)]
    edited = [*paragraphs[:9_000], "Paragraph 9000 says nothing.", *paragraphs[9_001:]]
    changes = _changes("\n\n".join(paragraphs), "\n\n".join(edited))
    assert [(change, text) for change, text in changes if change in {"added", "removed"}] == [
        ("removed", "something"),
        ("added", "nothing"),
    ]


def test_an_exchanged_sentence_is_not_torn_into_words() -> None:
    changes = _changes("Say it. Be the first one here. End.", "Say it. Ask for the last name. End.")

    assert [change for change, _ in changes] == ["", "removed", "added", ""]


def test_a_slot_that_came_or_went_is_a_change() -> None:
    (part,) = compare([Part("user", [Piece("Hi you")])], [Part("user", [Piece("Hi "), Piece("", "name")])])

    assert Piece("", "name", "added") in part.pieces


def test_a_slot_that_continues_under_another_name_is_no_change() -> None:
    old, new = ([Part("user", [Piece("Ticket: "), Piece("", name), Piece("\nLabel:")])] for name in ("var_0", "ticket"))

    parts = compare(old, new)

    assert (parts, is_changed(parts)) == (new, False)


def test_a_comparison_takes_any_name_of_a_slot() -> None:
    old, new = ([Part("user", [Piece("Ticket: "), Piece("", name)])] for name in ("<b>", ""))

    assert compare(old, new) == new


def test_a_part_that_only_one_template_has_is_added_whole() -> None:
    user = Part("user", [Piece("Hello.")])

    system, _ = compare([user], [Part("system", [Piece("Be kind.")]), user])[::-1]

    assert system.pieces == [Piece("Be kind.", None, "added")]


def test_a_long_text_that_both_versions_share_is_folded() -> None:
    shared_text = "The same line of text.\n" * 100

    folded = [piece for _, piece in _changes(shared_text + "old", shared_text + "new") if len(piece) > 1000]

    assert len(folded) == 1


def test_long_templates_are_compared_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted: comparing is quadratic in the length of the compared texts."""

    def bounded(junk: Any, old: list[Any], new: list[Any], **options: Any) -> SequenceMatcher[Any]:
        assert len(old) * len(new) <= MOST_WORDS_COMPARED**2
        return SequenceMatcher(junk, old, new, **options)

    monkeypatch.setattr("app.reading.changes.SequenceMatcher", bounded)
    old = " ".join(f"word{n}" for n in range(20_000))

    changes = _changes(old, old.replace("word", "other"))

    assert [change for change, _ in changes] == ["removed", "added"]


# --- costs


def _place(*values: str) -> PlaceStatistics:
    counted = [CountedValue(value, len(value), values.count(value)) for value in dict.fromkeys(values)]
    return PlaceStatistics(
        len(values), len(counted), sum(map(len, values)), max(map(len, values)), sorted(counted, key=lambda v: -v.calls)
    )


def test_the_shares_of_a_prompt_are_one() -> None:
    parts = [Part("user", [Piece("fixed"), Piece("", "a"), Piece("", "b")])]

    shares = costs(parts, ["a", "b"], [], {0: _place("xxxxx", "yyyyy"), 1: _place("z" * 10, "")})

    assert shares.mean == 15
    assert shares.fixed_share + sum(slot.share for slot in shares.slots) == pytest.approx(1)


def test_the_slot_that_costs_most_comes_first() -> None:
    shares = costs([], ["small", "large"], [], {0: _place("x"), 1: _place("y" * 50)})

    assert [slot.name for slot in shares.slots] == ["large", "small"]


def test_a_slot_at_two_places_is_one_row_with_the_characters_of_both() -> None:
    shares = costs([], ["name", "other", "name"], [], {0: _place("Ann"), 1: _place("-"), 2: _place("Ann")})

    name = next(slot for slot in shares.slots if slot.name == "name")
    assert (name.places, name.mean, name.distinct) == (2, 6, 1)


def test_a_slot_says_what_kind_of_thing_it_holds() -> None:
    kinds = [
        {"kind": "integer", "values": [], "optional": False},
        {"kind": "enum", "values": ["red"], "optional": True},
    ]

    shares = costs([], ["n", "team"], kinds, {0: _place("1"), 1: _place("red", "")})

    assert {slot.name: slot.kind for slot in shares.slots} == {"n": "integer", "team": "enum, may be empty"}


def test_a_task_without_calls_has_slots_without_numbers() -> None:
    (row,) = costs([Part("user", [Piece("x")])], ["a"], [], {}).slots

    assert (row.distinct, row.share, row.top) == (0, 0, ())


# --- words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (2, "just now"),
        (61, "1 minute ago"),
        (7_300, "2 hours ago"),
        (200_000, "2 days ago"),
        (800 * 86_400, "2023-10-24"),
        (-300, "in 5 minutes"),
    ],
)
def test_a_time_is_told_as_a_person_would(seconds: int, words: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert ago(now - timedelta(seconds=seconds), now) == words


def test_a_small_figure_is_not_called_nothing() -> None:
    assert percent(0.004) == "< 1 %"
    assert percent(0) == "0 %"


def test_a_share_that_is_not_all_is_not_called_all() -> None:
    assert [percent(share) for share in (0.994, 0.9995, 1)] == ["> 99 %", "> 99 %", "100 %"]


def test_a_call_that_ends_before_it_begins_took_no_time_that_can_be_told() -> None:
    assert [duration(seconds) for seconds in (-86_400, 0, 200)] == ["–", "0 ms", "3 min"]


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("hello", [("assistant", "hello")]),
        ([{"role": "assistant", "content": "a"}], [("assistant", "a")]),
        ([{"role": "assistant", "content": [{"type": "output_text", "text": "b"}]}], [("assistant", "b")]),
        ({"odd": 1}, [("", '{\n  "odd": 1\n}')]),
        ([None, 3], [("", "3")]),
        (None, []),
    ],
)
def test_an_output_is_shown_as_what_was_said(output: object, shown: list[tuple[str, str]]) -> None:
    assert messages(output) == shown


def test_a_tool_call_is_shown_with_its_arguments() -> None:
    call = {"role": "assistant", "content": "ok", "tool_calls": [{"function": {"arguments": "{}"}}]}

    assert '"arguments"' in messages([call])[0][1]
