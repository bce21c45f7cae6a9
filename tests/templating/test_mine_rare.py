"""Templates of three or four calls are found among thousands of prompts, and free texts of common turns of phrase are none."""

from itertools import count
from random import Random

import pytest

from templating import Options, mine
from templating.mining import budget
from templating.mining.filing import families
from templating.template import Template

BEGINNINGS = ("bal", "den", "fin", "gor", "hul", "jas", "kem", "lor", "mip", "nud", "pra", "quo", "rin", "sut", "tev")
WORDS = [a + b for a in BEGINNINGS for b in ("a", "er", "il", "on", "um", "is", "eta", "ora", "ipo", "uda")]


def words(dice, low, high):
    return " ".join(dice.choices(WORDS, k=dice.randint(low, high)))


def calls_of(dice, number_of_templates, calls, preamble=""):
    """Prompts of so many templates: (text, number of its template)."""
    prompts = []
    for number in range(number_of_templates):
        head, middle, tail = (words(dice, 9, 14).capitalize() for _ in range(3))
        for _ in range(calls):
            body = f"{head}:\n{words(dice, 3, 30)}\n\n{middle}: {words(dice, 1, 6)}\n{tail}"
            prompts.append((preamble + body, number))
    return prompts


def free_texts(dice, number):
    """Texts in people's style: each has turns of phrase that others have too."""
    phrases = [words(dice, 2, 4) for _ in range(number // 2)]
    return [
        (" ".join(f"{dice.choice(phrases)} {words(dice, 1, 4)}" for _ in range(dice.randint(1, 6))), None)
        for _ in range(number)
    ]


def outcome_of(prompts):
    """(templates that have exactly their calls, groups, free texts in a group)"""
    owners = {}
    for index, (_, number) in enumerate(prompts):
        owners.setdefault(number, []).append(index)
    free = set(owners.pop(None, ()))
    groups = mine([text for text, _ in prompts])
    members = {tuple(group.members) for group in groups}
    for group in groups:
        assert all(
            group.template.render(row) == prompts[i][0] for i, row in zip(group.members, group.values, strict=True)
        )
    right = sum(tuple(its) in members for its in owners.values())
    return right, len(groups), len(free.intersection(i for group in groups for i in group.members))


def shuffled(dice, prompts):
    dice.shuffle(prompts)
    return prompts


@pytest.mark.parametrize("calls", [3, 6])
def test_rare_templates_are_found_in_more_prompts_than_one_look_has_room_for(calls):
    dice = Random(calls)
    right, groups, _ = outcome_of(shuffled(dice, calls_of(dice, 500, calls)))
    assert right >= 490
    assert groups <= 500


def test_rare_templates_are_found_among_free_texts_which_stay_ungrouped():
    dice = Random(2)
    right, _, grouped = outcome_of(shuffled(dice, calls_of(dice, 300, 4) + free_texts(dice, 2000)))
    assert right >= 290
    assert grouped == 0


def test_rare_templates_are_found_beside_a_few_that_have_most_of_the_calls():
    dice = Random(3)
    right, groups, _ = outcome_of(
        shuffled(dice, calls_of(dice, 5, 800) + [(text, number + 5) for text, number in calls_of(dice, 200, 4)])
    )
    assert right >= 200
    assert groups <= 205


def test_documents_of_one_knowledge_base_stay_values_of_a_slot():
    dice = Random(5)
    base = [words(dice, 25, 40).capitalize() + "." for _ in range(60)]
    preamble = words(dice, 40, 40).capitalize()
    prompts = [
        (f"{preamble}.\nContext: {' '.join(dice.sample(base, dice.randint(1, 4)))}\nQuestion: {words(dice, 4, 9)}", 0)
        for _ in range(2500)
    ]
    assert outcome_of(prompts) == (1, 1, 0)


def test_free_texts_of_common_turns_of_phrase_are_no_templates_however_many_there_are():
    dice = Random(6)
    assert len(mine([text for text, _ in free_texts(dice, 4000)])) == 0


def test_groups_found_so_far_are_returned_when_time_is_up_among_rare_templates(monkeypatch):
    # So that should_stop is asked equally often on any machine.
    monkeypatch.setattr(budget, "SECONDS_BETWEEN_QUESTIONS", 0.0)
    dice = Random(7)
    texts = [text for text, _ in shuffled(dice, calls_of(dice, 150, 4))]
    questions = count()
    mine(texts, Options(should_stop=lambda: next(questions) < 0))
    total = next(questions)
    for share in (0.02, 0.2, 0.4, 0.6, 0.8):
        questions = count()
        result = mine(
            texts, Options(should_stop=lambda questions=questions, share=share: next(questions) > share * total)
        )
        placed = [i for group in result for i in group.members]
        assert not result.complete
        assert len(placed) == len(set(placed))
        assert placed or share < 0.2
        for group in result:
            assert all(
                group.template.render(row) == texts[i] for i, row in zip(group.members, group.values, strict=True)
            )


def test_texts_that_share_most_are_of_one_family_and_no_text_is_in_two():
    dice = Random(8)
    prompts = calls_of(dice, 50, 4)
    number_of = dict(prompts)
    texts = [text for text, _ in shuffled(dice, prompts)]
    filed = families(texts, {text: [0] for text in texts}, "\x00", 3, bool)
    assert sorted(text for family in filed for text in family) == sorted(texts)
    homes = {}
    for place, family in enumerate(filed):
        for text in family:
            homes.setdefault(number_of[text], set()).add(place)
    assert all(len(its) == 1 for its in homes.values())


def test_a_known_template_is_not_forgotten_where_most_templates_are_rare():
    dice = Random(9)
    known = Template(("Name the capital of this country: ", "\nOne word."), ("country",))
    prompts = calls_of(dice, 300, 4) + [(known.render([words(dice, 1, 2)]), None) for _ in range(50)]
    result = mine([text for text, _ in prompts], known=[known])
    assert sum(reason == "known" for reason in result.ungrouped.values()) == 50
    assert len(result) >= 290
