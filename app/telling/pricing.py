"""Notes a price that a person changed: the hourly figures, which use today's prices, would never show it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from app.reading import usage
from app.reading.prices import Price, Prices
from app.reading.ranges import Range
from app.reading.usage import UsageScope
from app.store import changes
from app.store.call_facts import Usage
from app.store.changes import Change
from app.telling.rules import COST

LOOKED_BACK = timedelta(days=7)
"""Time over which the cost of a call is computed."""


def price_changed(
    connection: Connection, project_id: UUID, model: str, *, before: Price | None, after: Price | None, now: datetime
) -> None:
    """Note a model whose calls of the last week cost at least a quarter more at its new price."""
    scope = UsageScope(project_id, Range(now.replace(minute=0, second=0, microsecond=0) - LOOKED_BACK), model=model)
    recent_usage = sum(usage.of_versions(connection, scope, timed=False).values(), Usage())
    if before is None or after is None or not recent_usage.calls:
        return
    cost_before, cost_after = (
        Prices({model: price}).cost(model, recent_usage).dollars / recent_usage.calls for price in (before, after)
    )
    if cost_after >= cost_before * COST.factor and cost_after > 0:
        details = {
            "reason": "price",
            "model": model,
            "before": cost_before,
            "now": cost_after,
            "calls": recent_usage.calls,
        }
        key = f"cost.jump:{model}:{now.isoformat()}"
        changes.note(connection, project_id, [Change("cost.jump", key, now, details=details)])
