"""The tables of the documents are the output of the commands that they name."""

import subprocess

import pytest

from benchmarks.__main__ import _SECTION, DOCUMENTS, measured

ONE = "before\n<!-- run: python -c 'print(6 * 7)' -->\nold\n<!-- end -->\nafter\n"


def test_the_output_of_a_command_replaces_its_output_of_before():
    assert measured(ONE, []) == "before\n<!-- run: python -c 'print(6 * 7)' -->\n42\n<!-- end -->\nafter\n"


def test_a_command_that_was_not_asked_for_keeps_its_table():
    assert measured(ONE, ["mining"]) == ONE


def test_a_command_that_fails_is_an_error_and_no_empty_table():
    with pytest.raises(subprocess.CalledProcessError):
        measured("<!-- run: python -c 'raise SystemExit(3)' -->\n<!-- end -->", [])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_table_belongs_to_a_command(document):
    text = document.read_text(encoding="utf-8")

    assert _SECTION.search(text)
    assert not [line for line in _SECTION.sub("", text).splitlines() if line.startswith("|---")]
