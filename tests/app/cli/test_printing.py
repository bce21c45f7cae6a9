"""Texts from traffic as commands print them."""

import pytest

from app.cli.printing import plain


@pytest.mark.parametrize(
    "text", ["東京\u3000大阪", "Prix\u00a0: 12\u202f345", "می\u200cخواهم", "क्\u200dष", "👩\u200d👧", "two\nlines"]
)
def test_spaces_and_joiners_of_a_script_are_printed_as_they_are(text: str) -> None:
    assert plain(text).plain == text


@pytest.mark.parametrize(
    "char", ["\x00", "\x1b", "\r", "\x9b", "\u202e", "\u2066", "\u200e", "\u2028", "\ufeff", "\ud800"]
)
def test_what_controls_a_terminal_or_turns_text_is_a_dot(char: str) -> None:
    assert plain(f"a{char}b").plain == "a·b"
