"""Names tasks by the fixed text of a template: pure, and without a language model.

A prompt mostly says its purpose in its first instructions ("Classify the support ticket ..."), or in the role of the model ("You are a
strict grader of ..."). Sentences of the fixed text are ranked by that, and the best one is cut to a few words. A name never has values of
slots: a sentence ends where a slot begins.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import count, islice

from app.checks import NOT_IN_A_NAME
from templating import BARRIER, Template
from templating.scripts import is_unspaced, tokens

MOST_WORDS = 7
"""Words of a name."""

MOST_CHARACTERS = 48
"""Characters of a name: a cell of a list holds it in one line."""

MOST_UNSPACED = 24
"""Characters of a name in a script without spaces, where a character says as much as half a word."""

CHOICES = 3
"""Best suggestions that are tried before a number is added."""

SENTENCES = 40
"""Sentences from the beginning that are considered; later ones are details."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS = _words(
    "act add analyse analyze annotate answer append assess assign autocomplete build calculate categorise categorize "
    "change check choose classify clean cluster combine compare complete compose compress compute condense continue "
    "convert correct count create critique debug decide deduplicate define describe design detect determine develop "
    "distill draft edit enrich estimate evaluate examine expand explain extract fill filter find fix flag format "
    "generate give grade group guess help highlight identify improve infer inspect interpret judge label list locate "
    "map mark match merge mine moderate name normalise normalize optimise optimize organise organize outline "
    "paraphrase parse pick plan polish predict prioritise prioritize produce proofread propose provide rank rate read "
    "recommend redact refactor refine rephrase resolve review revise rewrite route score search select shorten "
    "simplify solve sort split suggest summarise summarize tag tell tidy transcribe transform translate triage "
    "turn update validate verify write"
)
"""Verbs that say the purpose of a prompt."""

MANNER = _words(
    "always avoid be begin do follow if ignore include keep leave make never note only output remember reply respond "
    "return show start stop think today use when"
)
"""Words that begin a sentence about the form of the answer, and not about the purpose."""

OPENINGS = (
    *("please ", "kindly ", "now ", "then ", "first ", "your task is to ", "your job is to ", "your goal is to "),
    *("your role is to ", "the task is to ", "you will ", "you should ", "you must ", "you need to ", "you have to "),
    *("i want you to ", "i need you to ", "i would like you to ", "can you ", "could you ", "you can ", "help me "),
    *("you ", "请", "請", "你需要", "您需要", "次の", "以下の"),
)
ROLES = (
    *("you are an ", "you are a ", "you are the ", "you are ", "you're an ", "you're a ", "you're ", "act as an "),
    *("act as a ", "act as the ", "act as ", "あなたは", "你是一个", "你是一位", "你是一名", "你是", "您是"),
)
EMPTY_ROLES = frozenset({"helpful assistant", "assistant", "ai assistant", "helpful ai assistant", "expert", "ai"})

POINTERS = _words("following below above given provided")
"""Words that point into the prompt, which make no sense in a name."""

RELATIVES = _words("that which who whose so")

LOOSE_ENDS = _words(
    "a an and any are as at based be but by each every for from her his how if in into is it its my no not of on one "
    "or our per so such than that the their then there these this those to under using via was were what when where "
    "which who whose with within without you your"
)

PREPOSITIONS = _words(
    "about and as at based by for from in into of on or over per than to under using via with within without"
)
"""Words that begin a phrase which a name can omit."""

ARTICLES = _words("a an the one each every another")

CONJUNCTIONS = _words("because but has have however or since then though while will would")
"""Words with which the rest of a sentence begins, besides `LOOSE_ENDS` and `PREPOSITIONS`."""

SPEAKING = _words("you your using what when where which who how if my no do")
"""Words of those three kinds with which a prompt in small letters may begin its first sentence."""

REST_OF_SENTENCE = 4
"""Rank of the rest of a sentence: after every whole one that says something."""

GOOD_ENOUGH = 1
"""Rank of an order or a role: while the prompt says such a name, no other one replaces it."""

ITEM_WORDS = 4
"""Words of one item of a list; a clause between commas has more."""

REACH = 80
"""Characters beside a slot that show whether the slot stands before its noun."""

