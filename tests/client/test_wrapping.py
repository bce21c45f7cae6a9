"""Streams of clients that nobody has seen yet: the app gets each stream as it is, and its call is stored."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from promptlode_client import Client
from promptlode_client.answers import ChatAnswer
from promptlode_client.wrapping import How, watch_method


class WithoutClose:
    """A stream that cannot be closed."""

    def __init__(self) -> None:
        self._iterator = iter([])

    def __iter__(self) -> Iterator[Any]:
        return self._iterator


class WithSlots(WithoutClose):
    """A stream whose `close` is no attribute that can be replaced."""

    __slots__ = ()

    @property
    def close(self) -> Callable[[], None]:
        return lambda: None


class Frozen(WithSlots):
    """A stream whose iterator cannot be replaced."""

    @property
    def _iterator(self) -> Iterator[Any]:  # type: ignore[override]
        return iter([])

    def __init__(self) -> None:
        """Nothing to set."""


class Odd:
    """An answer that cannot be asked for what it lacks."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize("stream_class", [WithoutClose, WithSlots, Frozen])
def test_a_stream_of_another_make_is_the_apps_own_and_its_call_is_stored(
    client: Client, stored: Callable[[], list[Any]], stream_class: type[WithoutClose]
) -> None:
    class Completions:
        def create(self, **_: Any) -> WithoutClose:
            return stream_class()

    completions = Completions()
    assert watch_method(client, completions, "create", How(dict, ChatAnswer), "/chat")
    assert list(completions.create(model="m", input="Hi")) == []
    assert client.flush(60)
    [trace] = stored()
    assert (trace["path"], trace["model"]) == ("/chat", "m")


def test_an_answer_that_refuses_every_question_is_the_apps_own(client: Client) -> None:
    answer = Odd()

    class Completions:
        def create(self, **_: Any) -> Odd:
            return answer

    completions = Completions()
    watch_method(client, completions, "create", How(dict, ChatAnswer), "/chat")
    assert completions.create(model="m", input="Hi") is answer
