"""Access of visitors to projects: login with an API key, and open pages in local mode.

The session is Flask's signed cookie. It holds the SHA-256 of the key, as the database does, so that each page checks the key again: a
revoked key is out at the next click.

Local mode opens the pages to every client of 127.0.0.1. A foreign web site can reach it from the user's own browser, by pointing its host
name there (DNS rebinding); so a request for any other host name must log in.
"""

import hmac
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, current_app, request, session
from sqlalchemy import Connection, Engine

from app.config import Settings
from app.reading import browse
from app.store import keys
from app.store.audit import Actor
from app.store.engine import transaction
from app.store.projects import Project
from app.store.replica import ReadRouter

SESSION_LASTS = timedelta(hours=12)
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_EXTENSION = "promptlode.pages"
_DECIDED = "decided_at"

_FORM_SECONDS = 5.0
"""From the beginning of a form's transaction to the page that shows its result."""


@dataclass(frozen=True)
class PageServices:
    """Services of the process for pages. `reader` is `engine` with read-only transactions; `standby` is used where it is up to date."""

    settings: Settings
    engine: Engine
    reader: Engine
    standby: ReadRouter | None = None


@dataclass(frozen=True)
class Visitor:
    """The visitor of a page.

    choices: the projects of local mode, where no key names one. decides: the actor of the visitor's decisions; None for a key without the
    scope `admin`.
    """

    project: Project
    choices: tuple[Project, ...] = ()
    decides: Actor | None = None


def configure(app: Flask, settings: Settings, engine: Engine, standby: ReadRouter | None = None) -> None:
    """Give the app the services of pages; the session cookie is sent over HTTPS only, except in local mode, which has none."""
    app.extensions[_EXTENSION] = PageServices(
        settings, engine, engine.execution_options(postgresql_readonly=True), standby
    )
    app.secret_key = settings.secret_key or (secrets.token_bytes(32) if settings.local_mode else None)
    app.config.update(
        SESSION_COOKIE_NAME="promptlode_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=not settings.local_mode,
        PERMANENT_SESSION_LIFETIME=SESSION_LASTS,
    )


def services() -> PageServices:
    services_found: PageServices = current_app.extensions[_EXTENSION]
    return services_found


@contextmanager
def reading() -> Iterator[Connection]:
    """A read-only transaction; raises DatabaseDownError when PostgreSQL is down."""
    standby = services().standby
    source = transaction(services().reader) if standby is None or _has_just_decided() else standby.reading()
    with source as connection:
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """A transaction of a form that decides. Its visitor then reads the primary, until a standby has the change."""
    if services().settings.database_read_url:
        session[_DECIDED] = time.time()
    with transaction(services().engine) as connection:
        yield connection


def _has_just_decided() -> bool:
    ago = time.time() - session.get(_DECIDED, 0.0)
    return 0 <= ago < services().settings.database_read_lag + _FORM_SECONDS


def is_open() -> bool:
    """Whether this request may see pages without a key."""
    return services().settings.local_mode and _host() in LOOPBACK_NAMES


def _host() -> str:
    return urlsplit(f"//{request.host}").hostname or ""


def can_log_in() -> bool:
    """Whether SECRET_KEY is set, without which no session can be signed."""
    return bool(current_app.secret_key)


def visitor(connection: Connection) -> Visitor | None:
    """The visitor; None for one who must log in, and in local mode without a project."""
    if is_open():
        _choose_addressed_project(connection)
        return _local_visitor(browse.projects(connection))
    holder = keys.holder(connection, session.get("key", ""))
    if holder is None or not holder.may("read"):
        return None
    decides = Actor("page", holder.key_id, holder.last4) if holder.may("admin") else None
    return Visitor(Project(holder.project_id, holder.project_name), decides=decides)


def _choose_addressed_project(connection: Connection) -> None:
    """Show the project of the task, call or decision in the address, so that a link works while another project receives calls."""
    if project_id := browse.project_of(connection, _addressed_ids()):
        choose_project(project_id)


def _addressed_ids() -> dict[str, UUID]:
    ids = {}
    for name, text in (request.view_args or {}).items():
        with suppress(ValueError):
            ids[name] = UUID(text)
    return ids


def _local_visitor(projects: list[Project]) -> Visitor | None:
    """The project that was chosen, else the most recently used one."""
    projects_chosen = [project for project in projects if str(project.id) == session.get("project")]
    return Visitor((projects_chosen or projects)[0], tuple(projects), Actor("page")) if projects else None


def log_in(connection: Connection, key: str) -> str | None:
    """Begin a session for the holder of a key; else the reason for refusing, which reveals nothing about other keys."""
    key_hash = keys.hash_of(key.strip())
    holder = keys.holder(connection, key_hash)
    if holder is None:
        return "This key is unknown or was revoked."
    if not holder.may("read"):
        return "This key may only send calls. Pages need a key with the scope “read”."
    session.clear()
    session.permanent = True
    session["key"] = key_hash
    return None


def log_out() -> None:
    session.clear()


def choose_project(project_id: UUID) -> None:
    """Show this project from now on, in local mode."""
    session["project"] = str(project_id)


# --- forms


def form_token() -> str:
    """The session's secret in every form: without it another site could send a form in the user's name."""
    if "form_token" not in session:
        session["form_token"] = secrets.token_urlsafe(32)
    token: str = session["form_token"]
    return token


def is_own_form() -> bool:
    """Whether the POST carries the session's token."""
    expected, token_sent = session.get("form_token", ""), request.form.get("form_token", "")
    return bool(expected) and hmac.compare_digest(expected.encode(), token_sent.encode())


def own_page(target: str | None) -> str:
    """The target after login: a path of ours, or the first page (`//host` and `/\\host` lead elsewhere)."""
    if not target or not target.startswith("/") or target[1:2] in {"/", "\\"} or not target.isprintable():
        return "/"
    return target
