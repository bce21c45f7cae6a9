"""Writes every change that needs the scope `admin` to the audit log: an entry before the change, completed after it."""

from collections.abc import Callable
from typing import Any

from flask import Response, g

from app.errors import NotFoundError
from app.http.problem import ProblemError
from app.http.services import services
from app.store import audit
from app.store.audit import Actor, Detail
from app.store.engine import transaction
from app.store.keys import KeyHolder


def audited(view: Callable[..., Response], action: str, holder: KeyHolder, arguments: dict[str, Any]) -> Response:
    """Call the view between the two halves of its audit entry; the entry of a request that was killed stays `begun`."""
    subject = next(iter(arguments.values()), None)  # the id in the path, which is never None in these routes
    with transaction(services().engine) as connection:
        entry = audit.record(
            connection, Actor.of(holder), action, project_id=holder.project_id, subject=subject, outcome="begun"
        )
    g.audit_details, outcome = {}, "failed"
    try:
        response = view(holder=holder, **arguments)
        outcome = "done"
        return response
    except (ProblemError, NotFoundError):
        outcome = "refused"
        raise
    finally:
        with transaction(services().engine) as connection:
            audit.finish(connection, entry, outcome, g.audit_details)


def note(**details: Detail) -> None:
    """Add details of this request to its audit entry: ids, counts, names of fields; never a value of a call."""
    g.audit_details |= details
