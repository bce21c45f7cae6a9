"""Siblings in one house style are templates each; a value with few texts is one slot, however long the value is."""

import json
from random import Random

import pytest

from templating import mine

DICE = Random(7)
WORDS = [
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "island",
    "jungle",
    "kettle",
    "lagoon",
    "meadow",
    "nectar",
    "orchard",
    "pebble",
    "quarry",
    "river",
    "summit",
    "timber",
    "umbra",
    "valley",
    "willow",
    "yonder",
    "zephyr",
    "anchor",
    "bridge",
    "candle",
    "dragon",
    "engine",
    "falcon",
    "garden",
    "hammer",
    "insect",
    "jacket",
    "kernel",
    "ladder",
    "magnet",
    "needle",
    "office",
    "parrot",
    "quiver",
    "ribbon",
    "saddle",
    "tunnel",
    "urchin",
    "violet",
    "walnut",
    "yellow",
]


def prose(count, dice=DICE):
    return " ".join(dice.choices(WORDS, k=count)).capitalize() + "."


def question():
    return prose(DICE.randint(5, 14))[:-1] + "?"


def picked(things, count, text):
    return [text(DICE.choice(things)) for _ in range(count)]


def documents(_):
    """Six documents of 300 words and a short instruction."""
    texts = [prose(300) for _ in range(6)]
    return picked(
        texts,
        200,
        lambda d: (
            f"Answer from the document and from nothing else.\n\x00Document:\n{d}\n\nQuestion: {question()}\nAnswer:"
        ),
    )


def products(_):
    """A product's name and description come together."""
    things = [(prose(2)[:-1], prose(60)) for _ in range(8)]
    return picked(
        things,
        200,
        lambda p: (
            f"Write a short advertisement for the product named {p[0]}, for the channel we describe.\n"
            f"Description of the product: {p[1]}\nChannel: {question()}\nKeep it honest and short."
        ),
    )


def rubrics(_):
    """A rubric of five numbered lines, one of six."""
    texts = ["".join(f"{k}: {prose(12)}\n" for k in range(1, 6)) for _ in range(6)]
    return picked(
        texts,
        200,
        lambda r: (
            f"Score the answer by the rubric. Give only the number.\nRubric:\n{r}\nQuestion: {question()}\nAnswer: {prose(40)}\nScore:"
        ),
    )


def conversations(_):
    """Each turn repeats the turns before it."""
    prompts = []
    for _ in range(60):
        turns = ""
        for _ in range(DICE.randint(2, 7)):
            turns += f"User: {question()}\n"
            prompts.append(
                f"Continue the conversation politely and ask when something is not clear.\n\nSo far:\n{turns}Assistant:"
            )
            turns += f"Assistant: {prose(30)}\n"
    return prompts


def records(_):
    """JSON of two shapes in the middle of the prompt."""

    def record():
        if DICE.random() < 0.5:
            return {
                "id": DICE.randint(1, 9999),
                "customer_name": prose(2),
                "street_address": prose(3),
                "order_total": DICE.random(),
            }
        return {
            "invoice": DICE.randint(1, 999),
            "account_holder": prose(2),
            "amount_due_in_cents": DICE.randint(1, 9999),
        }

    return [
        f"Extract what the record says about the customer in one line.\nRecord: {json.dumps(record())}\nLine:"
        for _ in range(200)
    ]


def pages(_):
    """Lists of links, of four web sites."""
    sites = ["\n".join(f"<a id={k}> {prose(3)} </a>" for k in range(10)) for _ in range(4)]
    return picked(
        sites,
        80,
        lambda site: (
            f"<html>\n{site}\n</html>\n\nWhich link of this page leads on with the task? Reply with its number.\nTask: {prose(9)}\nNumber:"
        ),
    )


@pytest.mark.parametrize("prompts", [documents, products, rubrics, conversations, records, pages])
def test_a_value_with_few_texts_is_a_slot_of_one_template(prompts):
    texts = prompts(None)
    groups = mine(texts)
    assert [len(group.members) for group in groups] == [len(texts)], [g.template.to_text()[:200] for g in groups]


