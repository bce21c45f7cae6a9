"""Borders of tokens, and words: mining and comparing cut texts at the same places."""

from random import Random

import pytest

from templating import mine
from templating.mining.units import is_border
from templating.scripts import is_unspaced, tokens, words_of

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


CHARACTERS, PARTICLES = (
    "日本語文書管理会社顧客注文配送返品商品在庫確認電話住所時間問題解決方法質問回答情報変更登録連絡担当",
    "のをにはがでとしてますからまでより",
)


def japanese(dice: Random, count: int) -> str:
    return (
        "".join(dice.choice(CHARACTERS) + dice.choice(CHARACTERS) + dice.choice(PARTICLES) for _ in range(count)) + "。"
    )


def test_two_characters_of_a_script_without_blanks_count_as_a_word() -> None:
    assert words_of("要約して the text.") == ["要約", "して", "the", "text."]


def test_instructions_in_japanese_behind_one_preamble_are_templates_each() -> None:
    dice = Random(3)
    preamble = japanese(dice, 60)
    tasks = [(japanese(dice, 30), japanese(dice, 30)) for _ in range(3)]
    prompts = [f"{preamble}\n{first}\n質問：{japanese(dice, 8)}\n{last}" for _ in range(9) for first, last in tasks]
    assert sorted(group.members for group in mine(prompts)) == [list(range(number, 27, 3)) for number in range(3)]
