"""Short templates: a few words are enough where they save bits, and a turn of phrase is no template."""

import json
from random import Random

import pytest

from templating import Matcher, Template, mine

QUESTIONS = [
    "How do I reset my password?",
    "Where is my order 1182?",
    "Can I change the delivery address of my parcel",
    "what's your refund policy for shoes",
    "my invoice is wrong by 12 euros",
    "Is the blue jacket in stock",
    "please cancel everything",
    "The app crashes at login",
    "who designed the logo",
    "gift cards expire when",
]


@pytest.mark.parametrize("begin", ["Translate to French: ", "Classify this message: ", "Write a haiku about "])
@pytest.mark.parametrize("calls", [3, 10])
def test_a_few_words_make_a_template_when_every_call_of_the_path_has_them(begin: str, calls: int) -> None:
    [group] = mine([begin + question for question in QUESTIONS[:calls]])
    assert group.template.literals == (begin, "")
    assert group.values == [(question,) for question in QUESTIONS[:calls]]


def test_the_same_words_in_a_few_of_many_free_texts_make_none() -> None:
    assert not mine([*QUESTIONS, *(f"How do I {question}" for question in ("sign out", "pay by card", "find my size"))])


def test_one_word_is_enough_where_calls_enough_begin_with_it() -> None:
    [group] = mine([f"Summarize: {question}" for question in QUESTIONS])
    assert group.template.literals == ("Summarize: ", "")


@pytest.mark.parametrize(
    "heads", [["red", "blue", "green", "black", "white"], ["weather in", "hotels in", "flights to", "museums in"]]
)
def test_values_behind_a_label_may_begin_with_a_few_words(heads: list[str]) -> None:
    values = [
        f"{head} {tail}"
        for head in heads
        for tail in ("Rome", "Oslo", "Lima", "Bern", "Cairo", "Quito", "Delhi", "Seoul")
    ]
    [group] = mine([f"Classify: {value}" for value in values])
    assert group.template.literals == ("Classify: ", "")


@pytest.mark.parametrize("other_count", [0, 100])
def test_values_behind_a_label_may_share_turns_of_phrase(other_count: int) -> None:
    random = Random(3)
    nouns, ends = (
        ("parcel", "order", "refund", "invoice", "tent", "card"),
        ("is late", "did not arrive", "needs a new date", "is missing"),
    )
    mails = [
        f"Classify: {random.choice(['my', 'the', 'your', 'a'])} {random.choice(nouns)} {random.choice(ends)} {random.choice(ends)}"
        for _ in range(150)
    ]
    summaries = [
        f"Summarise the ticket {number} in two lines of plain English: {random.choice(nouns)}"
        for number in range(other_count)
    ]
    templates = {group.template.literals for group in mine([*mails, *summaries])}
    assert ("Classify: ", "") in templates
    assert len(templates) == 1 + bool(other_count)


def of_frame(begin: str, end: str) -> list[str]:
    return [begin + question + end for question in QUESTIONS]


def test_short_templates_that_begin_with_one_word_are_told_apart_by_what_follows() -> None:
    groups = mine(
        [
            *of_frame("Rate: ", ""),
            *of_frame("Rate this: ", ""),
            *of_frame("Rate ", " please"),
            *of_frame("Rate for ", " in one word"),
        ]
    )
    assert {group.template.literals for group in groups} == {
        ("Rate: ", ""),
        ("Rate this: ", ""),
        ("Rate ", " please"),
        ("Rate for ", " in one word"),
    }


def test_short_templates_that_differ_in_a_word_behind_the_same_words_are_templates_of_their_own() -> None:
    other_calls = [*of_frame("Rate: ", ""), *of_frame("Translate this: ", ""), *of_frame("", "\n\nSummarize it.")]
    groups = mine(
        [
            *other_calls,
            *of_frame("How would you rate ", "?"),
            *of_frame("How would you translate ", "?"),
            *of_frame("How would you shorten ", "?"),
        ]
    )
    assert [len(group.members) for group in groups] == [10] * 6


def test_a_last_line_makes_a_template() -> None:
    groups = mine([*of_frame("", "\n\nTranslate it."), *of_frame("", "\n\nSummarize it.")])
    assert {group.template.literals for group in groups} == {("", "\n\nTranslate it."), ("", "\n\nSummarize it.")}


