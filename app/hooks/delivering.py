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
from app.reading.feed import ChangeFilter
from app.reading.ranges import Range
from app.store import webhooks
from app.store.engine import transaction
from app.store.webhooks import DueDelivery

RECEIVERS_AT_ONCE = 8
"""Receivers at a time; their threads mostly wait."""

SECONDS_OF_A_ROW = 15.0
"""Seconds after which a thread begins no further delivery, as many as a connected host has to answer: then the duty takes up new changes, or can be stopped."""

_log = logger(__name__)


class Deliverer:
    """Makes deliveries for changes, and sends them."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._allowed = Allowed.of(settings)

    def deliver(self) -> int:
        """Send due deliveries; answers how many arrived. Does nothing where webhooks are off."""
        if not self._allowed.hosts:
            return 0
        with transaction(self._engine) as connection:
            webhooks.enqueue(connection, timedelta(seconds=self._settings.webhook_delay))
        deliveries = self._claim(RECEIVERS_AT_ONCE)
        if not deliveries:
            return 0
        with ThreadPoolExecutor(RECEIVERS_AT_ONCE, thread_name_prefix="webhook") as threads:
            return sum(threads.map(self._send_in_a_row, deliveries))

    def _claim(self, number: int) -> list[DueDelivery]:
        with transaction(self._engine) as connection:
            return webhooks.claim(connection, number)

    def _send_in_a_row(self, first: DueDelivery) -> int:
        """Send a delivery, then others as long as some are due; how many arrived. No thread waits for one whose host hangs."""
        end = time.monotonic() + SECONDS_OF_A_ROW
        arrived = int(self._send(first))
        while time.monotonic() < end and (further := self._claim(1)):
            arrived += self._send(further[0])
        return arrived

    def _send(self, delivery: DueDelivery) -> bool:
        with transaction(self._engine) as connection:
            body = self._body(connection, delivery)
            if body is None:
                webhooks.drop(connection, delivery, "The version turned out to be a mistake before it was told of.")
                return False
        try:
            status = post(
                delivery.url,
                body,
                messages.headers(delivery.secret, delivery.id, body, int(time.time())),
                self._allowed,
            )
        except NotDeliveredError as error:
            self._failed(delivery, error.problem, error.status)
            return False
        except Exception:  # noqa: BLE001 - one delivery must not hold up the others
            _log.exception("webhook_failed_unexpectedly", webhook=str(delivery.webhook_id), delivery=str(delivery.id))
            self._failed(delivery, "It could not be sent; the log of the reconciler says why.", None)
            return False
        with transaction(self._engine) as connection:
            webhooks.delivered(connection, delivery, status)
        return True

    def _failed(self, due: DueDelivery, problem: str, status: int | None) -> None:
        """Count the attempt: a delivery without a count would be claimed first for ever, before all others of its webhook."""
        _log.info("webhook_failed", webhook=str(due.webhook_id), delivery=str(due.id), why=problem)
        with transaction(self._engine) as connection:
            webhooks.failed(connection, due, problem, status)

    def _body(self, connection: Connection, delivery: DueDelivery) -> bytes | None:
        changes = feed.page(connection, ChangeFilter([delivery.project_id], Range(), ids=[delivery.change_id]), 1)
        if not changes:
            return None
        return messages.body(
            changes[0], delivery.format, include_text=delivery.include_text, public_url=self._settings.public_url
        )
