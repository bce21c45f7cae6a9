"""The applications that are measured beside the product, on the same server.

`bare`: the least that stores a trace: no key, no checks, no matching, no grouping.
`inside`: the product's own code, with grouping done before the answer instead of asked for.
"""

import os
from typing import Any
from uuid import UUID, uuid4

import orjson
from flask import Flask, request
from sqlalchemy import JSON, Column, MetaData, Table, Text, Uuid, create_engine, insert

import tasks.accept
import tasks.asking
from app import front
from app.config import settings, with_driver
from app.front.serving import Front
from app.grouping import run as grouping
from app.store.engine import make_engine

bare_trace = Table(
    "bare_trace",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("path", Text),
    Column("model", Text),
    Column("body", JSON),
)


def bare() -> Flask:
    """A view that inserts one row with Core, on SQLAlchemy's own defaults."""
    engine = create_engine(
        with_driver(os.environ["DATABASE_URL"]), json_serializer=lambda body: orjson.dumps(body).decode()
    )
    flask = Flask(__name__)

    @flask.post("/api/v1/traces")
    def create() -> tuple[dict[str, Any], int]:
        body = orjson.loads(request.get_data())
        row = {"id": uuid4(), "path": body["path"], "model": body["model"], "body": body}
        with engine.begin() as connection:
            connection.execute(insert(bare_trace).values(row))
        return {"id": str(row["id"])}, 201

    return flask


def inside() -> Front:
    """The product with grouping inside the request, as many services do it: the answer waits for the run."""
    engine = make_engine(settings())

    def group_now(group_id: UUID, *_: Any, **__: Any) -> str:
        grouping.run(engine, group_id, reason="trace", should_stop=lambda: False, settings=settings())
        return "requested"

    tasks.accept.request_grouping = group_now  # type: ignore[assignment]
    tasks.asking.LoopRequests.request = _request_nothing  # type: ignore[method-assign]  # so `tasks.accept` makes every request
    return front.create()


async def _request_nothing(*_: Any) -> None:
    return None
