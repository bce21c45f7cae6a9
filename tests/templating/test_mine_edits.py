"""An edit is known by its time, also right beside a slot; a text that comes and goes is a value."""

from collections import Counter
from random import Random

import pytest

from templating import Options, mine
from templating.mining.families import BITS_OF_AN_EDIT_IN_A_SAMPLE, Held, edits

START = "You help the support team of a shop.\n\nTicket:\n{t}\n\n"
PROMISE = "Never promise a refund before the team has agreed to it."
EDITS = {
    "another ending": (START + "Be brief.", START + "Write a formal reply to the customer in their own language."),
    "a sentence added behind a slot": (START + "Reply now.", START + PROMISE + "\n\nReply now."),
    "a sentence dropped": (START + PROMISE + "\n\nReply now.", START + "Reply now."),
    "a sentence added before a slot": (START + "Last reply: {p}", START + f"{PROMISE}\n\n" + "Last reply: {p}"),
    "a sentence replaced": (
        START + "Write two sentences for the agent who takes over.\nLast reply: {p}",
        START + PROMISE + "\nLast reply: {p}",
    ),
}


def calls(prompts, seed=5, sizes=(40,) * 5):
    dice = Random(seed)
    words = ["".join(dice.choices("aeioubdgklmnprst", k=dice.randint(3, 9))) for _ in range(300)]
    prose = lambda count: " ".join(dice.choices(words, k=count)).capitalize() + "."  # noqa: E731
    counts = zip(prompts, sizes, strict=False)
    return [
        (p, p.format(t=prose(dice.randint(5, 40)), p=prose(dice.randint(2, 9))))
        for p, count in counts
        for _ in range(count)
    ]


def texts(count, seed=5):
    return [text for _, text in calls(["{p}"], seed, [count])]


def groups_of(pairs):
    return [dict(Counter(pairs[m][0] for m in group.members)) for group in mine([text for _, text in pairs])]


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_beside_a_slot_makes_a_version(edit):
    groups = groups_of(calls(edit))
    assert sorted(groups, key=lambda counts: edit.index(next(iter(counts)))) == [{edit[0]: 40}, {edit[1]: 40}]


def test_three_versions_follow_each_other():
    prompts = (
        START + "Reply now.",
        START + PROMISE + "\n\nReply now.",
        START + "Sign with the name of the shop.\n\nReply now.",
    )
    assert sorted(map(len, groups_of(calls(prompts)))) == [1, 1, 1]


def test_a_sentence_that_comes_and_goes_is_a_value():
    pairs = calls(EDITS["a sentence added behind a slot"])
    Random(1).shuffle(pairs)
    assert len(groups_of(pairs)) == 1


def test_the_frame_of_a_value_that_some_calls_have_is_a_value():
    pairs = calls([START + "Reply now."])
    asks_json = [(p, text.replace("Ticket:\n", 'Ticket:\n{"source": "mail", "text": "')) for p, text in pairs[::3]]
    assert len(groups_of(sorted(pairs + asks_json, key=lambda call: len(call[1])))) == 1


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_version_that_few_of_many_calls_have_is_told_from_a_value(edit):
    groups = groups_of(calls(edit, sizes=(8, 2000)))
    assert sorted(groups, key=lambda counts: edit.index(next(iter(counts)))) == [{edit[0]: 8}, {edit[1]: 2000}]


def test_a_sentence_that_some_of_many_calls_have_now_and_then_is_a_value():
    pairs = calls(EDITS["another ending"], sizes=(200, 1800))
    Random(1).shuffle(pairs)
    assert len(groups_of(pairs)) == 1


def test_a_version_whose_calls_overlap_with_those_of_the_next_is_told_by_all_of_them():
    """Ten of 24 calls of one version come between half of 40 calls of the next, which is the later version 89 times
    in 100.
    """
    order = "A" * 14 + "BBA" * 10 + "B" * 20
    sentence = {"A": "Be as brief as you can be.", "B": "Say why you think so first."}
    rows = [(sentence[version], f"guest {position}") for position, version in enumerate(order)]
    texts = [f"{of} {guest}" for of, guest in rows]
    times = {text: [position] for position, text in enumerate(texts)}.__getitem__
    assert len(set(edits(texts, rows, times, tick=bool, held=Held()))) == 2
    mixed = [rows[position * 27 % len(rows)] for position in range(len(rows))]
    assert len(set(edits(texts, mixed, times, tick=bool, held=Held()))) == 1


def test_words_that_are_edited_at_several_places_at_once_are_one_edit():
    """No word is an edit alone; in the first 20 calls the action is called think, then message."""
    prompts = [
        f"Goal: {guest}\nUse `{action}` to plan. Never `{action}` twice: after one `{action}` act.\nArguments of `{action}`: `{field}`, the {action}."
        for action, field in (("think", "thought"), ("message", "content"))
        for guest in texts(20)
    ]
    assert [len(group.members) for group in mine(prompts)] == [20, 20]


def test_a_word_that_is_put_into_a_list_from_some_day_on_is_an_edit():
    """Ten calls come before the edit, ten after the edit."""
    pairs = calls([START + "Do one of read, run, stop.", START + "Do one of read, kill, run, stop."], sizes=(10, 10))
    assert groups_of(pairs) == [{pairs[0][0]: 10}, {pairs[-1][0]: 10}]


