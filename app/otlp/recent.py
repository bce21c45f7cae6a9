"""Answers that this process was told of lately, by the id that their provider gave them.

A call may be told of by signals that have nothing else in common: a span, and an event in the logs that does not know its span; two
instrumentations whose spans nothing is around.  This is a help and no promise: another process does not know of it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from app.otlp.same import Telling

SECONDS_OF_A_CALL = 600.0
"""Signals of one call are sent within some seconds of each other; exporters try again for minutes."""

MOST_CALLS_KEPT = 50_000
"""About 10 MB."""


class Recent:
    """The answers, by project; safe to share between threads."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[UUID, str], tuple[float, str, str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def covered(self, project_id: UUID, telling: Telling) -> bool:
        """Whether this tells again of an answer that something else told of: without messages, or with the same by another writer."""
        if telling.response_id is None:
            return False
        with self._lock:
            since, span_id, scope, texts = self._told.get((project_id, telling.response_id), (0.0, "", "", 0))
        if not since or time.monotonic() - since > SECONDS_OF_A_CALL or span_id == telling.id:
            return False
        return not telling.has_content or (scope != telling.scope and texts == hash(telling.texts))

    def note(self, project_id: UUID, tellings: Iterable[Telling]) -> None:
        """Remember these."""
        with self._lock:
            for telling in tellings:
                if telling.response_id and telling.has_content:
                    told = (time.monotonic(), telling.id, telling.scope, hash(telling.texts))
                    self._told.setdefault((project_id, telling.response_id), told)
            while len(self._told) > MOST_CALLS_KEPT:
                self._told.popitem(last=False)
