"""Keys and policies are looked up anew before they are too old to be believed, beside the requests.

Without it every call that comes in the moment when one of them is too old goes to Flask, and they wait for each other there:
64 of them a fifth of a second.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import structlog

from app.errors import PromptlodeError
from app.http.services import Services

_log = structlog.get_logger(__name__)


class LookingAhead:
    """Of one event loop; one thread looks."""

    def __init__(self, services: Services) -> None:
        self._authenticator = services.authenticator
        self._policies = services.ingest.policies
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._under_way: set[Hashable] = set()

    def close(self) -> None:
        """End its thread."""
        self._thread.shutdown()

    def see(self, key: str, project_id: UUID) -> None:
        """A call came with this key: look anew at what will soon be too old.  Waits for nothing."""
        if self._authenticator.is_ageing(key):
            self._look(key, partial(self._authenticator.holder, key, now=True))
        if self._policies.is_ageing(project_id):
            self._look(project_id, partial(self._policies.look_up, project_id))

    def _look(self, subject: Hashable, look: Callable[[], object]) -> None:
        """Once at a time."""
        if subject not in self._under_way:
            self._under_way.add(subject)
            self._thread.submit(self._looked, subject, look)

    def _looked(self, subject: Hashable, look: Callable[[], object]) -> None:
        try:
            look()
        except PromptlodeError as error:
            _log.info("looked_ahead_in_vain", error=type(error).__name__)  # the next request says what is wrong
        finally:
            self._under_way.discard(subject)
