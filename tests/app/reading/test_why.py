"""The share of a template that a text follows, and the words where the text leaves the template."""

import pytest

from app.reading.why import Departure, Follow, follow, nearest

TEMPLATE = [["Sort the mail of ", " into billing or other."], ["Mail: ", ""]]


@pytest.mark.parametrize(
    ("prompt", "leaves"),
    [
        (["Sort the mail of Ada into billing or other.", "Mail: hi"], None),
        (["Sort the mail of Ada into billing or else.", "Mail: hi"], Departure(0, 37, "other.", "else.")),
        (["Sort a mail", "Mail: hi"], Departure(0, 5, "the mail of ", "a mail")),
        (["Sort the mail of Ada into billing or other.", "Hi"], Departure(1, 0, "Mail: ", "Hi")),
        (["Sort the mail of Ada into billing or other."], Departure(1, 0, "Mail: ", "")),
        (["", ""], Departure(0, 0, "Sort the mail of ", "")),
    ],
)
def test_a_text_leaves_a_template_at_the_first_word_that_differs(prompt: list[str], leaves: Departure | None) -> None:
    assert follow(TEMPLATE, prompt).leaves == leaves


def test_a_text_that_goes_on_leaves_a_template_at_its_end() -> None:
    assert follow([["Say yes."]], ["Say yes. Now."]).leaves == Departure(0, 8, "", " Now.")


def test_an_edit_in_the_middle_leaves_most_of_a_template() -> None:
    match = follow(TEMPLATE, ["Sort the mail of Ada into billing, or other.", "Mail: hi"])
    assert match.share > 0.9


def test_the_nearest_is_the_one_that_most_is_followed_of() -> None:
    other_template = [["Sort the parcels of ", "."], ["Parcel: ", ""]]
    closest = nearest(enumerate([other_template, TEMPLATE]), ["Sort the mail of Ada into bills or other.", "Mail: hi"])
    assert closest is not None
    assert closest[0] == 1


def test_nothing_is_near_to_another_text() -> None:
    assert nearest(enumerate([TEMPLATE]), ["Hello", "there"]) is None
    assert nearest([], ["Hello"]) is None
    assert Follow(0, 0, None).share == 0