FRAME = (
    "\n\nIMPORTANT: answer in JSON and in nothing else, with the keys verdict and reason, without line ends in the reason. "
    "Close every bracket and every quote, repair whatever is broken before you answer, and never explain the JSON.\n\nJSON:"
)


def judges(count, dice):
    """Prompts with a text of their own before a larger common frame, in turn."""
    own = [(prose(40, dice), prose(50, dice)) for _ in range(count)]
    texts = [
        (k, f"{task}\nAnswer: {prose(20)}\nRules of this judge: {rules}{FRAME}")
        for _ in range(10)
        for k, (task, rules) in enumerate(own)
    ]
    return [k for k, _ in texts], [text for _, text in texts]


@pytest.mark.parametrize("count", [2, 5, 12, 40])
def test_judges_that_share_a_large_frame_are_templates_each_however_many(count):
    truth, texts = judges(count, Random(count))
    groups = mine(texts)
    assert {tuple(group.members) for group in groups} == {
        tuple(i for i, k in enumerate(truth) if k == judge) for judge in range(count)
    }


def test_a_job_that_holds_two_long_values_beside_a_third_is_one_template() -> None:
    dice = Random(6)
    prompts = list[str]()
    for _ in range(6):
        persona, rules, topic = prose(20, dice), prose(30, dice), prose(12, dice)
        prompts += [
            f"You are this person.\n{persona}\n\nRules:\n{rules}\n\nWrite a letter about this.\n{topic}\n{prose(9, dice)}"
            for _ in range(12)
        ]
    assert [len(group.members) for group in mine(prompts)] == [72]


def test_siblings_that_differ_in_several_places_inside_a_frame_are_two_templates():
    def text(kind):
        say = {
            "answer": (
                "whether the answer speaks to the query",
                "the answer that was given",
                "Words that the query lacks",
            ),
            "context": (
                "how much of the context serves the query",
                "the context that was found",
                "Passages of the context that serve nothing",
            ),
        }[kind]
        return (
            f"Your task is to judge {say[0]}, strictly and without mercy for anybody.\n1. Does the text cover {say[1]} in full?\n"
            f"2. {say[2]} cost one point each, and so does everything that nobody asked for.\nQuery: {question()}\nText: {prose(30)}\nScore:"
        )

    kinds = [DICE.choice(["answer", "context"]) for _ in range(120)]
    groups = mine([text(kind) for kind in kinds])
    assert {tuple(group.members) for group in groups} == {
        tuple(i for i, k in enumerate(kinds) if k == kind) for kind in ("answer", "context")
    }


PERSONAS = [prose(k) for k in (30, 42, 25, 38)]
CRITERIA = [prose(k) for k in (9, 14, 20)]


@pytest.mark.parametrize("count", [60, 200])
@pytest.mark.parametrize(
    "text",
    [
        lambda: (
            f"{DICE.choice(PERSONAS)}\n\nRead the text and list three problems with it.\n\nText:\n{prose(DICE.randint(9, 30))}\n\nProblems:"
        ),
        lambda: (
            f"{DICE.choice(PERSONAS)}\x00Read the text and list three problems with it.\n\nText:\n{prose(DICE.randint(9, 30))}\n\nProblems:"
        ),
        lambda: (
            f"Grade the text by the criterion that is given at the end.\n\nText:\n{prose(DICE.randint(9, 30))}\n\nCriterion:\n{DICE.choice(CRITERIA)}"
        ),
    ],
    ids=["a persona first", "a persona as system text", "a criterion last"],
)
def test_a_long_value_out_of_a_few_at_an_end_is_a_slot(text, count):
    [group] = mine([text() for _ in range(count)])
    assert len(group.members) == count
    assert len(group.template.slots) == 2


