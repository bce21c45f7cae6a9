"""The pages for people: rendered on the server, usable without JavaScript, without resources of other hosts.

`install` is all that the app factory needs. A page reads (`access.reading` opens read-only transactions), shapes with the pure modules
`pieces`, `changes` and `costs`, and renders; Jinja escapes every text. Only the forms in `deciding` write, by which people decide about
tasks.
"""

from flask import Flask
from sqlalchemy import Engine

from app.config import Settings
from app.pages import changing, deciding, looking, regrouping
from app.pages.access import configure
from app.pages.views import pages
from app.store.replica import Reader

__all__ = ["changing", "deciding", "install", "load", "looking", "regrouping"]  # modules with routes of the blueprint

_OPENED_FIRST = ("tasks", "task", "base", "_draw", "_charts", "_similar")
"""Templates of the pages that people open first, and of what those draw."""


def install(app: Flask, settings: Settings, engine: Engine, standby: Reader | None = None) -> None:
    """Add the pages and the session they log in with."""
    configure(app, settings, engine, standby)
    app.register_blueprint(pages)


def load(app: Flask) -> None:
    """Compile the templates of the first pages, 0.3 s of the first visit otherwise."""
    for name in _OPENED_FIRST:
        app.jinja_env.get_template(f"pages/{name}.html")
