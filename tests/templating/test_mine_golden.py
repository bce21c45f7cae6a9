"""mine() on small, telling traffic: one golden file a behaviour, rewritten by `make golden`."""

import json
import os
from itertools import cycle, islice
from pathlib import Path

import pytest

from templating import Template, mine

GOLDEN = Path(__file__).parent / "golden"
CITIES = ["Oslo", "Lima", "Kyoto", "Accra", "Quito", "Turin", "Perth", "Bergen"]
TEXTS = [
    "The parcel came late and wet.",
    "Nobody answers the phone!",
    "I was billed twice in May;\nplease check",
    "Great service, thank you",
    "",
    "Where do I change my address?",
    "The app closes when I open the map.",
    "Can you send the invoice again?",
    "My coupon {code} is {{ignored}}",
    "It works now",
]


def values(count):
    return list(islice(cycle(TEXTS), count))


def support(text, tone="formal", extra="", rule="Answer in at most three sentences."):
    return f"You are the support desk of a parcel company.\n{extra}{rule} Keep the tone {tone}.\n\nCustomer: {text}\nAnswer:"


RUBRICS = [
    "Judge whether the answer names every parcel that the customer asks about.",
    "Count how many of the claims in the answer a clerk can look up in the ledger.",
    "Say how well the tone of the answer suits somebody who has waited for two weeks.",
]
EXAMPLES = "Input: Good evening\nOutput: a greeting\n\nInput: Where is the parcel that you sent to Lima in May?\nOutput: a question\n\n"


LONG_RULES = (
    "You may open a map, ask a driver, book a bridge or a ferry, and write to a customer. Open a map with `map` and the name of a town. "
    "Ask a driver with `ask`, the number of the van and one question that can be answered with yes or no. Book with `book`, the name of the "
    "bridge or ferry and an hour between six and twenty. Write with `mail`, an address and at most forty words. Never book twice for one van."
)
LAST_RULES = (
    "Answer with one line that holds the action, a colon and what the action needs. Before each second action think about why the last one "
    "failed or what it has shown, and write that down with `think`. If three actions in a row were `think`, take another one."
)


def steps(city, calls=6):
    """The calls of one run of an agent: its task and its plan stay, its history grows by a line."""
    plan = f"1. Find the road to {city}.\n2. Count the parcels for {city}.\n3. Write to {city}."
    for turn in range(calls):
        history = "\n".join(
            f"{number}: {text.splitlines()[0] if text else 'nothing'}" for number, text in enumerate(values(turn))
        )
        yield (
            "You plan the tours of a parcel company, one step at a time. Say DONE when nothing is left.\n"
            f"Task: bring all parcels of today to {city} before noon\nPlan:\n{plan}\nHistory:\n{history}\nNext step:"
        )


def review(rubric, text):
    return f"You read the answers of a parcel company.\n{rubric}\n\nAnswer: {text}\nScore:"