def test_tasks_behind_a_preamble_whose_ends_are_alike_are_templates_each():
    tasks = [(prose(20), prose(15)) for _ in range(3)]
    rules = prose(25)

    def text(task):
        return f"{rules}\n\n{task[0]}\nText: {prose(DICE.randint(5, 30))}\n{task[1]}"

    kinds = [DICE.randrange(3) for _ in range(90)]
    groups = mine([text(tasks[kind]) for kind in kinds])
    assert {tuple(group.members) for group in groups} == {
        tuple(i for i, k in enumerate(kinds) if k == kind) for kind in range(3)
    }


def test_what_some_calls_say_with_an_answer_to_compare_and_all_others_say_without_is_two_templates():
    """A judge with a reference answer, for one question of four, has other instructions."""
    dice = Random(8)
    alone = "helpfulness, depth and detail, and explain them in short."
    compared = "correctness alone, comparing the answer with the reference."
    prompts = [
        f"Act as a judge of answers. Consider {compared if number % 4 == 0 else alone} Then give a mark.\n\n"
        f"Question: {prose(9, dice)}\n\n{f'Start of the reference: {prose(12, dice)}' if number % 4 == 0 else ''}\nAnswer: {prose(30, dice)}"
        for number in range(80)
    ]
    assert sorted(len(group.members) for group in mine(prompts)) == [20, 60]


def test_a_prompt_with_few_words_of_its_own_is_told_from_one_with_many_where_most_texts_are_its() -> None:
    dice = Random(4)
    preamble = "Do not refer to the notes of earlier lessons, begin the lesson anew.\n\nForm: "
    end = " with the two tags of a plan.\nLesson begins\n{text}\nLesson ends"
    prompts = list[str]()
    for number in range(96):
        if number % 9 < 5:
            body = f"{prose(4, dice)}\n\n{prose(20, dice)}\nLimit: Write for {prose(2, dice)}.\nAnswer options: Encloses the lesson title"
        else:
            topic = prose(2, dice)
            body = (
                f'{prose(4, dice)}\n\nRole: {prose(3, dice)}\nStatement: Write the "{topic}" part of the plan, WITHOUT ANY text that has nothing to do with "{topic}"!!\n'
                f"{prose(15, dice)}\nHeadings: Use proper headings for the sections of the plan.\nAnswer options: Enclose the plan of the teacher"
            )
        prompts.append(preamble + body + end.format(text=prose(30, dice)))
    assert sorted(len(group.members) for group in mine(prompts)) == [41, 55]


def test_a_prompt_without_variables_is_told_from_its_siblings() -> None:
    preamble = "Answer the question of the customer in one short and friendly sentence.\n\n"
    static = f"{preamble}Which shops are open on Sunday, and until when may a parcel be brought there?"
    prompts = [
        f"{preamble}Write what you know about the delivery of parcel {number} to the town hall." for number in range(30)
    ]
    literals = {group.template.literals for group in mine([*prompts, *[static] * 60])}
    assert literals == {
        (static,),
        (f"{preamble}Write what you know about the delivery of parcel ", " to the town hall."),
    }


def test_a_question_that_is_asked_plainly_and_again_beside_other_answers_is_two_templates() -> None:
    """The plain prompt has few words of its own, at the place where the other prompt has a long text."""
    dice = Random(9)
    prompts = list[str]()
    for _ in range(8):
        task = f"work out the sum? {prose(9, dice)} "
        last = "Give the result as one number in the last line."
        prompts.append(f"Can you {task}Explain it in short. {last}")
        for _ in range(3):
            answers = f"Others say this.\n\nFirst: {prose(20, dice)}\n\nSecond: {prose(20, dice)}"
            prompts.append(f"{answers}\n\nUse what both of them say and now {task}{last}")
    assert sorted(len(group.members) for group in mine(prompts)) == [8, 24]


def test_a_sibling_of_a_few_words_is_told_from_long_ones_behind_the_same_preamble():
    """Two of three calls ask in three words; a third asks in a long body of its own."""
    dice = Random(9)
    rules, body = prose(60, dice), prose(30, dice)
    prompts = [
        f"{rules}\n\n{body}\nText: {prose(12, dice)}"
        if number % 3 == 0
        else f"{rules}\n\nFix the spelling: {prose(12, dice)}"
        for number in range(90)
    ]
    assert sorted(len(group.members) for group in mine(prompts)) == [30, 60]


