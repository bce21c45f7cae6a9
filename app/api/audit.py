"""GET of the audit log."""

from typing import Any

from flask import Response

from app.api.shapes import AuditEntry, Page
from app.http.answer import json_answer
from app.http.paging import PageQuery, page_of
from app.http.routes import Routes
from app.http.services import services
from app.store import audit
from app.store.engine import transaction
from app.store.keys import KeyHolder

routes = Routes("audit")

_ENTRY = ("id", "actor", "key_id", "key_last4", "action", "subject", "outcome", "details", "created_at")


@routes.route("GET", "/api/v1/audit", scope="admin", query=PageQuery, answers={200: Page[AuditEntry]})
def list_audit(holder: KeyHolder, query: PageQuery) -> Response:
    """Changes and exports of the project with their actors, newest first."""
    with transaction(services().engine) as connection:
        rows = audit.page(connection, holder.project_id, limit=query.limit + 1, before=query.cursor)
    return json_answer(page_of(rows, query.limit, _entry))


def _entry(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _ENTRY}
