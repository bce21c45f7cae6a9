# ruff: noqa: SIM905  (word lists read better as text)
"""name_slots: names for slots, from the words around each place.

A place gets the name that a reader would give to it, from the first of these that is there: the tag around it (<context>...</context>), the label
before it on its line ("Question: ", "city": ", lang=), the noun that its sentence puts beside it ("the company ...",
"written by ..."), the label or heading on the line above, which may hold other places ("Notes of ...:"), the language of the
code fence that it fills, a part of the prompt that it fills (message), the kind of its values (language, date, url, json, code),
the noun that a number counts ("at most ... words"), a phrase of prompts ("You are a ...", "in a ... tone", "Dear ...,"), the place
before it in the same list.  Else it keeps var_N: a wrong name is worse than none.
Sentences are read as English; labels, keys, tags and headings in any script, so a name may be 質問 (`str.isidentifier`
allows it, and a name that people read beats a transliteration).  Words of the template only: a value never makes a
name, since names are shown where values may not be.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from templating.matching import BARRIER
from templating.mining.result import Mined
from templating.portable import portable_name
from templating.slots import Kind, SlotKind, slot_kind
from templating.template import Template

REACH = 400
"""Characters before and after a place that are searched: a label stands near its value."""

WORDS = 4
"""Words up to which a label is a name unchanged; of a longer label, the noun is the name."""

MOST_CHARACTERS = 40
"""Characters of a name."""

MOST_CHARACTERS_OF_A_WORD = 12
"""Characters of one word in a script without spaces (Thai and what follows it in Unicode) beyond which it is a clause."""

PLACES = 8
"""Places before a place that the line of its label may hold."""

ROWS = 1000
"""Calls whose values are looked at for the kind of a slot that its text does not name."""

KIND_NAMES = {
    Kind.LANGUAGE: "language",
    Kind.EMAIL: "email",
    Kind.URL: "url",
    Kind.DATE_TIME: "date",
    Kind.JSON: "json",
    Kind.CODE: "code",
}

WHOLE_PART = "message"
"""The name of a place that is all of a part: the app sends a message as somebody wrote it."""

OPTIONAL = "optional_text"
"""The name of a place that some calls leave empty and no other rule names: a sentence of some calls only."""

FENCE_NAMES = frozenset("csv css diff html json markdown sql xml yaml".split())
"""Languages of a code fence that say what its text is; of any other the text is code."""

KEYWORD_NAMES = {"from": "sender"}
"""Names for labels that are keywords of Python: the word that people use for the value behind such a label."""

CLAUSE_END = re.compile(r"[.,;:!?)\n]|$| (?:for|to|in|as|and|who|that|with|from)\b")
"""What may stand behind a value that is a phrase whole, and no first word of a longer one ("about {{...}} dogs")."""

PROPERTY = re.compile(rf" (tone|style|format|voice|mood|level)(?={CLAUSE_END.pattern})")
"""Nouns whose adjective is their value: "in a {{tone}} tone"."""

PHRASES = (
    ("role", re.compile(r"\b(?:you are|you're|acts? as|acting as) an? $", re.IGNORECASE), CLAUSE_END),
    ("name", re.compile(r"(?:^|[\n.!:] ?)(?:dear|hello|hi) $", re.IGNORECASE), re.compile(r"[,!\n]")),
    ("topic", re.compile(r"\babout $", re.IGNORECASE), CLAUSE_END),
)
"""Phrases of prompts around a variable, with the word for it: name, what stands before, what stands after."""

SLOT_MARK = "\ufffc"
"""Stands for another place in the text before a place (Unicode's object replacement character): no letter, no mark of a label."""

ENDS = " \t$\"'`*([{<|“‘„«「『_"
"""Characters that may stand between a label and its value, and between a label and its colon."""

COLONS = (":", "：", "=", "=>", "->", "→", "﹕")
BREAKS = (
    ". ",
    "? ",
    "! ",
    ", ",
    "; ",
    ": ",
    "(",
    "[",
    "{",
    "|",
    "&",
    "?",
    '"',
    "“",
    "：",
    "。",
    "，",
    "、",
    "；",
    "\t",
)
"""Marks that a label never contains: the text before the last mark belongs to another thing."""

MARKUP = "#*_=-–—~+[]<>{}()|/\\:：.\"'`「」【】 \t\r"

MARKED = ("#", "*", "[", "<", "=", "-", "_", "~", "【")
"""Beginnings of a heading with markup."""

LIST_MARKS = frozenset(" \n\r-*•+,;/|.)0123456789")
"""Characters that may stand between two places of one list; "---" is a border between two things, the second without a label."""

LEADING = frozenset(
    "the a an this that these those here is are my our your their its begin start of and or some all any".split()
)
DETERMINERS = frozenset("the a an this these those my our your their its his her each every following".split())
BOUNDARIES = frozenset(
    "to for of in on at from with by as and or that which who below above into about using is are was were be between "
    "if when while than it you we they i not do does here".split()
)
COPULAS = frozenset("is are was were named called titled".split())
QUESTIONS = frozenset("what how why when where who which".split())
BOUNDS = ("at most ", "at least ", "up to ", "more than ", "fewer than ", "less than ", "exactly ")
"""Words before a number of things."""

RELATIONS = frozenset("by from since until".split())
"""Prepositions that name the next place together with the word before them: written by, member since."""


def name_slots(mined: Mined, prompts: Sequence[str]) -> Template:
    """The same template with names from the words around each place, unique, stable, else var_N.

    mined:   a group of `mine`; its values are only asked for their kind.
    prompts: the mined prompts; not needed by the rules of today, since mined holds the fixed text and the values.
    Places that share a name go on sharing one; different slots get different names (question, question_2).  N of var_N
    counts the different slots from 0, as in `mine`.  A name never is a Python keyword (from_)
    and works in every format of an export (`templating.portable`).  The result equals
    `mined.template`, since equality ignores names.  It holds no prompts (`examples` and `memory` are empty): a named
    template is for storing and showing, and prompts must not be kept with it after they are deleted.
    """
    template = mined.template
    labels = _labels(template.literals, lambda place: slot_kind(row[place] for row in mined.values[:ROWS]))
    by_slot: dict[int, str] = {}
    for place, first in enumerate(template.sharing):
        by_slot[first] = by_slot.get(first) or labels[place]
    names = dict(zip(by_slot, _distinct(by_slot.values()), strict=True))
    return Template(template.literals, tuple(names[first] for first in template.sharing))


def _labels(literals: Sequence[str], kind_of: Callable[[int], SlotKind]) -> list[str]:
    """A name or "" per place, not yet unique; kind_of is only asked where the text gives no name."""
    labels: list[str] = []
    for place in range(len(literals) - 1):
        before = literals[place].rpartition(BARRIER)[2][-REACH:]
        after = literals[place + 1].partition(BARRIER)[0][:REACH]
        goes_on = place > 0 and set(literals[place]) <= LIST_MARKS and before.strip() != "---"
        label = (
            _tag(before)
            or _line(before, after)
            or _above(_text_before(literals, place))
            or _fence(before)
            or _whole_part(literals, place)
            or _named_by_kind(kind_of(place), before, after)
            or (_begun(before) if place == 0 or "\n" in before else "")
            or (labels[-1] if goes_on else "")
        )
        labels.append(label)
    return labels


def _text_before(literals: Sequence[str], place: int) -> str:
    """The fixed text of the part before a place, with a mark for each other place in it."""
    return SLOT_MARK.join(literals[max(0, place - PLACES) : place + 1]).rpartition(BARRIER)[2][-REACH:]


def _fence(before: str) -> str:
    """diff of ```diff right before the place; code of the name of a programming language."""
    line = before.rstrip("\n").rpartition("\n")[2].strip()
    language = line.removeprefix("```").lower()
    if not line.startswith("```") or not language.isalnum():
        return ""
    return language if language in FENCE_NAMES else "code"


def _whole_part(literals: Sequence[str], place: int) -> str:
    """The name of a place that is all of one part of several."""
    begins = literals[place].endswith(BARRIER) or (place == 0 and not literals[0])
    ends = literals[place + 1].startswith(BARRIER) or (place + 2 == len(literals) and not literals[-1])
    parted = BARRIER in literals[place] or BARRIER in literals[place + 1]
    return WHOLE_PART if begins and ends and parted else ""


def _distinct(labels: Iterable[str]) -> list[str]:
    """Identifiers from labels: repeats are numbered from 2, an empty label becomes var_N."""
    names: dict[str, None] = {}  # in order
    numbers: dict[str, int] = {}  # the last one tried of each label: no smaller one is free again
    for number, label in enumerate(labels):
        name = base = label or f"var_{number}"
        while name in names:
            numbers[base] = numbers.get(base, 1) + 1
            name = f"{base}_{numbers[base]}"
        names[name] = None
    return list(names)


def _tag(before: str) -> str:
    """<context> or <document id="1"> right before the place."""
    text = before.rstrip()
    inside = text[:-1].rpartition("<")[2] if text.endswith(">") else ""
    words = _words(inside)
    is_tag = inside[:1].isalpha() and (len(words) == 1 or "=" in inside)
    return _identifier(words[:1]) if is_tag else ""


def _line(before: str, after: str) -> str:
    """The name that the line gives before the place: a label, or a sentence that ends in the noun for the place."""
    line = before.rpartition("\n")[2].rstrip(ENDS)
    if len(line) == 2 and line[1] in ".)":  # A. or b) of a choice
        return _identifier(_words(line))
    if line.endswith(COLONS):
        return _label(line)
    return _sentence(_last_clause(line), heads=after.lstrip(" *_").startswith(COLONS))


def _label(line: str) -> str:
    """The name that a line with a colon at its end makes; a preposition at the end of a sentence names nothing: "Take the names from:"."""
    text = _without_colon(line)
    clause = _last_clause(text)
    is_sentence_end = BOUNDARIES.issuperset(_words(clause.lower())[-1:]) and _words(clause) != _words(text)
    return "" if is_sentence_end else _phrase(clause)


def _in_a_phrase(before: str, after: str) -> str:
    """The name that a phrase of prompts gives to its only variable: tone of "in a {{tone}} tone", else one of `PHRASES`."""
    if property_after := PROPERTY.match(after):
        return property_after[1]
    return next((name for name, begin, end in PHRASES if begin.search(before) and end.match(after)), "")


def _begun(before: str) -> str:
    """The label that begins the line of a place: rubric in "Rubric: The answer must {{rubric}}"."""
    label, colon, _ = before.rpartition("\n")[2].partition(": ")
    return _phrase(label) if colon and label[:1].isalpha() and _is_heading(label) else ""


def _above(before: str) -> str:
    """The nearest line above that has words, if it is a label or a heading and not a sentence of its own.

    Text in brackets is a remark on a heading: "--- invoice (2 pages) ---".
    """
    *above, line = before.split("\n")
    if _words(line) or SLOT_MARK in line:
        return ""
    lines = (line.strip() for line in reversed(above) if _words(line) or SLOT_MARK in line)
    nearest = next((line for line in lines if not line.startswith("```")), "")
    if nearest.startswith("<"):  # a chat marker: <|im_start|>user
        nearest = nearest.rpartition(">")[2] or nearest
    label = nearest.rstrip(ENDS + "*_")
    if label.endswith(COLONS):
        return _label(label)
    heading = nearest.partition("(")[0] if nearest.startswith(MARKED) else nearest
    if SLOT_MARK in heading:
        return ""
    return _phrase(heading.strip(MARKUP)) if _is_heading(heading) else _pointed(_words(nearest))


def _named_by_kind(kind: SlotKind, before: str, after: str) -> str:
    """language for languages; of a number, the plural after it: "in {{words}} words", "{{pages}} page(s)"; none of "parcel {{...}} after".

    A word with a capital counts too ("in 5 Sätzen": German writes nouns so), one of a script that has none, and any word behind a bound
    ("at most {{people}} people").
    """
    words = _words(after.partition("\n")[0].partition("(")[0])[:1] if after[:1] == " " else []
    if kind.kind in (Kind.INTEGER, Kind.NUMBER) and BOUNDARIES.isdisjoint(word.lower() for word in words):
        counted = [f"{word}s" for word in words] if after[1:].startswith(f"{''.join(words)}(s)") else words
        is_bound = before.lower().endswith(BOUNDS)
        return _identifier([word for word in counted if is_bound or word.endswith("s") or not word[0].islower()])
    return KIND_NAMES.get(kind.kind) or _in_a_phrase(before, after) or (OPTIONAL if kind.kind is Kind.TEXT and kind.optional else "")


def _is_heading(line: str) -> bool:
    """Whether the line is a heading: markup around it, or a few words that all begin with a capital; never a sentence's end."""
    words = _words(line)
    if not 0 < len(words) <= WORDS or line.rstrip("*_ ").endswith((".", "!", "?", "。", ",", "，")):
        return False
    return line.startswith(MARKED) or len(words) == 1 or all(word[:1].isupper() for word in words)


def _sentence(clause: str, heads: bool = False) -> str:
    """The noun right before a place without a label: "the company {{...}}", "the style of {{...}}", "Today is {{...}}"; none of "a good {{...}}".

    heads: a colon follows the place, so the noun is the label of what comes next: "Notes of {{notes_of}}: {{notes}}".
    """
    words = _words(clause)
    lower = [word.lower() for word in words]
    if len(words) < 2:
        return ""
    if lower[-1] in COPULAS:
        return _phrase(" ".join(words[:-1]))
    noun = lower[-2] not in BOUNDARIES | DETERMINERS
    if lower[-1] == "of" and noun:
        return _identifier(words[-2:] if heads else words[-2:-1])
    if lower[-1] in RELATIONS and noun:
        return _identifier(words[-2:])
    return (
        _identifier(words[-1:])
        if lower[-2] in DETERMINERS - {"a", "an"} and lower[-1] not in BOUNDARIES | DETERMINERS
        else ""
    )


def _phrase(label: str) -> str:
    """The name that a label makes: its words if they are few, else the noun in it."""
    words = _words(label)
    while len(words) > 1 and (words[0].lower() in LEADING or words[0].isdigit()):
        words = words[1:]
    lower = [word.lower() for word in words]
    if lower[:1] and lower[0] in QUESTIONS:
        plain = [word for word in words if word.lower() not in DETERMINERS]
        return _identifier(plain) if len(plain) <= WORDS else ""
    if len(words) == 1 or (len(words) <= WORDS and not BOUNDARIES.union(DETERMINERS).intersection(lower)):
        return _identifier(words)
    return _pointed(words) or _noun(words, [-1, *(place for place, word in enumerate(lower) if word in DETERMINERS)])


def _pointed(words: list[str]) -> str:
    """The noun that a sentence announces: article in "Summarize the following article.", context in "The context is below."."""
    lower = [word.lower() for word in words]
    if lower[-1:] == ["below"] and not COPULAS.isdisjoint(lower):
        return _phrase(" ".join(words[: max(lower.index(word) for word in COPULAS.intersection(lower))]))
    return _noun(words, [place for place, word in enumerate(lower) if word == "following"])


def _noun(words: list[str], starts: list[int]) -> str:
    """The words after the last of these places up to the next preposition, at most three; both of "name of the city"."""
    for start in reversed(starts):
        rest = words[start + 1 :]
        end = next((place for place, word in enumerate(rest) if word.lower() in BOUNDARIES), len(rest))
        if 0 < end <= 3:
            while end > 1 and rest[0].lower() in LEADING:
                rest, end = rest[1:], end - 1
            owned = words[start - 2 : start - 1] if start > 1 and words[start - 1].lower() == "of" else []
            return _identifier(rest[:end] + owned)
    return ""


def _last_clause(text: str) -> str:
    core = text.rstrip()
    if core.endswith(")"):
        core = core.rpartition("(")[0].rstrip() or core
    core = core.rstrip(ENDS)
    for mark in BREAKS:
        core = core.rpartition(mark)[2]
    return core


def _without_colon(text: str) -> str:
    return text.rstrip("".join(COLONS) + ENDS)


def _words(text: str) -> list[str]:
    """Runs of letters, marks, digits and underscores; the 's of a genitive is no word."""
    plain = text.replace("'s ", " ").replace("’s ", " ")
    return "".join(char if f"a{char}".isidentifier() else " " for char in plain).replace(" _ ", " ").split()


def _identifier(words: list[str]) -> str:
    """customer_name of ["customer", "name"] or ["customerName"]; "" when they make no good name."""
    if any(len(word) > MOST_CHARACTERS_OF_A_WORD and min(word) >= "\u0e00" for word in words):
        return ""
    name = "_".join(filter(None, "_".join(_snake(word) for word in words).split("_")))
    if not name.isidentifier() or name.startswith("var_"):
        return ""
    name = portable_name(KEYWORD_NAMES.get(name, name))
    return "" if len(name) > MOST_CHARACTERS else name


def _snake(word: str) -> str:
    """user_question of userQuestion; API stays api."""
    humps = [f"_{char}" if char.isupper() and word[place - 1].islower() else char for place, char in enumerate(word)]
    return "".join(humps).lower() if word[:1].islower() else word.lower()
