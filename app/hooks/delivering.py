"""Sends due deliveries to several receivers at a time, so that a hanging receiver does not delay the others.

It is a duty of the reconciler and no Celery task: see docs/decisions.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import Connection, Engine

from app.config import Settings
from app.hooks import messages
from app.hooks.addresses import Allowed
from app.hooks.sending import NotDeliveredError, post
from app.logs import logger
from app.reading import feed
from app.reading.feed import Wanted
from app.reading.usage import Range
from app.store import webhooks
from app.store.engine import transaction
from app.store.webhooks import Due

AT_ONCE = 8
"""Receivers at a time; their threads mostly wait."""

MOST_ROUNDS = 100
"""Rounds after which the duty returns, so that it can be stopped; it starts again at its next tick."""

_log = logger(__name__)


class Deliverer:
    """Makes deliveries for changes, and sends them."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._allowed = Allowed.of(settings)

    def deliver(self) -> int:
        """Send due deliveries; answers how many arrived.  Does nothing where webhooks are off."""
        if not self._allowed.hosts:
            return 0
        with transaction(self._engine) as connection:
            webhooks.enqueue(connection, timedelta(seconds=self._settings.webhook_delay))
        arrived = 0
        for _ in range(MOST_ROUNDS):
            with transaction(self._engine) as connection:
                due = webhooks.claim(connection, AT_ONCE)
            if not due:
                break
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as threads:
                arrived += sum(threads.map(self._send, due))
        return arrived

    def _send(self, due: Due) -> bool:
        with transaction(self._engine) as connection:
            sent = self._body(connection, due)
            if sent is None:
                webhooks.drop(connection, due, "The version turned out to be a mistake before it was told of.")
                return False
        try:
            status = post(due.url, sent, messages.headers(due.secret, due.id, sent, int(time.time())), self._allowed)
        except NotDeliveredError as error:
            self._failed(due, error.problem, error.status)
            return False
        except Exception:  # noqa: BLE001 - one delivery must not hold up the others
            _log.exception("webhook_failed_unexpectedly", webhook=str(due.webhook_id), delivery=str(due.id))
            self._failed(due, "It could not be sent; the log of the reconciler says why.", None)
            return False
        with transaction(self._engine) as connection:
            webhooks.delivered(connection, due, status)
        return True

    def _failed(self, due: Due, problem: str, status: int | None) -> None:
        """Count the attempt: a delivery without a count would be claimed first for ever, before all others of its webhook."""
        _log.info("webhook_failed", webhook=str(due.webhook_id), delivery=str(due.id), why=problem)
        with transaction(self._engine) as connection:
            webhooks.failed(connection, due, problem, status)

    def _body(self, connection: Connection, due: Due) -> bytes | None:
        told = feed.page(connection, Wanted([due.project_id], Range(), ids=[due.change_id]), 1)
        if not told:
            return None
        return messages.body(told[0], due.format, include_text=due.include_text, public_url=self._settings.public_url)
