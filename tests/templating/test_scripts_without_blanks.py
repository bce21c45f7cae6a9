"""Borders of tokens: mining and comparing cut texts at the same places."""

import pytest

from templating.mining.units import is_border
from templating.scripts import is_unspaced, tokens

WITHOUT_BLANKS = {
    "Thai": "ภาษาไทย",
    "Burmese": "ကခဂဃ",
    "Khmer": "កខគឃ",
    "bopomofo": "ㄅㄆㄇ",
    "kana": "ひらがな",
    "Han": "汉字漢字",
}
WITH_BLANKS = {"Latin": "word", "Cyrillic": "слово", "Hangul": "한국어", "Arabic": "كلمة", "Devanagari": "शब्द"}


@pytest.mark.parametrize("text", WITHOUT_BLANKS.values(), ids=WITHOUT_BLANKS)
def test_every_letter_of_a_script_without_blanks_is_a_token_and_ends_at_a_border(text: str) -> None:
    letters = [character for character in text if is_unspaced(character)]
    assert list(tokens(text)) == letters == list(text)
    assert all(is_border(text, i) for i in range(1, len(text)) if text[i].isalpha() and text[i - 1].isalpha())


@pytest.mark.parametrize("text", WITH_BLANKS.values(), ids=WITH_BLANKS)
def test_no_letter_of_a_script_with_blanks_stands_alone(text: str) -> None:
    assert not any(map(is_unspaced, text))
    assert not any(is_border(text, i) for i in range(1, len(text)) if text[i].isalpha() and text[i - 1].isalpha())