BEHAVIOURS = {
    "six sessions of an agent are one template": [call for city in CITIES[:6] for call in steps(city)],
    "five calls of two runs behind long rules are one template": [
        f"{LONG_RULES}\n{call}\n{LAST_RULES}"
        for city, count in ((CITIES[0], 3), (CITIES[1], 2))
        for call in steps(city, count)
    ],
    "a record that is compared with twenty others is a value": [
        f"Are these two records of one customer? Answer yes or no.\n\nA: {first}, born in {first}\nB: {second} {n}\n\nAnswer:"
        for first in CITIES[:4]
        for n, second in enumerate(islice(cycle(CITIES[4:]), 20))
    ],
    "five languages with and without examples are two templates": [
        f"{before}Translate the sentence into {lang}. Write nothing but the {lang} sentence.\nSentence: {text}"
        for lang in ("French", "German", "Polish", "Greek", "Danish")
        for before in ("", EXAMPLES)
        for text in TEXTS
    ],
    "three rubrics in blocks are three versions": [review(rubric, t) for rubric in RUBRICS for t in TEXTS],
    "a fourth rubric makes one template of them": [
        review(rubric, t) for rubric in [*RUBRICS, "Tell whether it promises what no driver can keep."] for t in TEXTS
    ],
    "a sentence that is edited and taken back makes two versions": [
        review(RUBRICS[n], f"{t} ({n})") for n in (0, 1, 0) for t in TEXTS * 2
    ],
    "the only call of the first version is alone": [
        review(RUBRICS[n > 0], f"{t} ({n})") for n, t in enumerate(values(24))
    ],
    "a short value list is one slot": [
        support(t, tone) for t, tone in zip(values(12), cycle(["formal", "warm"]), strict=False)
    ],
    "an edit makes two templates": [support(t) for t in values(10)]
    + [support(t, rule="Never promise a refund before the parcel was found.") for t in values(10)],
    "an optional part is one slot": [
        support(t, extra="Yesterday's storm delays every parcel to the coast by two days.\n" if i % 2 else "")
        for i, t in enumerate(values(16))
    ],
    "one preamble and two tasks are two templates": [
        "You work for the tourist office of a small town. Never mention prices.\n\n" + body
        for c, t in zip(CITIES, TEXTS, strict=False)
        for body in (
            f"Write a greeting card from {c} that makes people want to come back next summer.",
            f"Decide whether this letter needs an answer from the mayor, yes or no: {t}",
        )
    ],
    "a sibling of two calls waits for more": [
        "You work for the tourist office of a small town. Never mention prices.\n\n" + body
        for c, t in zip(CITIES, TEXTS[:5], strict=False)
        for body in [
            f"Decide whether this letter needs an answer from the mayor and say why, yes or no: {t}",
            f"Write a greeting card from {c} that makes all our guests want to come back next summer.",
        ][: 2 if c in CITIES[:2] else 1]
    ],
    "few calls of two versions that share their frame are no template": [
        f"You are a strict reviewer who {a}. Mark every text with care and never show mercy.\n{b}\nText: {t}"
        for t, (a, b) in zip(
            TEXTS[:3],
            cycle([("counts facts", "Count each claim and check it twice."), ("hears tone", "Say how it sounds.")]),
            strict=False,
        )
    ],
    "a static prompt has no slot": ["Name one colour of the rainbow, in one word."] * 4,
    "free text stays ungrouped": [*TEXTS, "what is 2+2", "hey there", "tell me about Norway"],
    "two parts never share a slot": [
        f"You grade the essays of {c}'s pupils.\x00{t or 'empty'}" for c, t in zip(CITIES, TEXTS, strict=False)
    ],
    "line ends and tabs are kept": [f"Text:\r\n\t{t}\r\n\r\nSummary in one line,\tplease:\r\n" for t in TEXTS],
    "braces are text": [f'Fill {{"name": "{c}", "sum": {{total}}}} and answer {{{{x}}}} as JSON only.' for c in CITIES],
    "an empty value is a value": [
        f"Notes of the meeting:\n{t}\nEnd of the notes. List all decisions." for t in ["", *TEXTS, ""]
    ],
    "the same variable twice has one name": [
        f"Translate to {c}'s dialect. Use only words that {c} uses." for c in CITIES
    ],
    "a script without blanks": [
        f"次の文章を要約してください：{t}。要約："
        for t in ["今日は雨です", "駅は遠い", "猫が好き", "本を読む", "海へ行く"]
    ],
}


def seen(result):
    return {
        "templates": [
            {"text": g.template.to_text(), "members": g.members, "values": [list(v) for v in g.values]} for g in result
        ],
        "ungrouped": {str(i): reason for i, reason in result.ungrouped.items()},
    }


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_behaviour(behaviour):
    path = GOLDEN / f"{behaviour.replace(' ', '_').replace(chr(39), '')}.json"
    result = seen(mine(BEHAVIOURS[behaviour]))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert result == json.loads(path.read_text(encoding="utf-8"))


def day(date, text):
    return f"Today is {date}. You answer questions about the timetable of the ferry.\nQuestion: {text}"


