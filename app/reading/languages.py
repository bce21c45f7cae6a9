"""The language that texts are written in, as far as their letters and commonest words tell.  Pure.

A help for the eye, on the page of a slot: a script of one language says it alone, Latin letters need words that every text of some
length has.  What is too short, or mixed, has none.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_SCRIPTS = {
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "CJK": "Chinese",
    "CYRILLIC": "Cyrillic letters",
    "ARABIC": "Arabic letters",
    "HEBREW": "Hebrew",
    "GREEK": "Greek",
    "THAI": "Thai",
    "DEVANAGARI": "Devanagari letters",
}
"""By how Unicode's names of letters begin; letters that several languages have are called letters."""

_WORDS = {
    "English": "the and of to is in that for it with you are this not have be was your",
    "German": "der die das und ist nicht ein eine ich mit zu den von für auf wir sie wird",
    "French": "le la les et est des une pas pour que dans vous je avec sur du nous ce",
    "Spanish": "el los las y es una no que por para con su del se lo pero como más",
    "Italian": "il gli che è di una non per con sono del della mi anche ho ma questo alla",
    "Portuguese": "o os as e é uma não que para com do da em por meu você mas isso",
    "Dutch": "de het een en is niet van dat ik op voor met zijn je aan heb maar wordt",
    "Polish": "i w nie na się jest to że z do jak od po dla ale mam czy oraz",
    "Swedish": "och att det är en som på för inte med jag har av ett till den vi om",
}
"""The commonest words of languages in Latin letters."""

_COMMON = {language: frozenset(words.split()) for language, words in _WORDS.items()}

LEAST_LETTERS = 20
"""Letters below which nothing is said: a code or a name has no language."""

LEAST_SHARE_OF_COMMON_WORDS = 0.12
"""Of all words those that must be common ones: prose in its own language has a quarter to a half, in another one up to 8 %."""

LEAST_LEAD = 1.5
"""So many times more common words than the next language has: Spanish and Portuguese share half of theirs."""

MOST_READ = 20_000
"""Characters that are looked at."""

_WORD = re.compile(r"[^\W\d_]+")


def language_of(texts: Iterable[str]) -> str | None:
    """The language that most of these texts are in; None where none is sure."""
    text = "\n".join(texts)[:MOST_READ]
    scripts = Counter(map(_script, filter(str.isalpha, text)))
    if scripts.total() < LEAST_LETTERS:
        return None
    if scripts["Japanese"] * 10 >= scripts.total():  # its texts are half Chinese characters
        return "Japanese"
    script, letters = scripts.most_common(1)[0]
    if letters * 2 < scripts.total():
        return None
    return _by_words(text) if script == "" else script


def _script(letter: str) -> str:
    """A language or a script; "" for Latin letters and all others."""
    return _SCRIPTS.get(unicodedata.name(letter, "").partition(" ")[0], "") if letter > "\u024f" else ""


def _by_words(text: str) -> str | None:
    words = _WORD.findall(text.lower())
    hits = Counter({language: sum(word in common for word in words) for language, common in _COMMON.items()})
    (best, most), (_, next_most) = hits.most_common(2)
    return best if most >= LEAST_SHARE_OF_COMMON_WORDS * len(words) and most >= LEAST_LEAD * next_most else None