ASSISTANT = "You help inside an app for notes. Answer with the text only, never with an explanation, and keep the language of the note.\0"
TASKS = (
    "Suggest a title of at most six words for this note:\n\n{}",
    "Draft a polite reply to this message: {}",
    "Is the tone positive or negative? Review: {}",
    "{}\n\nKeywords, separated by commas:",
)


def test_short_instructions_behind_one_system_text_are_templates_each():
    dice = Random(5)
    prompts = [
        (number, ASSISTANT + task.format(prose(20, dice))) for number, task in enumerate(TASKS) for _ in range(10)
    ]
    dice.shuffle(prompts)
    groups = {tuple(group.members) for group in mine([text for _, text in prompts])}
    for number in range(len(TASKS)):
        assert tuple(place for place, (task, _) in enumerate(prompts) if task == number) in groups


def test_questions_of_people_behind_a_system_text_are_one_template_though_some_begin_alike():
    dice = Random(6)
    begins = ["How do I", "What is", "Can you help me to", "I want to", "", "", "", ""]
    prompts = [ASSISTANT + f"{dice.choice(begins)} {prose(dice.randint(4, 20), dice)}".strip() for _ in range(100)]
    assert [len(group.members) for group in mine(prompts)] == [100]


def test_short_instructions_around_which_only_a_few_words_are_fixed_are_templates_each():
    dice = Random(7)
    tasks = (
        "Please write a paragraph that supports or refutes the claim.\nClaim: {}\nParagraph:",
        "Please write a short paragraph from a newspaper about the topic below.\nTopic: {}\nParagraph:",
        "Please write in one paragraph what speaks against the opinion.\nOpinion: {}\nParagraph:",
    )
    prompts = [(number, task.format(prose(12, dice))) for number, task in enumerate(tasks) for _ in range(12)]
    dice.shuffle(prompts)
    groups = {tuple(group.members) for group in mine([text for _, text in prompts])}
    assert groups == {tuple(place for place, (task, _) in enumerate(prompts) if task == number) for number in range(3)}


def test_messages_of_a_few_kinds_between_fixed_text_are_values():
    """Errors of a database begin alike; each kind has a name of its own behind the same words."""
    dice = Random(7)
    kinds = ("no such column: ", "no such table: ", "a value is too long: ")
    prompts = [
        f"The query below was written for this question: {prose(9, dice)}\n\nIt failed with the error:\n"
        f"{kinds[number % 3]}{'_'.join(dice.sample(WORDS, 2))}\n\nWrite the query again, and nothing else."
        for number in range(60)
    ]
    assert [len(group.members) for group in mine(prompts)] == [60]


@pytest.mark.parametrize(
    "ending",
    [
        " {}\n\nRevision Request: Say it in a kinder way.\n\nRevision:",
        " {} Therefore, the answer as a number is",
        "\n\nYour last try:\n{}\n\nSay in one sentence why it failed, then try again.",
    ],
)
def test_a_prompt_that_goes_on_behind_the_end_of_another_with_its_answer_is_a_template_of_its_own(ending):
    dice = Random(8)
    prompts = list[str]()
    for _ in range(12):
        first = f"Customer: {prose(12, dice)}\n\nCritique Request: Say what is unkind in the reply.\n\nCritique:"
        prompts += [first, first + ending.format(prose(15, dice))]
    assert {tuple(group.members) for group in mine(prompts)} == {tuple(range(0, 24, 2)), tuple(range(1, 24, 2))}


def test_a_last_value_that_is_empty_now_and_then_is_a_value_though_all_others_end_in_one_word():
    dice = Random(8)
    prompts = [
        f"Suggest a present for somebody who likes this: {prose(12, dice)}\n\nBudget: {f'{number} EUR' if number % 2 else ''}"
        for number in range(24)
    ]
    assert [len(group.members) for group in mine(prompts)] == [24]


