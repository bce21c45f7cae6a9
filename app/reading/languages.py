"""Detects the language of texts by their letters and most common words. Pure.

It is a hint on the page of a slot: a script of one language is enough, Latin letters need common words. A text that is too short or mixed
has no language.
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
"""Languages and scripts by the beginning of the Unicode names of their letters; letters of several languages count as a script."""

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
"""The most common words of languages in Latin letters."""

_COMMON = {language: frozenset(words.split()) for language, words in _WORDS.items()}

LEAST_LETTERS = 20
"""Letters below which no language is named: a code or a name has none."""

LEAST_SHARE_OF_COMMON_WORDS = 0.12
"""Least share of common words among all words: prose has 25 to 50 % of its own language's, up to 8 % of another one's."""

LEAST_LEAD = 1.5
"""Least ratio of common words to those of the next language: Spanish and Portuguese share half of theirs."""

MOST_CHARACTERS_READ = 20_000
"""Characters that are read."""

_WORD = re.compile(r"[^\W\d_]+")


def language_of(texts: Iterable[str]) -> str | None:
    """The language of most of these texts; None where none is certain."""
    text = "\n".join(texts)[:MOST_CHARACTERS_READ]
    scripts = Counter(map(_script, filter(str.isalpha, text)))
    if scripts.total() < LEAST_LETTERS:
        return None
    if scripts["Japanese"] * 10 >= scripts.total():  # half the characters of Japanese texts are Chinese
        return "Japanese"
    script, letters = scripts.most_common(1)[0]
    if letters * 2 < scripts.total():
        return None
    return _by_words(text) if script == "" else script


def _script(letter: str) -> str:
    """The language or script of a letter; "" for Latin letters and all others."""
    return _SCRIPTS.get(unicodedata.name(letter, "").partition(" ")[0], "") if letter > "\u024f" else ""


def _by_words(text: str) -> str | None:
    words = _WORD.findall(text.lower())
    hits = Counter({language: sum(word in common for word in words) for language, common in _COMMON.items()})
    (best, best_count), (_, next_most) = hits.most_common(2)
    return (
        best
        if best_count >= LEAST_SHARE_OF_COMMON_WORDS * len(words) and best_count >= LEAST_LEAD * next_most
        else None
    )
