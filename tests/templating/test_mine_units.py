"""Units lose no character of a text, and equal words have equal numbers."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from templating.mining.units import CHARACTERS_PER_CHUNK, DIGIT, LETTER, alike, kind, split, unit_begins


def pieces(text, rows, row=0):
    places = range(rows.first[row], rows.last[row])
    return [text[rows.starts[i] : rows.starts[i + 1]] for i in places]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_the_units_of_a_text_make_the_text(texts):
    rows = split(texts)
    assert ["".join(pieces(text, rows, i)) for i, text in enumerate(texts)] == texts


@given(st.text(min_size=1, max_size=40))
def test_equal_pieces_have_equal_numbers_and_others_do_not(text):
    rows = split([text])
    words = pieces(text, rows)
    codes = rows.codes[rows.first[0] : rows.last[0]].tolist()
    assert len(set(zip(words, codes, strict=True))) == len(set(words)) == len(set(codes))


@given(st.text(st.sampled_from('ab1-. \n\t"_日ก๐é\u0301\u00a0🙂🎉\uffff\ud800'), max_size=20))
def test_a_short_text_has_the_same_units_without_arrays(text):
    words = [piece.strip() for piece in pieces(text, split([text]))]
    begins = unit_begins(text)
    assert [text[begin:end].strip() for begin, end in pairwise([*begins, len(text)])] == words


def test_a_word_is_the_same_whatever_white_space_stands_before_it():
    rows = split(["a word", "a\n\n  word"])
    assert rows.bare[rows.last[0] - 1] == rows.bare[rows.last[1] - 1]
    assert rows.codes[rows.last[0] - 1] != rows.codes[rows.last[1] - 1]


def test_numbers_do_not_depend_on_the_chunk_a_text_falls_into():
    texts = ["one two three"] * (CHARACTERS_PER_CHUNK // 10)
    rows = split(texts)
    codes = {tuple(rows.codes[a:b].tolist()) for a, b in zip(rows.first.tolist(), rows.last.tolist(), strict=True)}
    assert len(codes) == 1


def test_marks_and_characters_of_scripts_without_blanks_stand_alone():
    text = "a=「日本」"
    assert pieces(text, split([text])) == ["a", "=", "「", "日", "本", "」"]


def test_every_letter_and_digit_up_to_u_ffff_is_known_as_one():
    kinds = {LETTER: str.isalpha, DIGIT: str.isdigit}
    spaced = [
        char for code in [*range(0x300), *range(0x370, 0xE00), *range(0xA000, 0xE000)] if (char := chr(code)) != "_"
    ]
    assert all(test(char) == (kind(char) == name) for char in spaced for name, test in kinds.items())


def test_characters_beyond_u_ffff_change_nothing_in_the_words_beside_them():
    plain, odd = split(["one two"]), split(["one two 🙂"])
    assert plain.codes[2:4].tolist() == odd.codes[2:4].tolist()


@given(st.integers(0, 5000), st.integers(1, 40))
def test_equal_numbers_become_neighbours_in_their_order(size, kinds):
    codes = (np.arange(size, dtype=np.uint64) % np.uint64(kinds)) * np.uint64(0x9E3779B97F4A7C15)
    ordered, order = alike(codes)
    runs = np.flatnonzero(np.diff(codes[order])) + 1
    assert np.flatnonzero(np.diff(ordered)).tolist() == (runs - 1).tolist()
    assert sorted(order.tolist()) == list(range(size))
    assert len(runs) == max(0, min(size, kinds) - 1)
    assert all((np.diff(run) > 0).all() for run in np.split(order, runs))
