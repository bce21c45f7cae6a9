"""The Celery app: `celery -A tasks worker`, `celery -A tasks regroup`, ..."""

from typing import Any

from celery import Celery
from celery.signals import setup_logging

from app import logs
from app.config import settings

app = Celery("promptlode")
app.config_from_object("celeryconfig")
app.steps["worker"].add("tasks.worker:Presence")
app.steps["consumer"].add("tasks.taking:Step")


@setup_logging.connect
def _logging(**_: Any) -> None:
    """Keep Celery from configuring logging, which it leaves to a receiver of this signal."""
    logs.configure(settings())
