"""Checks of the mining benchmark itself: a measure that cannot fail measures nothing."""

from collections import Counter
from functools import cache

import pytest

from benchmarks.ablation import RULES, without_rule
from benchmarks.corpora import BARRIER, SCENARIOS, corpus
from benchmarks.mining_peers import exact_match, token_lcs
from benchmarks.score import Group, render, score, skeleton
from templating import mine


def true_groups(generated):
    members = {}
    for i, trace in enumerate(generated.traces):
        if trace.template is not None:
            members.setdefault(trace.template, []).append(i)
    return [
        Group(generated.literals[name], indices, [generated.traces[i].values for i in indices])
        for name, indices in members.items()
    ]


@cache
def corpus_of(name):
    """One corpus per scenario for all tests: some corpora take a second to make."""
    return corpus(name, seed=3, traces=3000 if name == "large" else None)


@pytest.fixture(scope="module")
def small():
    return corpus("small", seed=1)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_truth_scores_one(name):
    generated = corpus_of(name)

    assert score(generated, true_groups(generated)) == (1, 1, 1, 1, 1)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_corpus_has_what_its_scenario_promises(name):
    scenario = SCENARIOS[name]
    generated = corpus_of(name)
    calls = Counter(trace.template for trace in generated.traces)
    free = calls.pop(None)

    assert set(calls) == set(generated.literals)
    assert len(calls) >= scenario.templates
    assert sum(calls.values()) + free == len(generated.traces) == (3000 if name == "large" else scenario.traces)
    assert min(calls.values()) >= scenario.least
    assert free == pytest.approx(scenario.noise * len(generated.traces), abs=1)
    assert all(render(generated.literals[t.template], t.values) == t.text for t in generated.traces if t.template)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_two_templates_of_a_corpus_are_the_same(name):
    enough_calls = 2 * SCENARIOS[name].least * SCENARIOS[name].templates  # the templates do not depend on this number
    for seed in (1, 2, 3):  # those of docs/benchmarks.md
        generated = corpus(name, seed, traces=enough_calls)

        assert len(set(generated.literals.values())) == len(generated.literals)


def test_the_long_scenario_is_long():
    lengths = sorted(len(trace.text) for trace in corpus_of("long").traces)

    assert lengths[len(lengths) // 10] > 9_000
    assert lengths[-1] < 30_000


def test_versions_follow_each_other_and_options_mix():
    generated = corpus("versions", seed=1)
    where = {}
    for i, trace in enumerate(generated.traces):
        where.setdefault(trace.template, []).append(i)
    names = [name for name in generated.literals if name.endswith(" v1")]

    assert len(names) == SCENARIOS["versions"].versions
    for name in names:
        first, second = where[name], where[name.removesuffix("v1") + "v2"]
        assert first[len(first) // 2] < second[len(second) // 2]
        assert first[-1] < second[-1]


def test_equal_seeds_give_equal_corpora(small):
    assert corpus("small", seed=1) == small
    assert corpus("small", seed=2) != small


def test_no_value_holds_a_barrier(small):
    assert not any(BARRIER in value for trace in small.traces for value in trace.values)


def test_finding_nothing_scores_nothing_but_keeps_noise_out(small):
    scores = score(small, [])

    assert (scores.pair_f1, scores.template_f1, scores.coverage, scores.noise_recall) == (0, 0, 0, 1)


def test_one_group_of_everything_is_no_template(small):
    all_calls = range(len(small.traces))
    scores = score(small, [Group(("", ""), all_calls, [(small.traces[i].text,) for i in all_calls])])

    assert (scores.round_trip, scores.template_f1, scores.coverage, scores.noise_recall) == (1, 0, 1, 0)
    assert scores.pair_f1 < 0.5


def test_lost_white_space_fails_the_round_trip(small):
    squeezed = [
        group._replace(literals=tuple(" ".join(text.split()) for text in group.literals))
        for group in true_groups(small)
    ]
    scores = score(small, squeezed)

    assert scores.pair_f1 == 1
    assert scores.round_trip < 0.5
    assert scores.template_f1 < 0.5


def test_a_frozen_value_is_not_the_template(small):
    def frozen(group):
        """The template of the calls that share their first value, and of no others."""
        keep = [k for k, row in enumerate(group.rows) if row[:1] == group.rows[0][:1]]
        return Group(group.literals, [group.members[k] for k in keep], [group.rows[k] for k in keep])

    scores = score(small, [frozen(group) for group in true_groups(small)])

    assert scores.round_trip == 1
    assert scores.template_f1 < 0.5


def test_a_border_that_no_data_shows_is_forgiven():
    left_skeleton = skeleton(("Hello ", ", bye"), [["ann "], ["bob "]])
    right_skeleton = skeleton(("Hello", " , bye"), [[" ann"], [" bob"]])

    assert left_skeleton == right_skeleton


def test_an_option_may_stand_on_either_side_of_what_it_repeats():
    with_or_without = [["Say a.\n", "Say b.\n", ""], [".\nSay a", ".\nSay b", ""]]
    before, behind = ([[value] for value in values] for values in with_or_without)

    assert skeleton(("Be kind.\n", "Bye"), before) == skeleton(("Be kind", ".\nBye"), behind)
    assert render(("Be kind.\n", "Bye"), before[0]) == render(("Be kind", ".\nBye"), behind[0])


def test_a_slot_that_never_changes_is_fixed_text():
    assert skeleton(("On ", ": ", "."), [["Monday", "x"], ["Monday", "y"]]) == ("On Monday:", ".")


def test_a_moved_word_is_not_forgiven():
    assert skeleton(("Say ", ""), [["one two"], ["two one"]]) != skeleton(("Say one ", ""), [["two"], ["three"]])


def test_exact_match_finds_static_prompts_only(small):
    scores = score(small, exact_match([trace.text for trace in small.traces]))

    assert scores.round_trip == 1
    assert 0 < scores.template_f1 < 0.5


def test_token_lcs_finds_a_plain_template():
    texts = [f"Say hello to {name} in a warm way" for name in ("Ann", "Bob", "Cleo")]

    assert token_lcs(texts)[0].literals == ("Say hello to ", " in a warm way")


@pytest.mark.parametrize("rule", RULES)
def test_the_miner_works_without_each_of_its_rules(rule, small):
    """A switch whose rule has another name by now would raise."""
    with without_rule(rule):
        groups = mine([trace.text for trace in small.traces[:60]])
    assert all(
        group.template.render(values) == small.traces[i].text
        for group in groups
        for i, values in zip(group.members, group.values, strict=True)
    )