SENTENCE_ENDS = frozenset(".!?;:\n。！？；：…")
CLAUSE_ENDS = frozenset(',()[]{}<>|"“”—–=、，（）')
CONTROLS = re.compile(
    "\x1b\\[[0-9;?]*[A-Za-z]|[" + NOT_IN_A_NAME + "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
"""Colours, which a terminal would obey, what a name may not have, and characters without width or that turn the direction of a text; joiners are part of a word."""

PATH_BEGIN = re.compile(r"[*_`('\"“‘]*((?:~|\.\.?)?/)(?=[^\W\d_])")
"""The beginning of a path of files ("/home", "~/src", "./lib"), behind quotes and the like."""

DECORATION = " \t\r#*-_>`~•·=+0123456789.)('\"“”’&/\\|"

OPENED = "{[<"
"""Marks before the first word of an object, a list or a tag: `{"task": "classify"}`, `<job>`."""

BEGINNING_TAGS = re.compile(r"^(?:</?[^\W\d_][^<>]*>\s*)+")
"""Tags before the first word of a sentence: "<task>Score the letter</task>"."""


def task_name(template: Template, names_taken: Collection[str], fallback: str) -> str:
    """A short name for a new task.

    names_taken: names of other tasks of the same path, which the new name must not repeat. fallback: the name for a template without words (the
    path of its calls).
    """
    printable = CONTROLS.sub("·", fallback)
    names = suggestions(template) or [_capitalised(_first_words(printable)) or printable]
    free = (name for name in names[:CHOICES] if name not in names_taken)
    numbered = (f"{names[0]} {number}" for number in count(2))
    return next(free, None) or next(name for name in numbered if name not in names_taken)


def name_after_a_change(name: str, templates: Sequence[Template], names_taken: Collection[str], fallback: str) -> str:
    """The name of a task that now has these templates, the oldest first: its name while one of them says it, else one after the newest.

    names_taken, fallback: as of `task_name`, without the task's own name.
    """
    if any(is_said_by(name, template) or task_name(template, names_taken, fallback) == name for template in templates):
        return name
    return task_name(templates[-1], names_taken, fallback)


def is_said_by(name: str, template: Template) -> bool:
    """Whether the fixed text still says a name, and says no better one: an order or a role is good enough.

    A sentence says the name when it has its words in their order; a number that made the name unique does not count.
    """
    words, number = name.lower().split(), name.rpartition(" ")[2]
    wordings = (words, words[:-1]) if len(words) > 1 and number.isdecimal() else (words,)
    ranked = [(_suggestion(sentence), sentence.lower()) for sentence in islice(_sentences(template), SENTENCES)]
    ranks = [(suggestion[0], sentence) for suggestion, sentence in ranked if suggestion is not None]
    best = min((rank for rank, _ in ranks), default=0)
    return any(
        rank <= max(best, GOOD_ENOUGH) and any(_has_in_order(sentence, wording) for wording in wordings)
        for rank, sentence in ranks
    )


def _has_in_order(sentence: str, words: Sequence[str]) -> bool:
    remainder = iter(tokens(sentence))
    return all(token in remainder for word in words for token in tokens(word))


def suggestions(template: Template) -> list[str]:
    """Names that the fixed text offers, the best first, without repeats."""
    sentences = islice(_sentences(template), SENTENCES)
    ranked = sorted(filter(None, map(_suggestion, sentences)), key=lambda suggestion: suggestion[0])
    return list(dict.fromkeys(name for _, name in ranked))


def _suggestion(sentence: str) -> tuple[int, str] | None:
    """The rank of a sentence (low is better) and its name; None where it gives no name."""
    if _is_fragment(sentence):
        name = _first_words(_without_loose_begin(sentence))
        return (REST_OF_SENTENCE, _capitalised(name)) if name else None
    role = _text_after(sentence, ROLES)
    if role is not None:
        name = _first_words(role)
        return (4 if name.lower() in EMPTY_ROLES else 1, _capitalised(name)) if name else None
    order = _without_openings(sentence)
    name = _first_words(order)
    return (_rank(order, name), _capitalised(name)) if name else None


def _is_fragment(sentence: str) -> bool:
    """Whether a text is the rest of a sentence that a slot, or the cut head of a prompt, has begun: " is the mail of a customer"."""
    return (
        sentence[0].islower()
        and sentence.split(maxsplit=1)[0].lower() in (LOOSE_ENDS | PREPOSITIONS | CONJUNCTIONS) - SPEAKING
    )


def _without_loose_begin(fragment: str) -> str:
    words = fragment.split()
    while words and words[0].lower() in LOOSE_ENDS | CONJUNCTIONS:
        words.pop(0)
    return " ".join(words)


def _rank(order: str, name: str) -> int:
    first, *further = [word.strip(",\"'") for word in order.lower().split()[:2]] or [""]
    if first in MANNER or (first == "answer" and further and further[0] in LOOSE_ENDS - {"the", "a", "an", "any"}):
        return 3
    if first in VERBS:
        return 0 if " " in name else 2
    return 2 if " " in name or is_unspaced(name[0]) else 5


def _sentences(template: Template) -> Iterator[str]:
    """Sentences of the fixed text in order; a part ends a sentence, and so does a slot unless it stands before its noun."""
    for text in _runs(template.literals):
        sentence = ""
        for character in text:
            if character in SENTENCE_ENDS or character == BARRIER:
                yield from _trimmed(sentence)
                sentence = ""
            else:
                sentence += character
        yield from _trimmed(sentence)


def _runs(literals: Sequence[str]) -> Iterator[str]:
    """Fixed texts, joined across a slot that stands before a noun: "Write one read-only {{dialect}} query"."""
    run = literals[0]
    for literal in literals[1:]:
        if _wants_noun(run) and _begins_with_noun(literal):
            run += literal.removeprefix(" ")
        else:
            yield run
            run = literal
    yield run


def _wants_noun(text: str) -> bool:
    """Whether the last words are an article, or an article and one word more: "a", "one read-only"."""
    line = text[-REACH:].rpartition("\n")[2]
    return line.endswith(" ") and not ARTICLES.isdisjoint(line.lower().split()[-2:])


def _begins_with_noun(text: str) -> bool:
    first = next(iter(text[:REACH].split()), "").rstrip(".,;:!?")
    return text[:1] == " " and first.isalpha() and first.lower() not in LOOSE_ENDS


def _trimmed(sentence: str) -> Iterator[str]:
    """The sentence without bullets, numbers, marks of Markdown and control characters (a name goes to terminals); nothing if it has only these."""
    plain_text = CONTROLS.sub(" ", sentence).strip(DECORATION)
    behind_tags = BEGINNING_TAGS.sub("", plain_text)
    bare = (behind_tags if any(map(str.isalpha, behind_tags)) else plain_text).lstrip(OPENED + DECORATION)
    if any(character.isalpha() for character in bare):
        yield bare


def _without_openings(sentence: str) -> str:
    while (remainder := _text_after(sentence, OPENINGS)) is not None:
        sentence = remainder
    return sentence


def _text_after(sentence: str, beginnings: tuple[str, ...]) -> str | None:
    """The text after one of the beginnings; None when the sentence begins otherwise, or ends there."""
    lowered = sentence.lower()
    for beginning in beginnings:
        if lowered.startswith(beginning) and len(sentence) > len(beginning):
            return sentence[len(beginning) :].lstrip()
    return None


def _first_words(sentence: str) -> str:
    """The first few words, up to the end of a clause, without words that would dangle; a list is kept as a whole or left out."""
    clause = _first_clause(sentence)
    if any(map(is_unspaced, clause)):
        return clause.removesuffix("です")[:MOST_UNSPACED].strip()
    words = list(_words_before_relative_clause(clause.split()))
    if _is_list(sentence[len(clause) :]):
        words = _without_list(words)
    if not _fits(words):
        words = _shortened(words)
    while words and words[-1].lower() in LOOSE_ENDS:
        words.pop()
    return " ".join(words)[:MOST_CHARACTERS].strip(DECORATION)


def _fits(words: list[str]) -> bool:
    return len(words) <= MOST_WORDS and len(" ".join(words)) <= MOST_CHARACTERS


def _is_list(remainder: str) -> bool:
    """Whether the text after a clause continues a list: ", returns or other"; not ", a shop for tents, packs and boots"."""
    items = [item.split() for item in remainder.split(",")[1:]]
    ends = [{"or", "and"}.isdisjoint(item[:ITEM_WORDS]) for item in items]
    return False in ends and all(
        item and item[0] not in ARTICLES and len(item) <= ITEM_WORDS for item in items[: ends.index(False)]
    )


def _without_list(words: list[str]) -> list[str]:
    """The words before the preposition of the list's first item; all words where the item has none."""
    starts = [place for place, word in enumerate(words) if word.lower() in PREPOSITIONS and place > 1]
    return words[: starts[-1]] if starts else words


def _shortened(words: list[str]) -> list[str]:
    """As many words as fit, without a phrase that the end would cut: "Review pull requests" of "... in the shop's Python services"."""
    kept_words = words[:MOST_WORDS]
    while len(kept_words) > 1 and not _fits(kept_words):
        kept_words.pop()
    if len(kept_words) == len(words) or words[len(kept_words)].lower() in LOOSE_ENDS | PREPOSITIONS:
        return kept_words
    phrases = [place for place, word in enumerate(kept_words) if word.lower() in PREPOSITIONS and place > 1]
    return kept_words[: phrases[-1]] if phrases else kept_words


def _words_before_relative_clause(words: list[str]) -> Iterator[str]:
    """Words up to a relative clause, without pointing words ("The following are" would lose its subject)."""
    for place, word in enumerate(words):
        if place > 1 and word.lower() in RELATIVES:
            return
        if word.lower() not in POINTERS or words[place + 1 : place + 2] == ["are"]:
            yield _undecorated(word) if place else word.strip(DECORATION) or word


def _undecorated(word: str) -> str:
    """The word without marks around it; a path of files keeps the slash that it begins with."""
    path_begin = PATH_BEGIN.match(word)
    bare = word.strip(DECORATION)
    return path_begin[1] + bare if path_begin and bare else bare or word


def _first_clause(sentence: str) -> str:
    end = next((index for index, character in enumerate(sentence) if index and character in CLAUSE_ENDS), len(sentence))
    return sentence[:end].strip()


def _capitalised(name: str) -> str:
    """The name with a capital, where the letter has a single one: a sharp s would become "SS"."""
    capital = name[:1].upper()
    return capital + name[1:] if capital.lower() == name[:1] else name
