"""Texts from traffic as commands print them."""

import pytest
from rich.table import Table

from app.cli.printing import plain, show


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


@pytest.mark.parametrize(("columns", "is_table"), [(80, False), (200, True)])
def test_a_table_that_a_narrow_terminal_would_break_is_shown_row_by_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, is_table: bool
) -> None:
    # Given a table of 100 columns and more in which every word is whole
    monkeypatch.setenv("COLUMNS", str(columns))
    titles = ("Id", "Task", "Path", "Calls", "Slots")
    table = Table(*titles, caption="In range: a day.")
    for number in range(2):
        table.add_row(
            "0" * 36, plain("Sort[mail]"), "/catalogue/attributes", str(number), "" if number else "customer_number"
        )

    # If it is shown
    show(table)
    shown = capsys.readouterr().out

    # I expect every cell whole, in lines that fit, and a row by row only where the table does not fit
    assert all(len(line) <= columns for line in shown.splitlines())
    whole_texts = ("0" * 36, "Sort[mail]", "/catalogue/attributes", "customer_number")
    assert [shown.count(text) for text in whole_texts] == [2, 2, 2, 1]
    assert ("┃" in shown) == is_table
    assert shown.count("Path") == (1 if is_table else 2)
    assert shown.rstrip().endswith("In range: a day.")
