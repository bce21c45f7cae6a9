"""The answers whose calls this process is storing at the moment, by the ids that their provider gave them.

Two signals of one call may share nothing but that id, and come in one moment: an SDK sends its spans and its log events at once. The second one
waits until the first is stored and noted (`app.otlp.recent`), then finds the note.
"""

import threading
from collections.abc import Iterable
from uuid import UUID

from app.otlp.deduplication import CallSpan

MOST_SECONDS = 5.0
"""Seconds that an export waits for another one. An export takes less than one, unless PostgreSQL hangs; then both are stored, as without waiting."""

Answers = frozenset[tuple[UUID, str]]
"""Answers, each by its project and its provider's id."""


def answers_of(project_id: UUID, call_spans: Iterable[CallSpan]) -> Answers:
    """The answers that these call spans describe."""
    return frozenset((project_id, call_span.response_id) for call_span in call_spans if call_span.response_id)


class UnderWay:
    """The answers under way; safe to share between threads.

    An export takes all its answers at once, before any lock of PostgreSQL, so that exports never wait for each other in a circle.
    """

    def __init__(self) -> None:
        self._answers: set[tuple[UUID, str]] = set()
        self._changed = threading.Condition()

    def take_now(self, answers: Answers) -> bool:
        """Take the answers; False, and nothing taken, where one of them is under way."""
        with self._changed:
            is_free = self._answers.isdisjoint(answers)
            if is_free:
                self._answers |= answers
            return is_free

    def take(self, answers: Answers) -> Answers:
        """Wait until none of the answers is under way, and take them; answers those taken, none after MOST_SECONDS."""
        with self._changed:
            is_free = self._changed.wait_for(lambda: self._answers.isdisjoint(answers), MOST_SECONDS)
            if is_free:
                self._answers |= answers
            return answers if is_free else frozenset()

    def give_back(self, answers: Answers) -> None:
        """Let others take the answers that `take` or `take_now` took."""
        if answers:
            with self._changed:
                self._answers -= answers
                self._changed.notify_all()
