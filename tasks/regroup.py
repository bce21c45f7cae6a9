"""Use case: a person asks that a group be grouped anew. The command, the API and the pages call this."""

from typing import Literal
from uuid import UUID

from sqlalchemy import Engine

from app.config import Settings
from app.store import groups
from app.store.engine import transaction
from tasks.ask import request_grouping
from tasks.publish import Asked


def regroup(engine: Engine, settings: Settings, group_id: UUID, *, regroup_all: bool = False) -> Asked | Literal["off"]:
    """Mine the group's ungrouped traces again; with `everything` also the grouped ones.

    Its message goes first, as that of a group without a template does: hence `has_template=False`.

    The wish is a row, so an outage of Redis only delays it; so does disabled grouping (`off`).
    """
    with transaction(engine) as connection:
        groups.note_wish(connection, group_id, "all" if regroup_all else "residue")
        project_id = groups.projects_of(connection, {group_id})[group_id]
    if not settings.task_grouping_enabled:
        return "off"
    return request_grouping(group_id, "", "", project_id=project_id, has_template=False, urgent=True, config=settings)
