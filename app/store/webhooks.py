"""Webhooks, and the deliveries of changes to them.

A delivery is a row before anything is sent, and its sender holds it for a while: if the sender dies between sending and noting it, the row
becomes due again. So every change arrives at least once, each time with the same ids.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.store.ids import first_id_of, new_id
from app.store.tables import change, webhook, webhook_delivery

TIME_HELD = timedelta(seconds=60)
"""Time for which a sender holds a delivery: more than the 35 s that one takes at most; after that the sender is dead."""

FIRST_PAUSE = timedelta(seconds=5)
"""The pause after the first failure; each next pause is twice as long."""

LONGEST_PAUSE = timedelta(hours=1)
"""The longest pause after a failure."""

GIVEN_UP_AFTER = timedelta(days=3)
"""Time after which a delivery is given up: a receiver that is down over a week-end misses nothing. A change of that age is not sent at all."""

LOG_KEPT = timedelta(days=90)
"""Time for which the log of deliveries is kept: a quarter, in which whoever runs a receiver asks what it got."""

MOST_WEBHOOKS = 20
"""Webhooks of a project."""

SECRET_BYTES = 32
"""Bytes of a webhook's secret, as many as HMAC-SHA256 uses."""


@dataclass(frozen=True)
class DueDelivery:
    """A delivery that is due."""

    id: UUID
    change_id: UUID
    project_id: UUID
    webhook_id: UUID
    url: str
    format: str
    include_text: bool
    secret: str


def create(
    connection: Connection, project_id: UUID, *, url: str, format: str, kinds: Sequence[str] | None, include_text: bool
) -> Row[Any]:
    """Make a webhook with a secret of its own; later changes are sent to it."""
    values = {
        "id": new_id(),
        "project_id": project_id,
        "url": url,
        "format": format,
        "kinds": None if kinds is None else list(kinds),
        "include_text": include_text,
        "secret": f"whsec_{secrets.token_urlsafe(SECRET_BYTES)}",
    }
    return connection.execute(insert(webhook).values(values).returning(webhook)).one()


def of_project(connection: Connection, project_id: UUID) -> Sequence[Row[Any]]:
    """The webhooks of a project, newest first, with how many deliveries wait and were given up."""
    waiting, given_up = (
        select(func.count())
        .where(webhook_delivery.c.webhook_id == webhook.c.id, webhook_delivery.c.state == state)
        .scalar_subquery()
        for state in ("waiting", "given up")
    )
    query: Select[Any] = select(webhook, waiting.label("waiting"), given_up.label("given_up"))
    return connection.execute(query.where(webhook.c.project_id == project_id).order_by(webhook.c.id.desc())).all()


def count(connection: Connection, project_id: UUID) -> int:
    return connection.execute(select(func.count()).where(webhook.c.project_id == project_id)).scalar_one()


def remove(connection: Connection, project_id: UUID, webhook_id: UUID) -> bool:
    """Remove a webhook and its log; whether the project had it."""
    own_webhook = (webhook.c.id == webhook_id) & (webhook.c.project_id == project_id)
    return connection.execute(delete(webhook).where(own_webhook)).rowcount > 0


def exists(connection: Connection, project_id: UUID, webhook_id: UUID) -> bool:
    own_webhook = (webhook.c.id == webhook_id) & (webhook.c.project_id == project_id)
    return connection.execute(select(webhook.c.id).where(own_webhook)).scalar_one_or_none() is not None


def deliveries(
    connection: Connection, project_id: UUID, webhook_id: UUID | None, *, limit: int, before: UUID | None = None
) -> Sequence[Row[Any]]:
    """The deliveries to a webhook, or of the whole project, sent and waiting; newest first, with kind and time of the change."""
    query: Select[Any] = (
        select(webhook_delivery, change.c.kind, change.c.at)
        .select_from(
            webhook_delivery.join(webhook, webhook.c.id == webhook_delivery.c.webhook_id).join(
                change, change.c.id == webhook_delivery.c.change_id
            )
        )
        .where(webhook.c.project_id == project_id)
        .order_by(webhook_delivery.c.id.desc())
        .limit(limit)
    )
    if webhook_id is not None:
        query = query.where(webhook.c.id == webhook_id)
    if before is not None:
        query = query.where(webhook_delivery.c.id < before)
    return connection.execute(query).all()


# --- deliveries

_ENQUEUE = text(
    """
    SELECT webhook.id AS webhook_id, change.id AS change_id
      FROM webhook JOIN change ON change.project_id = webhook.project_id
                              AND change.created_at > webhook.created_at AND change.created_at > now() - :given_up_after
     WHERE change.created_at <= clock_timestamp() - :delay AND (webhook.kinds IS NULL OR change.kind = ANY(webhook.kinds))
       AND NOT EXISTS (SELECT FROM webhook_delivery AS known WHERE known.webhook_id = webhook.id AND known.change_id = change.id)
     ORDER BY change.created_at LIMIT :most
    """
)