def test_a_frozen_day_becomes_a_slot_when_the_next_day_comes():
    # Given the template of the first day
    (first,) = mine([day("2026-11-23", t) for t in TEXTS[:4]])
    assert first.template.literals[0].startswith("Today is 2026-11-23.")
    # If prompts of the next day arrive
    (wider,) = mine([day("2026-11-24", t) for t in TEXTS[4:8]], known=[first.template])
    # I expect a template of both days, in place of the first
    assert wider.supersedes == (0,)
    assert wider.template.literals[0].startswith("Today is ")
    assert "23" not in wider.template.literals[0]


def test_calls_of_a_superseded_template_are_members_of_the_new_one():
    (first,) = mine([day("2026-11-23", t) for t in TEXTS[:4]])
    prompts = [day("2026-11-23", TEXTS[5])] + [day("2026-11-24", t) for t in TEXTS[4:8]]
    (wider,) = mine(prompts, known=[first.template])
    assert wider.members == [0, 1, 2, 3, 4]


def test_an_edit_of_a_known_template_is_a_template_of_its_own():
    (first,) = mine([support(t) for t in TEXTS[:6]])
    edited = [support(t, rule="Never promise a refund before the parcel was found.") for t in TEXTS[:4]]
    (second,) = mine(edited, known=[first.template])
    assert second.supersedes == ()
    assert "Never promise a refund" in "".join(second.template.literals)


def task(first, second, text):
    return f"You help the pupils of an evening class. Find the {first} of the word below and {second} it.\nWord: {text}\nResult:"


def test_two_words_that_change_together_are_a_sibling_not_values():
    # Given a template
    (first,) = mine([task("opposite", "explain", t) for t in ("hot", "tall", "wet", "sour")])
    # If two calls come that differ from it in two places at once
    groups = mine([task("plural", "spell", t) for t in ("horse", "mouse")], known=[first.template])
    # I expect the calls to wait, since a template that fits both would lose the difference between them
    assert list(groups) == []


def test_one_word_that_changes_is_a_value():
    (first,) = mine([task("opposite", "explain", t) for t in ("hot", "tall", "wet", "sour")])
    (wider,) = mine([task("opposite", "spell", t) for t in ("horse", "mouse")], known=[first.template])
    assert wider.supersedes == (0,)


def test_one_word_that_changes_at_two_places_is_one_value():
    # Given a template that froze a word which stands in it twice
    def reply(language, text):
        return f"Write the reply in {language} only.\nLetter: {text}\nOnce more: whatever its language, in {language}."

    (first,) = mine([reply("French", t) for t in TEXTS[:4]])
    # If another word comes, at both places
    (wider,) = mine([reply("Dutch", t) for t in TEXTS[5:8]], known=[first.template])
    # I expect a slot: two words would make a sibling, one word twice is a value
    assert wider.supersedes == (0,)


def test_siblings_behind_one_preamble_are_told_apart_beside_one_that_is_too_new():
    # Given ten calls behind one preamble: four, four, and two of a sibling that is too new to be a template
    bodies = [
        "Write a greeting card from {} that makes people want to come back next summer.",
        "Decide whether a letter from {} needs an answer from the mayor, and say why it does.",
        "Name three rules of the swimming pool that visitors from {} tend to forget at first.",
    ]
    preamble = "You work for the tourist office of a small town. Never mention prices, not even when you are asked.\n\n"
    order = [0, 1, 0, 1, 2, 0, 1, 2, 0, 1]
    groups = mine(
        [
            preamble + bodies[kind].format(f"{city} and {n}")
            for n, (kind, city) in enumerate(zip(order, cycle(CITIES), strict=False))
        ]
    )
    # I expect two templates, and not one whose slot holds whatever follows the preamble
    assert sorted(tuple(g.members) for g in groups) == [(0, 2, 5, 8), (1, 3, 6, 9)]