def test_a_conversation_that_has_begun_is_asked_by_the_same_prompt_as_one_that_has_not():
    dice = Random(8)
    prompts = list[str]()
    for _ in range(12):
        first = f"Go on politely and briefly.\n\nCustomer: {prose(12, dice)}\nShop:"
        prompts += [first, f"{first} {prose(15, dice)}\nCustomer: {prose(9, dice)}\nShop:"]
    assert [len(group.members) for group in mine(prompts)] == [24]


def test_roles_that_see_more_and_more_sections_and_end_in_an_instruction_each_are_templates_each():
    """Each instruction alone would be one of a few values; the sections in front of it show that it is not."""
    dice = Random(4)
    prompts = list[tuple[str, str]]()
    for _ in range(8):
        brief = f"You work in a newsroom. Stay within your role.\n\nBrief:\n{prose(20, dice)}\n\n"
        prompts.append(("write", f"{brief}You are the writer. Write a first draft of at most 300 words."))
        for _ in range(dice.randint(1, 3)):
            draft = f"{brief}Draft:\n{prose(40, dice)}\n\n"
            critic = f"{draft}Criticism:\n{prose(12, dice)}\n\n"
            prompts.append(("critic", f"{draft}You are the critic. List at most five problems of it, the worst first."))
            prompts.append(
                ("rewrite", f"{critic}You are the writer. Rewrite it so that the criticism no longer holds.")
            )
        prompts.append(("edit", f"{draft}You are the editor. Answer with one word and give one reason for it."))
    groups = {tuple(group.members) for group in mine([text for _, text in prompts])}
    kinds = ("write", "critic", "rewrite", "edit")
    assert groups == {tuple(i for i, (kind, _) in enumerate(prompts) if kind == name) for name in kinds}


def test_roles_that_see_sections_under_headings_and_end_in_an_instruction_each_are_templates_each():
    """Each instruction alone would be one of two values behind the code; the headings of Markdown in front of it show that it is not."""
    dice = Random(6)
    prompts = list[tuple[str, str]]()
    for _ in range(24):
        issue = f"You close issues of a repository.\n\n## Issue\n{prose(20, dice)}\n\n## Plan\n1. {prose(8, dice)}\n\n## Code\n{prose(40, dice)}\n\n"
        prompts.append(("code", f"{issue}Write the diff for the next step of the plan that is not done yet."))
        if dice.random() < 0.5:
            grades = f"## Diff\n{prose(12, dice)}\n\n## Grades\n{prose(9, dice)}\n\n"
            prompts.append(("again", f"{issue}{grades}Write the diff again so that every grade becomes a 5."))
    groups = {tuple(group.members) for group in mine([text for _, text in prompts])}
    assert groups == {tuple(i for i, (kind, _) in enumerate(prompts) if kind == name) for name in ("code", "again")}


def test_questions_out_of_a_few_with_endings_out_of_a_few_are_one_variable():
    """A support chat: each question comes with each ending, so no question and no ending is the fixed text of a call site."""
    dice = Random(3)
    system = "You are the support agent of a telephone company.\n\nCustomer: {}\n\nNever promise a refund.\nAnswer in at most three sentences.\0"
    questions = (
        "My router blinks red since this morning",
        "I was billed twice for October",
        "How do I cancel my contract?",
        "The app logs me out every hour",
        "Can I move my line to a new flat?",
        "Your technician did not come",
        "I want a faster plan",
    )
    endings = "", ".", " Thanks!", " It is urgent.", " Hello?"
    guests = [f"{first} {last}" for first in ("Anna", "Tom", "Li", "Priya") for last in ("Berg", "Okafor")]
    prompts = [system.format(dice.choice(guests)) + dice.choice(questions) + dice.choice(endings) for _ in range(60)]
    assert [len(group.members) for group in mine(prompts)] == [60]


