"""What Flower reads from PostgreSQL: imported when somebody first looks, since SQLAlchemy and our queries take 20 MB of a process."""

from functools import cache
from typing import Any

from app.config import settings
from app.store.engine import make_engine
from tasks.exporter import PipelineCollector
from tasks.snapshot import pipeline


@cache
def collector() -> PipelineCollector:
    """The collector of the metrics of all projects."""
    return PipelineCollector(snapshot)


def snapshot() -> dict[str, Any]:
    """The pipeline of all projects. Raises DatabaseDownError."""
    return pipeline(_engine(), None)


_engine = cache(lambda: make_engine(settings()))
