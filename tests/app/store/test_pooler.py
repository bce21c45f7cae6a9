"""PgBouncer in transaction mode: two connections serve all clients, no state of a session stays, and no start-up
parameter passes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from app import health
from app.config import Settings
from app.grouping.run import run
from app.http.services import EXTENSION
from app.store import groups
from app.store.engine import make_engine, transaction
from app.web import create_app
from tests.app.api_helpers import client_with, new_key
from tests.pgbouncer import needs_pgbouncer, pgbouncer

pytestmark = needs_pgbouncer

URL = "/api/v1/traces"


def call(word: str) -> dict:
    prompt = f"Translate the following word into French and answer with nothing else.\n\nWord: {word}\nAnswer:"
    return {"model": "m", "path": "/p", "messages": [{"role": "user", "content": prompt}]}


@pytest.fixture(params=[{}, {"ignore_startup_parameters": "options"}], ids=["refuses options", "ignores options"])
def pooled(settings: Settings, servers_dir: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    folder = servers_dir / f"pgbouncer-{abs(hash(request.node.nodeid))}"
    with pgbouncer(folder, settings.database_url, **request.param) as url:
        yield settings.model_copy(update={"database_url": url})


@pytest.fixture
def web(pooled: Settings) -> Iterator[Flask]:
    app = create_app(pooled)
    yield app
    app.extensions[EXTENSION].engine.dispose()


@pytest.fixture
def pooled_engine(pooled: Settings) -> Iterator[Engine]:
    engine = make_engine(pooled)
    yield engine
    engine.dispose()


def test_calls_are_stored_grouped_and_matched(web: Flask, pooled: Settings, pooled_engine: Engine) -> None:
    client = client_with(web, new_key(pooled_engine, "shop"))
    assert client.post(URL, json={"traces": [call(word) for word in ("ash", "birch", "cedar")]}).status_code == 207
    with transaction(pooled_engine) as connection:
        group = groups.group_named(connection, "shop", "/p")
    result = run(pooled_engine, group.id, reason="owed", should_stop=lambda: False, settings=pooled)
    assert result.outcome == "committed"
    answers = [client.post(URL, json=call(f"tree{number}")).json["grouping"] for number in range(20)]
    assert answers == ["matched"] * 20


def test_every_transaction_has_its_time_outs_and_leaves_none_behind(pooled_engine: Engine, pooled: Settings) -> None:
    other_engine = make_engine(pooled.model_copy(update={"database_statement_timeout": 7}))
    for engine, expected in ((pooled_engine, "30s"), (other_engine, "7s"), (pooled_engine, "30s")):
        with transaction(engine) as connection:
            assert connection.scalar(text("SHOW statement_timeout")) == expected
            assert connection.scalar(text("SHOW timezone")) == "UTC"
    other_engine.dispose()


def test_it_is_ready(pooled: Settings) -> None:
    assert health.checks(pooled)["database"].ok