def test_two_tasks_behind_one_system_text_that_end_alike_are_templates_each() -> None:
    """The instruction is at the beginning of the user's text, an open end although the system text stands before."""
    dice = Random(7)
    tasks = [
        "Tell the reader when the book is due back.\n\nLoan: {}\nAnswer:",
        "Answer the question about the opening hours.\n\nQuestion: {}\nAnswer:",
        "Recommend a book to this reader.\n\nReader: {}\nBook:",
    ]
    prompts = [
        f"You work for a library. Be brief and kind.\0{tasks[number % 3].format(prose(dice.randint(4, 30), dice))}"
        for number in range(60)
    ]
    assert {tuple(group.members) for group in mine(prompts)} == {tuple(range(task, 60, 3)) for task in range(3)}


@pytest.mark.parametrize("people", [4, 12])
def test_a_person_in_several_fields_is_a_value_of_one_template(people: int) -> None:
    """All calls describe one of a few persons in fields of a line each, then ask the same about different events."""
    dice = Random(people)
    persons = [
        f"Name: {dice.choice(WORDS).title()} {dice.choice(WORDS).title()}\nAge: {dice.randint(18, 80)}\n"
        f"Traits: {', '.join(dice.sample(WORDS, 4))}\nPast: {prose(14, dice)}\nHome: {prose(5, dice)}"
        for _ in range(people)
    ]
    prompts = [
        f"Here is a short description of a person.\n{dice.choice(persons)}\n\nSay how much the event below matters to the person.\n\n"
        f"Event: {prose(dice.randint(3, 9), dice)}\nMark from 1 to 10:"
        for _ in range(people * 9)
    ]
    [group] = mine(prompts)
    assert len(group.members) == len(prompts)


@pytest.mark.parametrize("shown", [0.3, 0.5])
def test_an_optional_section_of_one_prompt_makes_no_prompt_of_its_own(shown: float) -> None:
    """Some calls show articles below an instruction; the others have nothing in its place."""
    dice = Random(5)
    prompts = [
        f"You answer mails for a shop that sells instruments.\n"
        f"{'Use the articles below and cite the number of each.' + chr(10) if (has := dice.random() < shown) else ''}"
        f"Mail: {prose(dice.randint(8, 20), dice)}\n{f'Articles: {prose(9, dice)}' if has else ''}\nReply:"
        for _ in range(60)
    ]
    [group] = mine(prompts)
    assert len(group.members) == 60


def test_an_instruction_with_a_section_of_its_own_is_a_template_beside_others_over_one_state() -> None:
    """An agent that writes code, its critic and its planner take turns; all see the same fields of the state, the first the code and its error too."""
    dice = Random(3)

    def state() -> str:
        return f"Biome: {prose(2, dice)}\nHealth: {dice.randint(1, 20)}\nNearby: {prose(4, dice)}\n"

    prompts = [
        text
        for _ in range(15)
        for text in (
            "You are a helpful assistant that writes the code which completes a task that I specify.\x00"
            f"Code of the last round:\n{prose(20, dice)}\nError of the last round: {prose(6, dice)}\n{state()}Task: {prose(6, dice)}",
            "You are a patient critic who says whether the player has met the needs of the task.\x00"
            f"{state()}Task: {prose(6, dice)}",
            "You are a planner who names the next task that the player has not done before.\x00"
            f"{state()}Task: {prose(6, dice)}",
        )
    ]
    groups = mine(prompts)
    assert tuple(range(0, 45, 3)) in {tuple(group.members) for group in groups}


