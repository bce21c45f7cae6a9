"""Prices that people set for a project, in dollars for a million tokens."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from app.store.planned import planned_once
from app.store.tables import price


def of_project(connection: Connection, project_id: UUID) -> Sequence[Row[Any]]:
    """The prices of a project (model, input, output, cached), by model."""
    return connection.execute(_of_project(), {"project": project_id}).all()


@cache
def _of_project() -> Select[Any]:
    columns = (price.c.model, price.c.input, price.c.output, price.c.cached)
    return planned_once(select(*columns).where(price.c.project_id == bindparam("project")).order_by(price.c.model))


def set_price(
    connection: Connection, project_id: UUID, model: str, *, input: float, output: float, cached: float | None
) -> None:
    """Set the price of a model."""
    values = {"input": input, "output": output, "cached": cached}
    statement = insert(price).values(values | {"project_id": project_id, "model": model})
    connection.execute(statement.on_conflict_do_update(index_elements=["project_id", "model"], set_=values))


def remove(connection: Connection, project_id: UUID, model: str) -> bool:
    """Let the published price hold again; answers whether a price was set."""
    statement = delete(price).where(price.c.project_id == project_id, price.c.model == model)
    return connection.execute(statement).rowcount > 0