MOST_ENQUEUED = 1_000
"""Deliveries made in one transaction; the next round makes the others."""


def failing(connection: Connection) -> int:
    """The number of webhooks with a delivery that has failed and waited for more than an hour."""
    an_hour_ago = func.clock_timestamp() - timedelta(hours=1)
    waiting = (
        webhook_delivery.c.state == "waiting",
        webhook_delivery.c.attempts > 0,
        webhook_delivery.c.created_at < an_hour_ago,
    )
    return connection.scalar(select(func.count(webhook_delivery.c.webhook_id.distinct())).where(*waiting)) or 0


def enqueue(connection: Connection, delay: timedelta) -> None:
    """Make deliveries for changes older than `delay` and newer than GIVEN_UP_AFTER, one for each webhook that wants the kind."""
    rows = connection.execute(_ENQUEUE, {"delay": delay, "given_up_after": GIVEN_UP_AFTER, "most": MOST_ENQUEUED}).all()
    if rows:
        values = [{"id": new_id(), "webhook_id": row.webhook_id, "change_id": row.change_id} for row in rows]
        connection.execute(insert(webhook_delivery).on_conflict_do_nothing(), values)


def forget_old(connection: Connection) -> None:
    """Remove deliveries from the log that were made and ended before LOG_KEPT; their changes are too old to be sent again."""
    begin = first_id_of(datetime.now(UTC) - LOG_KEPT)
    has_ended = webhook_delivery.c.state != "waiting"
    connection.execute(delete(webhook_delivery).where(webhook_delivery.c.id < begin, has_ended))


_CLAIM = text(
    """
    WITH free AS (
           SELECT id FROM webhook
            WHERE next_at <= clock_timestamp() AND EXISTS (
                  SELECT FROM webhook_delivery WHERE webhook_id = webhook.id AND state = 'waiting' AND next_at <= clock_timestamp())
            ORDER BY next_at LIMIT :most FOR UPDATE SKIP LOCKED),
         held AS (
           UPDATE webhook SET next_at = clock_timestamp() + :held FROM free WHERE webhook.id = free.id RETURNING webhook.*)
    SELECT due.id, due.change_id, held.project_id, held.id AS webhook_id, held.url, held.format, held.include_text, held.secret
      FROM held CROSS JOIN LATERAL (
           SELECT id, change_id FROM webhook_delivery
            WHERE webhook_id = held.id AND state = 'waiting' AND next_at <= clock_timestamp()
            ORDER BY attempts, id LIMIT 1) AS due
    """
)


def claim(connection: Connection, limit: int) -> list[DueDelivery]:
    """One due delivery of each webhook that is not paused, held for this caller; those with the fewest failures first, then the oldest."""
    return [DueDelivery(*row) for row in connection.execute(_CLAIM, {"most": limit, "held": TIME_HELD})]


def delivered(connection: Connection, delivery: DueDelivery, status: int) -> None:
    """Note that the receiver has the change; its next delivery may be sent at once."""
    now = func.clock_timestamp()
    _note(connection, delivery, state="delivered", status=status, problem=None, attempted_at=now)
    connection.execute(update(webhook).where(webhook.c.id == delivery.webhook_id).values(failures=0, next_at=now))


def failed(connection: Connection, delivery: DueDelivery, problem: str, status: int | None) -> None:
    """Note a failure: this delivery, and all others to the receiver, are tried again after a pause, and given up after three days."""
    now = func.clock_timestamp()
    is_old = webhook_delivery.c.created_at < now - GIVEN_UP_AFTER
    _note(
        connection,
        delivery,
        state=case((is_old, "given up"), else_="waiting"),
        status=status,
        problem=problem,
        attempted_at=now,
        next_at=now + _pause(webhook_delivery.c.attempts),
    )
    paused = {"failures": webhook.c.failures + 1, "next_at": now + _pause(webhook.c.failures)}
    connection.execute(update(webhook).where(webhook.c.id == delivery.webhook_id).values(paused))


def drop(connection: Connection, delivery: DueDelivery, problem: str) -> None:
    """Give the delivery up."""
    _note(connection, delivery, state="given up", problem=problem, attempted_at=func.clock_timestamp())
    connection.execute(
        update(webhook).where(webhook.c.id == delivery.webhook_id).values(next_at=func.clock_timestamp())
    )


def _note(connection: Connection, delivery: DueDelivery, **values: Any) -> None:
    noted = {"attempts": webhook_delivery.c.attempts + 1} | values
    connection.execute(update(webhook_delivery).where(webhook_delivery.c.id == delivery.id).values(noted))


def _pause(failures: Any) -> Any:
    """5 s, 10 s, 20 s ... up to an hour, by the number of earlier failures."""
    return func.least(LONGEST_PAUSE, FIRST_PAUSE * func.power(2, func.least(failures, 20)))
