"""The pages for people: rendered on the server, usable without JavaScript, without resources of other hosts.

`install` is all that the app factory needs. A page reads (`access.reading` opens read-only transactions), shapes with the pure modules
`pieces`, `changes` and `costs`, and renders; Jinja escapes every text. Only the forms in `decision_forms` and `regrouping` write, by which
people decide about tasks.
"""

from flask import Flask
from sqlalchemy import Engine

from app.config import Settings
from app.pages import (
    call_page,
    calls_of_values,
    changes_page,
    decision_forms,
    error_pages,
    lists,
    login,
    pipeline_page,
    protection,
    regrouping,
    rendering,
    slot_download,
    slot_page,
    task_page,
)
from app.pages.access import configure
from app.pages.blueprint import pages
from app.store.replica import ReadRouter

_MODULES_WITH_ROUTES = (
    protection,
    error_pages,
    login,
    lists,
    task_page,
    slot_page,
    slot_download,
    calls_of_values,
    call_page,
    changes_page,
    decision_forms,
    regrouping,
    pipeline_page,
)
"""The import of each added its routes to the blueprint."""

_OPENED_FIRST = ("tasks", "task", "base", "_draw", "_charts", "_similar")
"""Templates of the pages that people open first, and of what those draw."""


def install(app: Flask, settings: Settings, engine: Engine, standby: ReadRouter | None = None) -> None:
    """Add the pages, the session they log in with, and what their templates use."""
    configure(app, settings, engine, standby)
    rendering.install(app)
    app.register_blueprint(pages)


def load(app: Flask) -> None:
    """Compile the templates of the first pages, 0.3 s of the first visit otherwise."""
    for name in _OPENED_FIRST:
        app.jinja_env.get_template(f"pages/{name}.html")
