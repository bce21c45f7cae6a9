"""Every change that needs the scope `admin` is written to the audit log, before it is made and after."""

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
    """Call the view between the two halves of its entry; one that was killed in between stays `begun`."""
    subject = next(iter(arguments.values()), None)  # the id in the path, which no body can be
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
    """Tell the audit log more of what this request does: ids, counts, names of fields; never a value of a call."""
    g.audit_details |= details