@pytest.mark.parametrize("greeting", ["hi ", "Hello! ", "hey, ", "ok so "])
def test_a_greeting_makes_none(greeting: str) -> None:
    places = ["Oslo", "Lima", "Cairo", "Quito", "Dhaka", "Seoul", "Minsk", "Tunis", "Accra", "Hanoi"]
    free = [f"{places[n]} ships {n * 37} boxes {places[n - 3]} never wanted" for n in range(10)]
    assert not mine([*free, *(f"{greeting}{question}" for question in QUESTIONS)])


def test_a_text_that_values_share_is_no_template_beside_the_short_one() -> None:
    sources = [f"Translate: Source: {name}" for name in ("a.txt", "b.csv", "c.md")]
    groups = mine([*of_frame("Translate: ", ""), *sources])
    assert [group.template.literals for group in groups] == [("Translate: ", "")]


@pytest.mark.parametrize("seed", [5, 8, 24, 37])
def test_few_json_texts_are_not_a_template_of_braces(seed: int) -> None:
    dice, words = (
        Random(seed),
        [
            "owner",
            "total",
            "red",
            "shipping",
            "address",
            "weight",
            "colour",
            "until",
            "since",
            "when",
            "of",
            "the",
            "and",
            "be",
            "not",
            "is",
            "what",
            "name",
            "price",
        ],
    )
    value = lambda *choices: dice.choice([None, False, *choices])  # noqa: E731
    texts = [
        json.dumps(
            {
                dice.choice(words): dice.choice([False, None, True]),
                dice.choice(words): dice.choice([None, dice.randint(1, 999), dice.choice(words)]),
                dice.choice(words): value(dice.randint(1, 999)),
            }
        )
        for _ in range(6)
    ]
    assert list(mine([*QUESTIONS, *texts])) == []


def test_few_calls_with_a_json_prompt_of_words_are_a_template() -> None:
    texts = [
        json.dumps({"instruction": "Translate to French", "text": f"The number {n} is next."}) for n in (17, 243, 3891)
    ]
    assert [group.template.literals[0] for group in mine(texts)] == [
        '{"instruction": "Translate to French", "text": "The number '
    ]


def test_short_templates_that_come_a_few_calls_at_a_time_are_told_apart_as_well() -> None:
    calls = [
        frame[number]
        for number in range(10)
        for frame in (
            of_frame("Rate: ", ""),
            of_frame("Rate ", " please"),
            of_frame("Rate for ", " in one word"),
            of_frame("Translate: ", ""),
        )
    ]
    known, pool = list[Template](), list[str]()
    for start in range(0, len(calls), 8):
        pool += calls[start : start + 8]
        known += [group.template for group in mine(pool, known=known)]
        matcher = Matcher(known)
        pool = [text for text in pool if matcher.match(text) is None]
    assert {template.literals for template in known} == {
        ("Rate: ", ""),
        ("Rate ", " please"),
        ("Rate for ", " in one word"),
        ("Translate: ", ""),
    }


def test_a_short_template_takes_the_place_of_one_that_froze_the_end_of_its_values() -> None:
    early = Template(("Translate: ", "."), ("text",))
    [group] = mine(of_frame("Translate: ", ""), known=[early])
    assert group.template.literals == ("Translate: ", "")
    assert group.supersedes == (0,)


def test_texts_that_begin_with_the_same_question_word_are_of_the_template_that_ends_them() -> None:
    dice, words = (
        Random(2),
        [
            "river",
            "planet",
            "metal",
            "author",
            "island",
            "mountain",
            "painter",
            "comet",
            "cheese",
            "bridge",
            "poet",
            "north",
            "cold",
            "first",
            "old",
            "of",
            "by",
            "in",
        ],
    )
    questions = [
        f"{word} {' '.join(dice.sample(words, 5))}?"
        for word in ["Which"] * 8 + ["What"] * 6 + ["Was", "Did", "Can", "When"] * 3
    ]
    texts = [" ".join(dice.sample(words, 9)) for _ in range(20)]
    groups = mine([*(f"{question}\nAnswer:" for question in questions), *(f"{text}\n\nTL;DR:" for text in texts)])
    assert [group.template.literals for group in groups] == [("", "?\nAnswer:"), ("", "\n\nTL;DR:")]


def test_few_calls_are_enough_for_two_words_where_no_two_calls_go_on_alike() -> None:
    dice = Random(4)
    words = [
        "rivers",
        "planets",
        "metals",
        "authors",
        "islands",
        "mountains",
        "painters",
        "comets",
        "cheeses",
        "bridges",
    ]
    free_texts = [
        " ".join(dice.sample([*words, "of", "never", "went", "north", "because", "its", "were", "cold"], 9))
        for _ in range(60)
    ]
    groups = mine([*free_texts, *(f"Delete all {word} {number}" for number, word in enumerate(words))])
    assert [group.template.literals for group in groups] == [("Delete all ", "")]


