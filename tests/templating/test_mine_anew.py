"""Known templates that a search finds anew from prompts that they matched."""

from random import Random

import pytest

from templating import Matcher, Template, mine, name_slots
from templating.memory import MOST_REMEMBERED, Memory, first_moment
from templating.mining.anew import Anew

LETTERS = Random(5)
WORDS = ["".join(LETTERS.choices("aeioubdgklmnprst", k=LETTERS.randint(4, 9))) for _ in range(400)]


def _moments(prompts):
    return {prompt: first_moment() for prompt in prompts}


def text(dice, low=12, high=20):
    return " ".join(dice.choices(WORDS, k=dice.randint(low, high)))


def calls_of_two_agents(dice, calls=24):
    """Prompts of two agents behind one preamble, one after the other in turn."""
    preamble = f"You work in a team that builds software. {text(dice, 30, 40)}\n"
    roles = [f"Write the plan of the work. {text(dice, 25, 30)}", f"Review the code of the work. {text(dice, 25, 30)}"]
    return [
        f"{preamble}Task: {text(dice, 8, 12)}\n{roles[call % 2]}\nState: {text(dice, 20, 40)}\nAnswer:"
        for call in range(calls)
    ]


def calls_of_a_crew(dice, agents, runs):
    """Per agent the prompts of these runs: one order and one long document a run, which all agents see."""
    frame, ending = text(dice, 30, 34), text(dice, 10, 12)
    duties = [(text(dice, 14, 16), text(dice, 16, 18)) for _ in range(agents)]
    prompts = [[] for _ in duties]
    for _ in range(runs):
        order, document = text(dice, 8, 12), text(dice, 900, 1100)
        for (role, request), own in zip(duties, prompts, strict=True):
            own.append(
                f"{frame}\nRole: {role}\nOrder: {order}.\n{ending}\nOrder again: {order}\nText:\n{document}\n{request}"
            )
    return prompts


def streamed(batches):
    """The known templates after these batches; a prompt that a known template matches does not come back."""
    known, unmatched = [], []
    for batch in batches:
        matcher = Matcher(known)
        unmatched = [prompt for prompt in [*unmatched, *batch] if matcher.match(prompt) is None]
        groups = mine(unmatched, known=known)
        superseded = {index for group in groups for index in group.supersedes}
        known = [template for index, template in enumerate(known) if index not in superseded] + [
            group.template for group in groups
        ]
        matcher = Matcher(known)
        unmatched = [prompt for prompt in unmatched if matcher.match(prompt) is None]
    return known


def found_for(known, prompts):
    matcher = Matcher(known, remembers=False)
    return {match and match.index for match in map(matcher.match, prompts)}


def test_two_agents_behind_one_preamble_are_two_templates_when_they_come_in_turn_three_calls_a_batch():
    """The first three calls look like one template with wide slots, which matches all later calls of both agents."""
    calls = calls_of_two_agents(Random(0))
    known = streamed([calls[start : start + 3] for start in range(0, len(calls), 3)])
    first, second = (found_for(known, calls[agent::2]) for agent in (0, 1))
    assert len(first) == len(second) == 1
    assert first != second


def test_one_prompt_of_a_new_agent_does_not_join_the_agents_that_a_search_of_their_prompts_told_apart():
    """Of such long prompts no examples are kept, so this batch sees little of the known agents."""
    *crew, late = calls_of_a_crew(Random(0), agents=6, runs=10)
    calls = [prompt for run in zip(*crew, strict=True) for prompt in run]
    known = streamed([calls[start : start + 8] for start in range(0, len(calls), 8)])
    assert len(known) == len(crew)
    assert [*mine(late[:1], known=known)] == []


@pytest.fixture
def wide():
    """A template of three calls of two agents, and later calls that it matched."""
    calls = calls_of_two_agents(Random(0))
    [group] = mine(calls[:3])
    matcher = Matcher([group.template])
    later_calls = [prompt for prompt in calls[3:] if matcher.match(prompt) is not None]
    assert len(later_calls) > 3
    return group.template


def test_a_template_that_proves_to_be_two_is_superseded_by_groups_without_new_prompts(wide):
    groups = mine([], known=[wide])
    assert len(groups) == 2
    assert [group.members for group in groups] == [[], []]
    assert {number for group in groups for number in group.supersedes} == {0}


def test_the_same_search_gives_the_same_answer_until_the_template_matches_more(wide):
    assert list(mine([], known=[wide])) == list(mine([], known=[wide]))


def test_prompts_of_a_template_that_proves_to_be_two_are_members_of_the_new_groups(wide):
    calls = calls_of_two_agents(Random(0))[-4:]
    groups = mine(calls, known=[wide])
    assert sorted(group.members for group in groups) == [[0, 2], [1, 3]]


def test_a_prompt_that_only_a_superseded_template_matches_is_no_longer_known(wide):
    """The caller drops the superseded template, so a prompt that is called known would be in no template at all."""
    dice, preamble = Random(9), wide.literals[0].split("\n")[0]
    prompt = f"{preamble}\nTask: {text(dice, 8, 12)} of the work. {text(dice, 3, 5)}\nState: {text(dice)}\nAnswer:"
    assert Matcher([wide], remembers=False).match(prompt) is not None
    groups = mine([prompt], known=[wide])
    assert {number for group in groups for number in group.supersedes} == {0}
    assert dict(groups.ungrouped) == {0: "alone"}


