"""An optional part begins at the start of a line or a sentence, whatever other borders are possible."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_words import TOPICS

from templating import mine
from templating.mining.borders import around_moments, settled


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


def moment(dice, years=(2025, 2026), end="Z"):
    return f"{dice.choice(years)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}T{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:30{end}"


@pytest.mark.parametrize("years", [(2026,), (2025, 2026), range(2020, 2027)])
def test_a_date_with_its_time_is_one_value_whatever_its_calls_share(years):
    dice = Random(4)
    errand = lambda: " ".join("".join(dice.choices("aeioubdgklmnprst", k=6)) for _ in range(dice.randint(3, 9)))  # noqa: E731
    (group,) = mine([f"It is {moment(dice, years)}. Remind me: {errand()}" for _ in range(60)])
    assert group.template.literals == ("It is ", ". Remind me: ", "")


@pytest.mark.parametrize(
    ("literals", "values", "moved"),
    [
        (("Now: 2026-", "Z\n"), ["11-30T05:41:00", "01-02T23:00:07"], ("Now: ", "\n")),
        (("Now: 30.", ".2026, go"), ["11", "12"], ("Now: ", ", go")),
        (("At ", ":00 o'clock"), ["5", "17"], ("At ", " o'clock")),
        (("Order 4-", ", ratio 1:"), ["1234", "77"], ("Order 4-", ", ratio 1:")),
        (("On 2026-11-30", " at noon"), [" or so", ""], ("On 2026-11-30", " at noon")),
    ],
)
def test_only_a_moment_that_the_slot_cuts_in_every_text_moves_its_borders(literals, values, moved):
    assert around_moments(literals, [(value,) for value in values]) == moved