def test_short_prompts_of_two_values_out_of_a_few_are_no_template_for_each_first_value() -> None:
    fruits = ["apple", "banana", "cherry", "grape", "lemon", "mango", "peach", "pear", "plum", "quince"]
    languages = ["French", "German", "Spanish", "Dutch", "Danish", "Polish", "Czech", "Greek"]
    prompts = Random(1).sample([f"{fruit} in {language}" for fruit in fruits for language in languages], 60)
    assert all(fruit not in group.template.to_text() for group in mine(prompts) for fruit in fruits)


def test_a_word_out_of_three_and_an_ending_out_of_two_are_values_of_one_short_template() -> None:
    levels, endings = ["beginner", "trained", "expert"], ["Our new lamps are here", "Hill Road 12\n90799 Aue"]
    of_calls = [(2, 1), (0, 0), (0, 0), (0, 0), (0, 1), (2, 0), (1, 0), (1, 1), (0, 1), (0, 1)]
    prompts = [
        f'Here is a question of the {levels[level]} course. Please finish the answer with "{endings[ending]}", where X is the letter.'
        for level, ending in of_calls
    ]
    [group] = mine(prompts)
    assert group.values == [(levels[level], endings[ending]) for level, ending in of_calls]


def test_prompts_that_only_end_alike_are_told_apart_behind_an_empty_system_text_too() -> None:
    r = Random(1)
    ends = [f"\n\n{verb} it." for verb in ("shorten", "rename", "cancel", "sort", "rate")]
    words = ["".join(r.choices("aeioubdgklmnprst", k=r.randint(4, 9))) for _ in range(400)]
    texts = [f"\0{' '.join(r.choices(words, k=r.randint(2, 7)))}{end}" for end in ends for _ in range(12)]
    r.shuffle(texts)
    assert {group.template.literals for group in mine(texts)} == {("\0", end) for end in ends}


def test_few_questions_that_begin_alike_are_no_template_where_their_next_words_differ() -> None:
    r = Random(1)
    words = ["".join(r.choices("aeioubdgklmnprst", k=r.randint(4, 9))) for _ in range(400)]
    verbs = ["shorten", "rename", "cancel", "sort", "rate", "spell", "rank", "track"]
    questions = [f"How would you {verb} {' '.join(r.sample(words, 5))}?" for verb in verbs]
    free_texts = [f"{' '.join(r.sample(words, 6))}." for _ in range(40)]
    assert not mine([*questions, *free_texts])


@pytest.mark.parametrize(
    "literals",
    [
        ("Is ", " a kind of ", "?"),
        ("Dear ", "! Please check the item ", ""),
        ("Hello ", ". Summarise: ", ""),
        ("Dear ", ", check the item ", ""),
    ],
)
@pytest.mark.parametrize("calls", [12, 60])
def test_a_spoken_word_begins_a_template_where_every_call_of_the_path_has_other_words_too(
    literals: tuple[str, str, str], calls: int
) -> None:
    r = Random(1)
    words = ["".join(r.choices("aeioubdgklmnprst", k=r.randint(4, 9))) for _ in range(400)]
    before, between, behind = literals
    prompts = [f"{before}{r.choice(words)}{between}{r.choice(words)} {r.choice(words)}{behind}" for _ in range(calls)]
    [group] = mine(prompts)
    assert group.template.literals == literals
    assert len(group.members) == calls


@pytest.mark.parametrize(
    "beginnings",
    [
        ("Why is it that ", "Explain why ", "Is it true that "),
        ("What would happen if ", "Do you agree that "),
        ("Tell me how ", "Which is why ", "So prove that "),
    ],
)
@pytest.mark.parametrize("in_turn", [False, True])
def test_a_few_beginnings_that_recombine_with_many_values_are_templates_however_common_their_words(
    beginnings: tuple[str, ...], in_turn: bool
) -> None:
    r = Random(2)
    words = ["".join(r.choices("aeioubdgklmnprst", k=r.randint(4, 9))) for _ in range(400)]
    claims = [f"the {' '.join(r.choices(words, k=7))}" for _ in range(20)]
    prompts = [f"{begin}{claim}" for begin in beginnings for claim in claims]
    if in_turn:
        prompts = [f"{begin}{claim}" for claim in claims for begin in beginnings]
    groups = mine(prompts)
    assert {group.template.literals[0].removesuffix("the ") for group in groups} == {*beginnings}
    assert [len(group.members) for group in groups] == [len(claims)] * len(beginnings)
