"""The rules that find the line of a template, on templates and times alone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.grouping.lineage import Relative, SeenCallTimes, alive_together, kinship, line_of, share_a_preamble_only
from templating import Template
from templating.scripts import tokens

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LINE, OTHER_LINE = UUID(int=1), UUID(int=2)


def call_times(*minutes: float) -> SeenCallTimes:
    return SeenCallTimes((BEGIN + timedelta(minutes=minute), UUID(int=0)) for minute in minutes)


def template(text: str) -> Template:
    return Template.parse(text)


TRIAGE = template(
    "You sort the mail of a shop.\x00Classify the ticket below. Answer with one word: billing, delivery or other.\n"
    "Ticket: {{ticket}}\nLabel:"
)
EDITED = template(
    "You sort the mail of a shop.\x00Classify the ticket below. Answer with one word: billing, delivery or other.\n"
    "When in doubt, say other.\nTicket: {{ticket}}\nLabel:"
)
SUMMARY = template("You are a patient editor.\x00Summarise the notes for people who were not there.\n{{notes}}")


# --- kinship


def test_a_template_is_its_own_closest_kin() -> None:
    assert kinship(TRIAGE, TRIAGE) == 1.0


def test_a_sentence_more_is_kin() -> None:
    assert 0.6 < kinship(TRIAGE, EDITED) < 1.0
    assert kinship(TRIAGE, EDITED) == kinship(EDITED, TRIAGE)


def test_another_prompt_is_no_kin() -> None:
    assert kinship(TRIAGE, SUMMARY) == 0.0


def test_a_common_greeting_is_not_enough() -> None:
    greeting = "You are a helpful assistant."
    assert kinship(template(f"{greeting}\x00{{{{q}}}}"), template(f"{greeting} {TRIAGE.to_text()}")) == 0.0


def test_all_of_the_old_text_and_as_much_new_is_kin() -> None:
    longer = template(
        TRIAGE.to_text() + "\n" + "A customer who threatens with a lawyer is urgent, whatever the matter. " * 3
    )
    assert kinship(TRIAGE, longer) > 0


def test_the_same_words_in_another_order_are_no_kin() -> None:
    words = [f"word{number}" for number in range(30)]
    assert kinship(template(" ".join(words)), template(" ".join(words[::-1]))) == 0.0


def test_slots_do_not_count_only_fixed_text_does() -> None:
    assert (
        kinship(
            template("Translate into {{language}}: {{text}}"),
            template("Translate into {{text}}: {{x}}{{y}}".replace("{{y}}", "")),
        )
        == 1.0
    )


def test_text_without_spaces_is_compared_by_characters() -> None:
    old = template("次の問い合わせを分類してください。答えは一語で。\n{{ticket}}")
    new = template("次のお問い合わせを分類してください。答えは一語でお願いします。\n{{ticket}}")
    assert kinship(old, new) > 0.6
    assert kinship(old, template("会議の記録を三行でまとめてください。\n{{notes}}")) == 0.0


def test_very_long_templates_are_compared_in_bounded_time() -> None:
    long = [f"w{number % 997}" for number in range(30_000)]
    old, new = template(" ".join(long)), template(" ".join(["x", *long[::2], "y"]))
    assert kinship(old, new) > 0


def test_tokens_are_words_single_marks_and_single_characters_of_unspaced_scripts() -> None:
    assert list(tokens("It's 3.5 m\n漢字 ok_1")) == ["It", "'", "s", "3", ".", "5", "m", "漢", "字", "ok_1"]


# --- time


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (call_times(0, 1, 2, 3), call_times(4, 5, 6), False),
        (call_times(0, 2, 4), call_times(1, 3, 5), True),
        (call_times(0, 1, 2, 3, 4, 5, 6, 7, 8, 10), call_times(9, 11, 12, 13, 14, 15, 16, 17), False),
        (call_times(0, 1, 2, 13, 14, 15), call_times(5, 6, 7), False),
        (call_times(0, 1, 2), call_times(), False),
        (call_times(*range(0, 100, 2)), call_times(*range(1, 100, 2)), True),
    ],
    ids=["one after the other", "in turns", "a roll-out", "there and back", "no calls", "long in turns"],
)
def test_lives_are_together_when_a_good_part_of_both_is(
    first: SeenCallTimes, second: SeenCallTimes, together: bool
) -> None:
    assert alive_together(first, second) is together
    assert alive_together(second, first) is together


def test_a_stray_call_years_later_changes_nothing() -> None:
    old = call_times(*range(40), 10_000)
    new = call_times(-1, *range(50, 90))
    assert not alive_together(old, new)


def test_calls_of_one_instant_are_ordered_by_their_ids() -> None:
    turns = [[(BEGIN, UUID(int=number)) for number in range(start, 20, 2)] for start in (0, 1)]
    halves = [[(BEGIN, UUID(int=number)) for number in part] for part in (range(10), range(10, 20))]
    assert alive_together(*map(SeenCallTimes, turns))
    assert not alive_together(*map(SeenCallTimes, halves))


# --- the decision


def test_an_edit_that_follows_continues_the_task() -> None:
    assert line_of(EDITED, call_times(5, 6, 7), [Relative(LINE, TRIAGE, call_times(0, 1, 2))]) == LINE


def test_a_prompt_of_its_own_begins_a_task() -> None:
    assert line_of(SUMMARY, call_times(5, 6, 7), [Relative(LINE, TRIAGE, call_times(0, 1, 2))]) is None


def test_alike_prompts_in_use_side_by_side_are_two_tasks() -> None:
    assert line_of(EDITED, call_times(1, 3, 5), [Relative(LINE, TRIAGE, call_times(0, 2, 4))]) is None


def test_the_task_with_the_most_text_in_common_wins() -> None:
    cousin = template(TRIAGE.to_text().replace("one word", "one label").replace("ticket below", "letter below"))
    relatives = [Relative(OTHER_LINE, cousin, call_times(0, 1, 2)), Relative(LINE, TRIAGE, call_times(0, 1, 2))]
    assert line_of(EDITED, call_times(5, 6, 7), relatives) == LINE


RULES = (
    "You work for a shop. Be polite, be brief, never promise a refund, and answer in the language of the customer. " * 2
)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("Classify this ticket: {{ticket}}\nLabel:", "Write a haiku about the season of {{season}} now.", True),
        ("Question: {{question}}\nHelpful Answer:", "Write a passage on it.\nQuestion: {{question}}\nPassage:", False),
        ("{{question}}", "Use this text only: {{text}}\n{{question}}", False),
        ("Answer in plain English.\n\n{{question}}", "Never say what you do not know.\n\n{{question}}", False),
        ("Classify this ticket: {{ticket}}\nLabel:", "Classify this mail in a word: {{ticket}}\nLabel:", False),
    ],
    ids=["other orders", "the same slot", "a slot more", "the last sentence edited", "the order edited"],
)
def test_prompts_with_only_a_preamble_in_common_are_two_call_sites(first: str, second: str, shared: bool) -> None:
    older, newer = template(RULES + first), template(RULES + second)
    assert kinship(older, newer) > 0
    assert share_a_preamble_only(older, newer) is share_a_preamble_only(newer, older) is shared


def test_call_sites_behind_one_preamble_are_two_tasks_though_one_follows_the_other() -> None:
    older, newer = (
        template(f"{RULES}Classify this ticket: {{{{ticket}}}}\nLabel:"),
        template(f"{RULES}Praise the deeds of {{{{name}}}} in plain prose."),
    )
    assert line_of(newer, call_times(5, 6, 7), [Relative(LINE, older, call_times(0, 1, 2))]) is None


def test_a_task_whose_latest_version_is_in_use_is_no_choice() -> None:
    relatives = [Relative(LINE, TRIAGE, call_times(0, 1, 2)), Relative(LINE, EDITED, call_times(3, 5, 7))]
    third = template(TRIAGE.to_text().replace("one word", "exactly one word"))
    assert line_of(third, call_times(4, 6, 8), relatives) is None


def test_an_edit_that_a_slot_swallowed_is_related_however_little_text_there_was() -> None:
    wide = template("{{anything}}\nLabel:")
    assert line_of(EDITED, call_times(5, 6, 7), [Relative(LINE, wide, call_times(0, 1, 2))]) is None
    assert line_of(EDITED, call_times(5, 6, 7), [Relative(LINE, wide, call_times(0, 1, 2), swallowed=True)]) == LINE