REVIEWS = [  # (what to say, the rule, the labels of two variables)
    (
        "how kind the letter is to a reader who is upset",
        "A kind letter thanks the reader, names what went wrong in plain words, and never blames the reader for the fault or for the delay.",
        ("What upset the reader:", "Letter that should calm:"),
    ),
    (
        "whether the numbers of the letter agree with the order",
        "Numbers agree when each price, each date and each count of the letter stands in the order too, in the same currency and in the same unit.",
        ("Order with its numbers:", "Numbers as the letter has them:"),
    ),
    (
        "how short the letter is for what it has to say",
        "A short letter says each thing once, has no sentence that could go without loss, and comes to the remedy within its first three lines.",
        ("Things to say:", "Said as:"),
    ),
    (
        "what the letter promises that the shop cannot keep",
        "A promise is a sentence about later days: a refund, a parcel, a call. The shop keeps only promises that its own rules name for such an order.",
        ("Rules of the shop:", "Promises made here:"),
    ),
    (
        "which steps the letter leaves open for the reader",
        "A step is open when the reader has to do something and the letter says neither where, nor until when, nor what comes after it.",
        ("Done so far:", "Steps in this text:"),
    ),
]


def _reviews(body):
    """Twelve calls of each review, one review after the other. body: what follows the task, of a rule, its labels and two values."""
    dice = Random(11)
    return [
        f"You read the letters of a shop. Your task is to say {aim}\n{body(rule, labels, _some(dice, 12), _some(dice, 20))}\n----\nAnswer with a number from 1 to 5."
        for aim, rule, labels in REVIEWS
        for _ in range(12)
    ]


def _some(dice, words):
    return " ".join(dice.choices(WORDS, k=words))


def test_reviews_with_variables_inside_that_a_job_uses_up_one_after_the_other_are_templates_each():
    templates = mine(
        _reviews(lambda rule, labels, order, letter: f"{rule}\n{labels[0]}\n{order}\n{labels[1]}\n{letter}")
    )
    assert sorted(template.members for template in templates) == [
        [*range(start, start + 12)] for start in range(0, 60, 12)
    ]


def test_rules_of_a_job_that_stay_for_a_while_beside_one_variable_are_values():
    templates = mine(_reviews(lambda rule, labels, order, letter: f"{rule} {letter}"))
    assert [len(template.members) for template in templates] == [60]


INSTRUCTIONS = [  # (a step with a variable, its values, rules)
    (
        "Change the tone of what people wrote to {} in each sentence of it, also in a greeting.",
        ["cheerful", "formal", "apologetic", "angry"],
        "- Keep facts, numbers and order.\n- Write nothing before or behind your new text.",
    ),
    (
        "Say how much it is about {} from what our editors call its subject.",
        ["sports", "weather", "politics", "money"],
        "- One means hardly, five means in each line.\n- A quotation counts half, a headline counts twice.",
    ),
    (
        "Put everything they wrote into {} so that a child of ten who speaks it understands all words.",
        ["Finnish", "Welsh", "Latin", "Basque"],
        "- Names of people and towns stay as they are.\n- Units become those of that country.",
    ),
    (
        "Insert up to six faults like {} where hurried writers make such faults.",
        ["doubled letters", "missing commas", "swapped words", "wrong cases"],
        "- Six are enough for this length.\n- No fault may change what somebody asks for.",
    ),
    (
        "Cut a letter of several pages to {} without losing any question that its writer has.",
        ["one line", "ten words", "haiku", "title"],
        "- Thanks and excuses go first.\n- Dates stay, and so do reasons given for a wish.",
    ),
]


@pytest.mark.parametrize("is_mixed", [False, True], ids=["one after the other", "mixed"])
def test_system_prompts_with_a_heading_in_common_and_a_variable_each_are_templates_each(is_mixed):
    dice = Random(7)
    calls = [(kind, call // 4) for kind in range(len(INSTRUCTIONS)) for call in range(16)]
    if is_mixed:
        dice.shuffle(calls)
    prompts = []
    for kind, number in calls:
        step, values, rules = INSTRUCTIONS[kind]
        prompts.append(f"# Instructions\n{step.format(values[number])}\n{rules}\n\0{_some(dice, 14)}")
    expected = [
        [position for position, (kind, _) in enumerate(calls) if kind == wanted] for wanted in range(len(INSTRUCTIONS))
    ]
    assert sorted(template.members for template in mine(prompts)) == sorted(expected)