def test_a_word_that_takes_the_place_of_another_from_some_day_on_is_a_value():
    pairs = calls([START + "Reply in French.", START + "Reply in German."], sizes=(10, 10))
    assert [sum(counts.values()) for counts in groups_of(pairs)] == [20]


@pytest.mark.parametrize("days", [("2026-11-28", "2026-11-30"), ("2026-11-28T09:00:00Z", "2026-12-31T17:30:15Z")])
def test_a_date_that_changes_from_day_to_day_is_a_value(days):
    pairs = calls([START + f"Today is {day}. Reply now." for day in days], sizes=(10, 10))
    assert [sum(counts.values()) for counts in groups_of(pairs)] == [20]


def test_a_value_that_each_of_two_versions_has_in_turn_parts_neither():
    """Two goals, each kept for five calls, before and after an edit; in the second version each goal comes once."""
    goals = [
        "Write a small program that prints the word hello.",
        "Correct the typos in the file bad.txt without asking.",
    ]
    ends = ["Say what you do next.", PROMISE]
    blocks = [(n % 2, 0) for n in range(16)] + [(0, 1), (1, 1)]
    prompts = [
        f"Goal: {goals[goal]}\nHistory: {text}\n{ends[end]}"
        for goal, end in blocks
        for text in texts(5, seed=goal + 2 * end)
    ]
    prompts = [f"{prompt} Turn {number}." for number, prompt in enumerate(prompts)]
    assert sorted(len(group.members) for group in mine(prompts)) == [10, 80]


def test_versions_of_one_call_before_and_after_all_others_stay_alone():
    formal = "Write a formal reply {n}, in the words of the customer."
    prompts = [
        START.format(t=text) + (PROMISE if 0 < n < 29 else formal.format(n=n)) for n, text in enumerate(texts(30))
    ]
    (group,) = mine(prompts)
    assert group.members == list(range(1, 29))


def versions_of(rules, sizes, times=()):
    """How many versions the edits of one place make; each rule has as many calls as its size says, or calls at its times."""
    column = [rule for rule, size in zip(rules, sizes, strict=True) for _ in range(size)]
    rows = [(rule, f"guest {place}") for place, rule in enumerate(column)]
    texts = [f"{rule} {guest}" for rule, guest in rows]
    whens = dict(zip(texts, ([when] for when in times or range(len(texts))), strict=True))
    sample = BITS_OF_AN_EDIT_IN_A_SAMPLE
    return len(set(edits(texts, rows, whens.__getitem__, tick=bool, held=Held(), apart=sample)))


def test_versions_that_keep_a_sentence_of_the_version_before_are_told_apart_however_many():
    """Three edits of neighbouring sentences make four texts at one place; the third has a sentence of each neighbour."""
    first, sign, quote = (
        "Be brief and kind, always.",
        "Sign with the name of the shop.",
        "Quote the customer only once.",
    )
    assert versions_of([f"{first} {PROMISE}", f"{first} {sign}", f"{quote} {sign}", quote], (9,) * 4) == 4


def test_four_texts_that_share_no_sentence_are_values():
    rules = PROMISE, "Sign with the name of the shop.", "Quote the customer only once.", "Say which shelf it is on."
    assert versions_of(rules, (9,) * 4) == 1


def test_four_records_that_share_a_field_are_values():
    records = ['{"name": "Ada",\n "tags": ["new", "late", "old"],\n "note": ' + note + "}" for note in "1234"]
    assert versions_of(records, (9,) * 4) == 1


def test_a_version_that_three_of_the_newest_calls_have_is_told_from_a_value():
    """Three of the newest five calls have the new text, none of 38 calls before."""
    assert versions_of(["Be as brief as you can be.", PROMISE], (40, 3), [*range(38), 40, 42, 38, 39, 41]) == 2


def test_an_optional_part_that_explains_itself_is_a_value_though_each_run_has_its_own():
    """Runs that failed once carry a note, which begins with the same sentences each time."""
    notes = ["", "the map was old", "", "the bridge was shut", "", "no driver was asked", "", "the ferry left early"]
    begin = "An earlier try failed. These notes say why it failed, so that you do better now. Notes: "
    rows = [
        (begin + f"In the last try {note}." if note else "", f"guest {place}") for place, note in enumerate(notes * 6)
    ]
    rows.sort(
        key=lambda row: notes.index(row[0][len(begin + "In the last try ") : -1]) if row[0] else int(row[1][6:]) // 3
    )
    assert versions_of([note for note, _ in rows], (1,) * len(rows)) == 1


def test_a_template_whose_versions_have_the_template_of_all_is_divided_once():
    """The last two calls have a text of their own, and the six before still have an optional part: without an end, these six were told apart again and again."""
    parts = ["", "", "", "in short\n", "in short\n", "in short\n", *["in at most twenty plain words\n"] * 2]
    prompts = [
        f"You help the guests of a small hotel by the sea.\n{part}Answer the question of {guest} about the room with care."
        for part, guest in zip(parts, ("Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal"), strict=True)
    ]
    result = mine(prompts, Options(max_seconds=120))
    assert (result.complete, [len(group.members) for group in result]) == (True, [8])
