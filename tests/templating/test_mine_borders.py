"""An optional part begins at the start of a line or a sentence, whatever other borders are possible."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_words import TOPICS

from templating import mine
from templating.mining.borders import settled


@pytest.mark.parametrize(
    ("before", "part", "after"),
    [
        ("Sort the notes.", "\nKeep it short.", "\nText: "),
        ("</rules>", "\n<loop>once</loop>", "\n<text>"),
        ("<notes>", "\n<note>all</note>\n", "</notes>\n<text>"),
        ("Answer in English", ", and be brief", ". Text: "),
    ],
)
def test_an_optional_part_is_whole(before, part, after):
    dice = Random(5)
    prompts = [
        f"Work through these, please.{before}{dice.choice(['', part])}{after}{dice.choice(TOPICS)} {n}"
        for n in range(40)
    ]
    [group] = mine(prompts)
    assert {row[0].strip() for row in group.values} == {"", part.strip()}


texts = st.text("ab.\n> ", max_size=12)


@given(texts.filter(bool), st.sets(texts, min_size=1, max_size=3), texts.filter(bool))
def test_a_moved_border_still_gives_all_texts_back(before, parts, after):
    first, last = settled((before, after), [(part,) for part in parts])
    for part in parts:
        joined = before + part + after
        assert joined.startswith(first)
        assert joined.endswith(last)
        assert len(first) + len(last) == len(before) + len(after)


@given(texts.filter(bool), texts.filter(bool), texts.filter(bool))
def test_fixed_text_between_two_slots_is_never_lost(first, middle, last):
    literals = settled((first, middle, last), [("", ""), (middle, middle), ("", last)])
    assert len(literals) == 3
    assert literals[1]
