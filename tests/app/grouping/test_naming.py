"""Names of tasks come from the template's own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.grouping.task_names import MOST_CHARACTERS, is_said_by, suggestions, task_name
from templating import Template


def name(text: str, *taken: str) -> str:
    return task_name(Template.parse(text), taken, "/support/chat")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x00Classify the support ticket below into one of: billing, other.\n{{t}}", "Classify the support ticket"),
        (
            "You are a helpful assistant.\x00Answer the question from the context.\n\nContext: {{c}}",
            "Answer the question from the context",
        ),
        ("You are a strict grader of help-centre answers.\nReply with one word.\x00{{a}}", "Strict grader of help-centre answers"),
        ("You sort the incoming mail of Fernhill, a shop for tents.\x00{{mail}}", "Sort the incoming mail of Fernhill"),
        ("# Task\n\n1. **Summarise** the meeting notes that follow.\n{{notes}}", "Summarise the meeting notes"),
        ("Return JSON only.\nExtract the invoice into JSON that follows this example:\n{{x}}", "Extract the invoice into JSON"),
        ("Please translate the following text into {{language}}.\n{{text}}", "Translate the text"),
        ("Your task is to write a SQL query for the analysts.\x00{{q}}", "Write a SQL query for the analysts"),
        ("Sort the mail into billing, returns or other.\n{{mail}}", "Sort the mail"),
        ("Extract names, dates and places from the text.\n{{text}}", "Extract names"),
        ("Summarise the mail, which may be long, in a line.\n{{mail}}", "Summarise the mail"),
        ("Write one read-only {{dialect}} query for the analysts.\n{{q}}", "Write one read-only query for the analysts"),
        ("Write a {{tone}} reply.\n{{mail}}", "Write a reply"),
        ("Summarise the {{kind}} in two lines.", "Summarise"),
        ("You review pull requests in the shop's Python services.\n{{diff}}", "Review pull requests"),
        ("Translate {{text}}", "Translate"),
        ("The following are multiple choice questions about law.\n{{q}}", "The following are multiple choice questions"),
        ("あなたはアウトドア用品店のお客様係です。\n三文以内で返信してください。\x00{{q}}", "アウトドア用品店のお客様係"),
        ("请将下面的文本翻译成英文。\n{{text}}", "将下面的文本翻译成英文"),
        ("Ответь на вопрос.\n{{q}}", "Ответь на вопрос"),
        ("{{mail}} is the mail of a customer, who waits.\nShop rules of Fernhill\n{{rules}}", "Shop rules of Fernhill"),
        ("{{mail}} is the mail of a customer.", "Mail of a customer"),
        ("of the customer below, by date.\nOrders of this year\n{{orders}}", "Orders of this year"),
        ("what is the capital of {{land}}", "What is the capital"),
        ("summarize the mail of a customer\n{{mail}}", "Summarize the mail of a customer"),
        ("You are an agent working in `/home/dev/`.\n{{goal}}", "Agent working in /home/dev"),
        ("Fix the tests under ~/src/lib first.\n{{goal}}", "Fix the tests under ~/src/lib first"),
        ('{"task": "classify", "text": "{{text}}", "labels": ["a", "b"]}', "Classify"),
        ('<task>Score the letter</task>\n<job id="{{id}}">', "Score the letter"),
        ("\\{{ user }} has asked: {{question}}", "User"),
        ("/summarize the mail and/or the 24/day report\n{{mail}}", "Summarize the mail and/or the day report"),
    ],
)  # fmt: skip
def test_a_name_says_what_the_prompt_is_for(text: str, expected: str) -> None:
    assert name(text) == expected


def test_a_taken_name_gives_way_to_another_order_of_the_prompt() -> None:
    text = "Rate the answer.\nExplain the rating in one line.\n{{a}}"
    assert name(text) == "Rate the answer"
    assert name(text, "Rate the answer") == "Explain the rating in one line"


def test_a_number_follows_when_all_names_are_taken() -> None:
    assert name("Rate it well. {{a}}", "Rate it well") == "Rate it well 2"
    assert name("Rate it well. {{a}}", "Rate it well", "Rate it well 2") == "Rate it well 3"


def test_a_template_without_words_is_named_by_its_path() -> None:
    assert name("<<< {{a}} | {{b}} >>>") == "Support/chat"
    assert name("<<< {{a}} | {{b}} >>>", "Support/chat") == "Support/chat 2"


@pytest.mark.parametrize(
    ("name", "text", "is_said"),
    [
        ("Rate the answer", "Rate the answer briefly, in {{n}} words.", True),
        ("Rate the answer 2", "Rate the answer.\n{{a}}", True),
        ("Write a reply", "Write a {{tone}} reply.\n{{mail}}", True),
        ("Grader of answers", "Write one line.\nYou are a grader of answers.\n{{a}}", True),
        ("将下面的文本翻译成英文", "请将下面的文本翻译成英文。\n{{text}}", True),
        ("Rate the answer of Bo", "Rate the answer of {{who}}.", False),
        ("Label", "Classify the ticket.\n{{ticket}}\nLabel:", False),
        ("Label", "{{ticket}}\nLabel:", True),
    ],
)
def test_a_text_says_a_name_unless_a_word_is_missing_or_a_clearly_better_name_is_there(
    name: str, text: str, is_said: bool
) -> None:
    assert is_said_by(name, Template.parse(text)) is is_said


@pytest.mark.parametrize("mark", ["\u200b", "\u200b\ufeff", "\u200e", "\u2060"])
def test_no_character_without_width_is_at_the_end_of_a_name(mark: str) -> None:
    assert name(f"{mark}Classify the support ticket{mark}\n{{{{t}}}}") == "Classify the support ticket"


def test_no_control_character_is_in_a_name() -> None:
    assert name("\x1b[31mClassify\tthe\x1b support ticket\u202e.\n{{t}}") == "Classify the support ticket"
    assert task_name(Template.parse("<<< {{a}}"), (), "/a\x1b[2J").isprintable()


def test_a_name_is_short() -> None:
    text = "Write " + "a very detailed and thoroughly documented " * 5 + "report. {{x}}"
    assert len(name(text)) <= MOST_CHARACTERS


@pytest.mark.parametrize(
    "word", ["Rindfleisch" * 5, "https://wiki.example.com/" + "a/" * 40, "#" * 60, "snake_case_" * 6]
)
def test_a_first_word_that_is_longer_than_a_name_is_cut(word: str) -> None:
    assert len(name(f"{word}\nExplain entry {{{{n}}}} of the list.")) <= MOST_CHARACTERS


LONG_WORDS = st.text("ab-_#:/.", min_size=40, max_size=60)
PROMPTS = st.lists(st.text() | LONG_WORDS | st.sampled_from(["Write", "in", "the", "or", "to", "of,"])).map(" ".join)


@given(PROMPTS, st.text(min_size=1) | LONG_WORDS, PROMPTS)
def test_any_template_gets_a_name_from_its_fixed_text(before: str, fixed: str, after: str) -> None:
    if fixed.isspace():
        return
    template = Template((before, fixed, after), ("one", "other"))
    text = "".join(template.literals).lower()
    for suggestion in suggestions(template):
        assert 0 < len(suggestion) <= MOST_CHARACTERS
        assert all(word.lower() in text for word in suggestion.split())
    assert task_name(template, set(), "/x")