def unlike(seed, size):
    """A long value that shares no word with another."""
    return " ".join(f"{(seed * 7919 + n * 104729) % 1_000_003:06d}" for n in range(size))


def test_three_calls_are_enough_for_a_label_between_two_long_values():
    # Given three calls whose values are pages that have no word in common
    head, tail = "Play the tool that is described here.\nTool: ", "\nReturn its output only."
    prompts = [f"{head}{unlike(n, 150)}\nSettings: {unlike(n + 3, 150)}{tail}" for n in range(3)]
    # I expect the label between them to be fixed text, for a later call cannot bring it back
    (group,) = mine(prompts)
    assert group.template.literals == (head, "\nSettings: ", tail)


def test_a_template_tells_why_it_is_one():
    (group,) = mine([support(t) for t in TEXTS])
    assert 0 < group.fixed_share < 1
    assert group.bits_saved > 0
    assert "10 calls" in group.why


def test_known_templates_are_not_touched_by_other_traffic():
    known = Template(("Answer in one word: ", ""), ("question",))
    assert list(mine(TEXTS, known=[known])) == []


def test_a_dash_between_blanks_parts_two_values():
    names = [f"{city} {n}" for n, city in enumerate(islice(cycle(CITIES), 14))]
    prompts = [
        f"You audit a model.\nModel: {name} - {unlike(n, 3 + n)}\nSay whether it may be used."
        for n, name in enumerate(names)
    ]
    (group,) = mine(prompts)
    assert group.template.literals == ("You audit a model.\nModel: ", " - ", "\nSay whether it may be used.")


def record(*names):
    return (
        "[" + ", ".join(f'{{"id": {len(name)}, "name": "{name}", "active": true, "tags": []}}' for name in names) + "]"
    )


def ask(table, text):
    return f"Answer with one query on the tables below, and say nothing else.\nTables: {table}\nExamples: {text}\n"


def test_json_of_one_shape_that_was_frozen_goes_when_another_shape_comes():
    # Given a template of three calls with JSON of one shape
    (first,) = mine([ask(record(a, b), record(b, a)) for a, b in (("Ann", "Bo"), ("Cy", "Di"), ("Ed", "Flo"))])
    assert '"active": true' in "".join(first.template.literals)
    # If calls with other values come
    (wider,) = mine([ask("orders", "none"), ask("a, b", "see above"), ask("[]", "[]")], known=[first.template])
    # I expect the JSON to have been a value
    assert wider.supersedes == (0,)
    assert "active" not in "".join(wider.template.literals)


def test_a_long_value_that_was_frozen_is_a_value_when_a_fourth_stands_in_its_place():
    def plan(tasks, nodes):
        return f"Assign the tasks to the nodes by what they can do.\nTasks:\n{tasks}\nNodes:\n{nodes}\nReturn JSON and nothing else."

    known = list[Template]()
    for page in range(3):
        (group,) = mine([plan(t, unlike(page, 60)) for t in TEXTS[3 * page : 3 * page + 3]], known=known)
        assert not group.supersedes
        known.append(group.template)
    (wider,) = mine([plan(t, unlike(3, 60)) for t in TEXTS[:2]], known=known)
    assert wider.supersedes == (0, 1, 2)


def test_a_long_value_that_was_frozen_goes_once_three_others_stand_in_its_place():
    def plan(tasks, nodes):
        return f"Assign the tasks to the nodes by what they can do.\nTasks:\n{tasks}\nNodes:\n{nodes}\nReturn JSON and nothing else."

    page = unlike(0, 60)  # over 300 characters
    (first,) = mine([plan(t, page) for t in TEXTS[:3]])
    assert page in "".join(first.template.literals)
    assert not any(
        group.supersedes
        for group in mine([plan(t, unlike(n // 2 + 1, 60)) for n, t in enumerate(TEXTS[:4])], known=[first.template])
    )
    (wider,) = mine([plan(t, unlike(n + 1, 60)) for n, t in enumerate(TEXTS[:3])], known=[first.template])
    assert wider.supersedes == (0,)
