"""Looks keys and policies up again shortly before their cached entries expire, in a thread beside the requests.

Otherwise every call that arrives when an entry expires goes to Flask, and these calls wait for one another there: 64 of them for 200 ms.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

from app.errors import PromptlodeError
from app.http.services import Services
from app.logs import logger

_log = logger(__name__)


class CacheRefresher:
    """Renews cached keys and policies for one event loop, in one thread."""

    def __init__(self, services: Services) -> None:
        self._authenticator = services.authenticator
        self._policies = services.ingest.policies
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._under_way: set[Hashable] = set()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def see(self, key: str, project_id: UUID) -> None:
        """A call came with this key: renew the cached entries that expire soon. Returns at once."""
        if self._authenticator.is_ageing(key):
            self._start(key, partial(self._authenticator.holder, key, now=True))
        if self._policies.is_ageing(project_id):
            self._start(project_id, partial(self._policies.look_up, project_id))

    def _start(self, subject: Hashable, look_up: Callable[[], object]) -> None:
        """Start the look-up unless one of the same subject is running."""
        if subject not in self._under_way:
            self._under_way.add(subject)
            self._thread.submit(self._run_quietly, subject, look_up)

    def _run_quietly(self, subject: Hashable, look_up: Callable[[], object]) -> None:
        try:
            look_up()
        except PromptlodeError as error:
            _log.info("looked_ahead_in_vain", error=type(error).__name__)  # the next request reports the error
        finally:
            self._under_way.discard(subject)
