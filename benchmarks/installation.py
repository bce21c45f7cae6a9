"""An installation on an embedded PostgreSQL in one process: the work of web, worker and reconciler, one after the other."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Engine, Row, select

from app.config import Settings, with_driver
from app.grouping import run as grouping
from app.intake.record import Ingest
from app.intake.trace import read_trace
from app.local.postgres import PostgresServer
from app.store import groups, migrate, projects
from app.store.engine import make_engine, transaction
from app.store.projects import Project
from app.store.tables import grouping_key, implementation, template, trace


@dataclass
class Installation:
    """Takes bodies of POST /api/v1/traces and groups them by the product's own use cases."""

    engine: Engine
    settings: Settings
    project: Project
    ingest: Ingest = field(init=False)

    def __post_init__(self) -> None:
        self.ingest = Ingest(self.engine, grouping_enabled=True)

    def take(self, batch: Sequence[dict[str, Any]]) -> None:
        self.ingest.record(self.project.id, [read_trace(body) for body in batch])

    def work(self) -> None:
        """Runs until no trace is owed, then the reviews that are due."""
        for group_id in self._groups():
            while self._run(group_id).has_more:
                pass
        for group_id in self._reviews():
            self._run(group_id)

    def work_anew(self) -> None:
        """Mine every group anew, all its templates under review."""
        with transaction(self.engine) as connection:
            for group_id in self._groups():
                groups.note_wish(connection, group_id, "all")
        self.work()

    def calls(self) -> Sequence[Row[Any]]:
        """Every call with its values, its task and version, and the template's parts and slots."""
        columns = (
            trace.c.external_id,
            trace.c.model,
            trace.c.variables,
            trace.c.template_id,
            trace.c.implementation_id,
        )
        query = (
            select(*columns, implementation.c.task_id, implementation.c.version, template.c.parts, template.c.slots)
            .outerjoin(implementation, implementation.c.id == trace.c.implementation_id)
            .outerjoin(template, template.c.id == trace.c.template_id)
            .order_by(trace.c.external_id)
        )
        with self.engine.connect() as connection:
            return connection.execute(query).all()

    def _groups(self) -> Sequence[UUID]:
        with self.engine.connect() as connection:
            return connection.scalars(select(grouping_key.c.id).order_by(grouping_key.c.id)).all()

    def _reviews(self) -> list[UUID]:
        with transaction(self.engine) as connection:
            due_ids = grouping.reviews_due(connection)
            for group_id in due_ids:
                groups.note_wish(connection, group_id, "review")
        return due_ids

    def _run(self, group_id: UUID) -> grouping.RunOutcome:
        return grouping.run(self.engine, group_id, reason="trace", should_stop=lambda: False, settings=self.settings)


@contextmanager
def installed() -> Iterator[Installation]:
    """An empty installation on a new database. It logs nothing, since benchmarks print tables."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="promptlode-bench-") as folder:
        Path(folder).chmod(0o755)  # started by root, PostgreSQL runs as another user, who must reach the folder
        server = PostgresServer(Path(folder) / "postgres", durable=False)
        server.start()
        try:
            settings = Settings(database_url=with_driver(server.ensure_database()), redis_url="redis://127.0.0.1:1/0")
            migrate.upgrade(settings.database_url)
            engine = make_engine(settings)
            with transaction(engine) as connection:
                project = projects.get_or_create(connection, "bench")
            yield Installation(engine, settings, project)
            engine.dispose()
        finally:
            server.stop(immediately=True)
