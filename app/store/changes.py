"""The feed of changes; each change is noted once.

`note_versions` notes new tasks, versions and models from the rows that runs and ingest wrote, in one statement each: a version is noted as
soon as it has a call, and once, however many processes call `note_versions`. Texts are read from the versions when the feed is read, so
the feed shows a merge, an edit or a deletion too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.store.ids import first_id_of
from app.store.tables import change

_LOCK_OF_CHANGES = 0x70726F6D70746D68
"""An arbitrary number, the same in every process: the process that notes changes holds this advisory lock."""

UNSETTLED = timedelta(hours=1)
"""Time during which the first findings of a run may still change; until then the feed reads whether a version begins its task.

Calls of a burst are mined several times within seconds, so the beginning of a task is settled long before.
"""

BEFORE_ALL_VERSIONS = datetime.fromtimestamp(0, UTC)
"""A moment before the id of every version."""


@dataclass(frozen=True)
class Change:
    """A change to be noted. key: equal for changes that are noted once. at: the time of the change, from the times of the calls."""

    kind: str
    key: str
    at: datetime
    group_id: UUID | None = None
    task_id: UUID | None = None
    implementation_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


_NOT_WITHDRAWN = """
    (older.emptied_at IS NULL OR (SELECT sum(calls) FROM call_count WHERE implementation_id = older.id) > 0)
"""
"""A run withdraws a version that was a mistake: then it has no calls."""

_BEGINS = f"""
    NOT EXISTS (SELECT FROM implementation AS older
                 WHERE older.task_id = implementation.task_id AND older.version < implementation.version AND {_NOT_WITHDRAWN})
"""
"""A task begins with its lowest version that was not withdrawn as a mistake."""

_OLDER_SETTINGS = f"""
    SELECT FROM implementation AS older
     WHERE older.template_id = implementation.template_id AND older.model = implementation.model
       AND older.version < implementation.version AND {_NOT_WITHDRAWN}
"""

_FIRST_OF_ITS_DAY = f"""
    ((SELECT count(*) FROM ({_OLDER_SETTINGS} AND older.created_at >= date_trunc('day', implementation.created_at, 'UTC') LIMIT 1) AS settings_of_text) = 0
     OR (SELECT count(*) FROM ({_OLDER_SETTINGS} LIMIT 2) AS settings_of_text) = 1)
"""  # noqa: S608  ours
"""The first line of `app.reading.settings_of_day.by_day` with its versions: the first version of a text and model is a line of its own, so the second
is the first of its day too.
"""

_NOTE_VERSIONS = text(
    f"""
    WITH untold AS MATERIALIZED (
           SELECT implementation.id, task.project_id, task.group_id FROM implementation JOIN task ON task.id = task_id
            WHERE implementation.id >= :first
              AND NOT EXISTS (SELECT FROM change WHERE change.project_id = task.project_id
                                 AND change.key = 'version:' || implementation.id)),
         counted AS (
           SELECT untold.*, sum(calls) AS calls,
                  CASE WHEN bool_or(first_seen IS NULL) THEN first_call(untold.id) ELSE min(first_seen) END AS first_seen
             FROM untold JOIN call_count ON call_count.implementation_id = untold.id
            GROUP BY untold.id, untold.project_id, untold.group_id)
    INSERT INTO change (project_id, key, kind, at, group_id, task_id, implementation_id)
    SELECT counted.project_id, 'version:' || implementation.id, CASE WHEN {_BEGINS} THEN 'task.new' ELSE 'version.new' END,
           counted.first_seen, counted.group_id, implementation.task_id, implementation.id
      FROM counted JOIN implementation ON implementation.id = counted.id
     WHERE counted.calls > 0 AND counted.first_seen IS NOT NULL
       AND {_FIRST_OF_ITS_DAY}
        ON CONFLICT DO NOTHING
    """  # noqa: S608  ours
)
"""Ids of versions sort by time of creation, so the primary key finds the new ones."""

_SETTLE = text(
    f"""
    UPDATE change SET kind = now.kind
      FROM (SELECT implementation.id, CASE WHEN {_BEGINS} THEN 'task.new' ELSE 'version.new' END AS kind
              FROM implementation JOIN change ON change.implementation_id = implementation.id
             WHERE change.created_at > now() - :unsettled AND change.key LIKE 'version:%') AS now
     WHERE change.implementation_id = now.id AND change.key LIKE 'version:%' AND change.kind <> now.kind
       AND change.created_at > now() - :unsettled
    """  # noqa: S608  ours
)

_NOTE_MODELS = text(
    """
    INSERT INTO change (project_id, key, kind, at, group_id, task_id, implementation_id)
    SELECT DISTINCT ON (told.project_id, own.model)
           told.project_id, 'model:' || md5(own.model), 'model.new', told.at, told.group_id, told.task_id, told.implementation_id
      FROM change AS told JOIN implementation AS own ON own.id = told.implementation_id
     WHERE told.created_at > now() - :unsettled AND told.key LIKE 'version:%'
       AND NOT EXISTS (SELECT FROM change WHERE change.project_id = told.project_id AND change.key = 'model:' || md5(own.model))
       AND NOT EXISTS (SELECT FROM change JOIN implementation ON implementation.id = change.implementation_id
                        WHERE change.project_id = told.project_id AND change.key LIKE 'version:%'
                          AND implementation.model = own.model AND change.at < told.at)
       AND EXISTS (SELECT FROM change JOIN implementation ON implementation.id = change.implementation_id
                    WHERE change.project_id = told.project_id AND change.key LIKE 'version:%'
                      AND implementation.model <> own.model AND change.at < told.at)
     ORDER BY told.project_id, own.model, told.at
        ON CONFLICT DO NOTHING
    """
)
"""A model is a change where earlier calls of the project used another one."""


def note_versions(connection: Connection, made_since: datetime = BEFORE_ALL_VERSIONS) -> None:
    """Note tasks, versions made since a moment, and models that were not noted yet. Does nothing while another process does it.

    The cost grows with the number of versions made since then. A version may get its first call long after it was made.
    """
    if connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK_OF_CHANGES))).scalar_one():
        connection.execute(_NOTE_VERSIONS, {"first": first_id_of(made_since)})
        connection.execute(_SETTLE, {"unsettled": UNSETTLED})
        connection.execute(_NOTE_MODELS, {"unsettled": UNSETTLED})


def note(connection: Connection, project_id: UUID, changes: Sequence[Change]) -> int:
    """Note these changes; answers how many were new."""
    if not changes:
        return 0
    rows = [vars(change) | {"project_id": project_id, "details": dict(change.details)} for change in changes]
    return connection.execute(insert(change).values(rows).on_conflict_do_nothing()).rowcount


def since(connection: Connection, project_id: UUID, moment: datetime, kinds: Sequence[str]) -> Sequence[Row[Any]]:
    """The changes of these kinds since a moment: kind, at, group_id, task_id, implementation_id, details."""
    columns = (
        change.c.kind,
        change.c.at,
        change.c.group_id,
        change.c.task_id,
        change.c.implementation_id,
        change.c.details,
    )
    query: Select[Any] = select(*columns).where(
        change.c.project_id == project_id, change.c.at >= moment, change.c.kind.in_(list(kinds))
    )
    return connection.execute(query.order_by(change.c.at)).all()