def test_a_template_that_is_found_again_stays():
    dice = Random(1)
    prompts = [f"Sum up the report of the day for the board.\n{text(dice)}" for _ in range(24)]
    [group] = mine(prompts[:6])
    matcher = Matcher([group.template])
    assert all(matcher.match(prompt) for prompt in prompts)
    result = mine(prompts[6:], known=[group.template])
    assert not result
    assert set(result.ungrouped.values()) == {"known"}


def test_no_search_of_remembered_prompts_before_a_quarter_of_the_prompts_is_new():
    """A new prompt that nothing matches asks for a search; the search of all remembered prompts waits."""
    dice = Random(1)
    prompts = [f"Sum up the report of the day for the board.\n{text(dice)}" for _ in range(40)]
    [group] = mine(prompts)
    memory = group.template.memory
    for few_new in (9, 1):
        mine([text(dice) for _ in range(few_new)], known=[group.template])
        Matcher([group.template])
        assert memory.searched == 40
    for prompt in [f"Sum up the report of the day for the board.\n{text(dice)}" for _ in range(10)]:
        Matcher([group.template]).match(prompt)
    mine([], known=[group.template])
    Matcher([group.template])
    assert memory.searched == 50


def test_templates_for_which_a_search_has_no_room_ask_for_no_second_search():
    known = [
        Template(
            (f"Task {number} of the shop: ", ""), ("x",), memory=Memory(_moments([f"Task {number} of the shop: x"]))
        )
        for number in range(130)
    ]
    for count in range(100):
        known[-1].memory.note(f"Task 129 of the shop: text {count}")
    first = Anew(known, 0)
    first.note_search()
    Matcher(known)
    assert (bool(first.numbers), Anew(known, 0).numbers) == (True, set())


@pytest.mark.parametrize(("prompts_seen", "is_replaced"), [(60, True), (100, False)])
def test_a_template_that_forgot_most_prompts_gives_way_to_no_narrower_one(prompts_seen, is_replaced):
    """The forgotten prompts may be those that the narrower template does not fit."""
    dice = Random(1)
    prompts = [
        f"Sum up the report of the day for the {reader}.\n{text(dice)}" for reader in ("board", "press", "staff")
    ]
    [group] = mine(prompts)
    remembered = [f"Sum up the report of the day for the board.\n{text(dice)}" for _ in range(40)]
    template = Template(
        group.template.literals, group.template.slots, memory=Memory(_moments(remembered), seen=prompts_seen)
    )
    narrower = [(narrow.template.literals[0], narrow.supersedes) for narrow in mine([], known=[template])]
    assert narrower == [("Sum up the report of the day for the board.\n", (0,))] * is_replaced


def test_a_template_of_other_origin_remembers_nothing():
    template = Template.parse("Translate: {{text}}")
    assert Matcher([template]).match("Translate: a letter") is not None
    assert template.memory is None


def test_a_template_whose_memory_is_empty_stays():
    template = Template(("Ask about ", " now."), ("topic",), memory=Memory({}))
    assert mine(["Ask about tides now."], known=[template]).ungrouped == {0: "known"}


def test_a_named_template_holds_no_prompts():
    """The product stores and matches named templates: a prompt that is deleted must not stay in the memory of a process."""
    dice = Random(1)
    prompts = [f"Sum up the report of the day for the board.\n{text(dice)}" for _ in range(6)]
    [group] = mine(prompts)
    assert group.template.memory is not None
    named = name_slots(group, prompts)
    assert named.memory is None
    assert named.examples == ()


def test_no_repr_of_a_template_shows_a_remembered_prompt():
    dice = Random(1)
    [group] = mine([f"Sum up the report of the day for the board.\nsecret{number} {text(dice)}" for number in range(6)])
    assert any("secret1" in prompt for prompt in group.template.memory.moments)
    assert "secret1" not in repr(group.template) + repr(group.template.memory)


def test_a_memory_is_bounded_and_spread_over_all_prompts():
    memory = Memory(_moments(["prompt 0"]))
    for number in range(1, 1000):
        memory.note(f"prompt {number}")
    numbers = [int(prompt.split()[1]) for prompt in memory.moments]
    assert MOST_REMEMBERED / 2 <= len(numbers) <= MOST_REMEMBERED
    assert numbers == sorted(numbers)
    assert numbers[-1] > 900
    assert memory.seen == 1000


def test_a_prompt_counts_once_in_a_memory():
    memory = Memory(_moments(["a", "b", "c"]))
    for _ in range(9):
        memory.note("a")
    assert memory.seen == 3


def test_a_prompt_that_another_thread_notes_meanwhile_does_no_harm():
    """The length of a prompt is asked while the memory is read: that is the moment at which the other prompt comes."""
    memory = Memory(_moments(["first"]))

    class Prompt(str):
        is_met = False

        def __len__(self):
            if not Prompt.is_met:
                Prompt.is_met = True
                memory.note("of another thread")
            return super().__len__()

    memory.note(Prompt("second"))
    assert {"first", "second"} <= memory.moments.keys()
