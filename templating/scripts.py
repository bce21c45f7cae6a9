"""Splits texts into words: the scripts that write without blanks, and the tokens of any text."""

import re
from collections.abc import Iterator

from templating.matching import BARRIER

#: Thai and Lao; Burmese; Khmer; radicals, kana and bopomofo; kana extensions and Han; Han for compatibility; Han beyond U+FFFF. Hangul is
#: not among them: Korean is written with blanks.
UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x312F),
    (0x31A0, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


_RANGES = "".join(f"{chr(low)}-{chr(high)}" for low, high in UNSPACED)
_WORD_PIECES = re.compile(rf"[{_RANGES}]{{1,2}}|[^\s{_RANGES}]+")


def is_unspaced(character: str) -> bool:
    """Whether the character belongs to a script without blanks between words."""
    code = ord(character)
    return any(low <= code <= high for low, high in UNSPACED)


def words_of(text: str) -> list[str]:
    """As str.split; in scripts without blanks, of which a word has about two characters, two characters are a word."""
    return text.split() if text.isascii() else _WORD_PIECES.findall(text)


def tokens(text: str) -> Iterator[str]:
    """Words and numbers, single characters of scripts without blanks, single marks; no blank and no barrier (NUL)."""
    word = ""
    for character in text:
        if _in_word(character):
            word += character
            continue
        if word:
            yield word
            word = ""
        if not character.isspace() and character != BARRIER:
            yield character
    if word:
        yield word


def _in_word(character: str) -> bool:
    return (character.isalnum() or character == "_") and not is_unspaced(character)
