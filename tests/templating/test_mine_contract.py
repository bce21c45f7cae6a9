"""mine() keeps its contract for every list of texts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templating import REASONS, Options, Template, match, mine

ALPHABET = st.sampled_from(
    [
        "a",
        "b",
        " ",
        "\n",
        "\r\n",
        "the ",
        "Summarize: ",
        "{x}",
        "{{var_0}}",
        "\\",
        "日",
        "🙂",
        "\ud800",
        "\x00",
        "7",
        "",
    ]
)
TEXTS = st.lists(st.lists(ALPHABET, max_size=12).map("".join), max_size=24)


def assert_contract(prompts, result, barrier="\x00"):
    taken = [i for group in result for i in group.members]
    assert sorted([*taken, *result.ungrouped]) == list(range(len(prompts)))
    assert set(result.ungrouped.values()) <= set(REASONS)
    assert [(-len(g.members), g.members[0]) for g in result] == sorted((-len(g.members), g.members[0]) for g in result)
    for group in result:
        assert group.members == sorted(group.members)
        assert any(literal.strip() for literal in group.template.literals)
        for index, values in zip(group.members, group.values, strict=True):
            assert group.template.render(values) == prompts[index]
            assert match(group.template, prompts[index], barrier=barrier) == values
            assert not any(barrier in value for value in values)


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_every_list_of_strings_keeps_the_contract(prompts):
    assert_contract(prompts, mine(prompts))


@given(TEXTS, TEXTS)
@settings(max_examples=100, deadline=None)
def test_texts_of_one_template_keep_the_contract(values, names):
    prompts = [
        f"Answer the following question briefly: {v}\x00Thanks {w}!" for v, w in zip(values, names, strict=False)
    ]
    assert_contract(prompts, mine(prompts))


def test_nothing_in_nothing_out():
    result = mine([])
    assert list(result) == []
    assert result.ungrouped == {}
    assert result.complete


def test_an_item_that_is_no_string_is_named():
    with pytest.raises(TypeError, match=r"prompts\[1\]"):
        mine(["fine", 7])


def test_three_calls_of_one_template_are_a_template():
    prompts = [f"Translate the following sentence to French: {s}" for s in ["Hello.", "Where is it?", "I am late."]]
    (group,) = mine(prompts)
    assert group.template.literals == ("Translate the following sentence to French: ", "")
    assert group.values == [("Hello.",), ("Where is it?",), ("I am late.",)]


def test_equal_texts_count_one_each():
    prompts = ["Summarize the report of the day: sales", "Summarize the report of the day: staff"]
    assert list(mine(prompts)) == []
    (group,) = mine([*prompts, prompts[0]])
    assert group.template.literals == ("Summarize the report of the day: ", "")


def test_a_static_prompt_that_comes_three_times_has_no_slots():
    (group,) = mine(["Tell me a joke."] * 3)
    assert group.template == Template(("Tell me a joke.",))
    assert group.values == [(), (), ()]


def test_a_prompt_that_a_known_template_matches_is_not_mined_again():
    known = Template(("Translate the following sentence to French: ", ""), ("text",))
    prompts = [f"Translate the following sentence to French: {i}" for i in range(5)]
    result = mine(prompts, known=[known])
    assert list(result) == []
    assert set(result.ungrouped.values()) == {"known"}


def test_prompts_with_different_numbers_of_parts_never_share_a_template():
    one_part = [f"You are a careful clerk of the court. Case number {i}" for i in "abc"]
    two_parts = [f"You are a careful clerk of the court. Case number\x00{i}" for i in "abc"]
    assert sorted(g.members for g in mine(one_part + two_parts)) == [[0, 1, 2], [3, 4, 5]]


def test_should_stop_ends_the_call():
    result = mine(
        [f"Translate the following sentence to French: {i}" for i in range(9)], Options(should_stop=lambda: True)
    )
    assert not result.complete
    assert set(result.ungrouped.values()) == {"unseen"}


@given(TEXTS, st.integers(1, 4), st.none() | st.integers(0, 12), st.none() | st.integers(0, 6), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_limits_and_known_templates_keep_the_contract(values, least, most, questions, known_first):
    prompts = [f"Answer the question of the customer briefly: {v}\x00Thanks!" for v in values]
    prompts += [f"Name {v} towns in the north of the country, one a line.\x00{v}" for v in values]
    known = [group.template for group in mine(prompts)][:known_first]
    asks = iter(range(1_000_000))
    should_stop = None if questions is None else lambda: next(asks) >= questions
    result = mine(prompts, Options(min_group_size=least, max_prompts=most, should_stop=should_stop), known)
    assert_contract(prompts, result)
    assert all(len(group.members) >= least for group in result)
    superseded = {index for group in result for index in group.supersedes}
    for index, prompt in enumerate(prompts):
        matching = {number for number, template in enumerate(known) if match(template, prompt) is not None}
        if matching and not matching & superseded:
            assert result.ungrouped.get(index) == "known"


def test_a_prompt_of_barriers_alone_is_blank_whatever_the_barrier_is() -> None:
    assert mine(["|| ", "a || b"], Options(barrier="||")).ungrouped == {0: "blank", 1: "alone"}
