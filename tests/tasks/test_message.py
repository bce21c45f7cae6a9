"""Messages of every age and author are understood, or refused with a remedy."""

import pytest

from app.store.ids import new_id
from tasks.message import BadMessageError, Message


def test_our_own_message_names_the_group_and_its_ticket() -> None:
    group = new_id()
    message = Message.parse((), {"group": str(group), "ticket": 4, "trace": "t"})
    assert (message.group, message.ticket, message.trace) == (group, 4, "t")


def test_a_person_names_project_and_path_and_has_no_ticket() -> None:
    message = Message.parse((), {"project": "shop", "path": "/chat"})
    assert (message.project, message.path, message.ticket) == ("shop", "/chat", None)


def test_fields_that_a_newer_publisher_adds_are_ignored() -> None:
    assert Message.parse((), {"group": str(new_id()), "colour": "red"}).group


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((), {}),
        ((), {"project": "shop"}),
        ((), {"project": 7, "path": ["/chat"]}),
        ((), {"group": "7"}),
        ((), {"group": None, "ticket": "x"}),
        (("shop", "/chat"), {}),
    ],
)
def test_a_message_that_names_no_group_is_refused_with_the_remedy(arguments: tuple, keywords: dict) -> None:
    with pytest.raises(BadMessageError, match="--kwargs"):
        Message.parse(arguments, keywords)
