"""The calls of a template that figures are counted from.

The versions of a template differ in model, settings and tools alone. One call with another model makes a version, so figures of the version
in use alone would hide the other calls with the same text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Subquery, Uuid, bindparam, column, select, text, true

from app.store.tables import trace

MOST_VERSIONS_COUNTED = 500
"""Versions of a template that are counted, those with the highest numbers: to look for the newest calls of each takes some 20 ms in all."""

VERSIONS = """
    SELECT id, version FROM implementation WHERE template_id = :template
       AND (CAST(:version AS uuid) IS NULL OR id = :version) AND (CAST(:model_counted AS text) IS NULL OR model = :model_counted)
"""
"""SQL for the ids and numbers of the versions that have the calls; its parameters are those of `TemplateCalls`."""

VERSIONS_COUNTED = f"{VERSIONS} ORDER BY version DESC LIMIT {MOST_VERSIONS_COUNTED}"
"""As `VERSIONS`, of those that figures are counted from."""


Limit = int | ColumnElement[int]
"""A number of calls, or a parameter of the query."""


@dataclass(frozen=True)
class TemplateCalls:
    """The calls of all versions of a template, of its versions with one model, or of one version."""

    project_id: UUID
    template_id: UUID
    version_id: UUID | None = None
    model: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of `VERSIONS` and of `newest_calls`."""
        names = {"project": self.project_id, "template": self.template_id}
        return names | {"version": self.version_id, "model_counted": self.model}

    @property
    def of_all_versions(self) -> bool:
        return self.version_id is None and self.model is None

    def versions_among(self, versions: Iterable[Any]) -> list[Any]:
        """Those of some versions that have these calls, the highest numbers first, as `VERSIONS_COUNTED`; versions: rows of `app.reading.tasks`."""
        with_calls = sorted(filter(self._has, versions), key=lambda version: version.version, reverse=True)
        return with_calls[:MOST_VERSIONS_COUNTED]

    def _has(self, version: Any) -> bool:
        return (
            version.template_id == self.template_id
            and self.version_id in {None, version.id}
            and self.model in {None, version.model}
        )


def newest_calls(
    columns: Iterable[ColumnElement[Any]],
    limit: Limit,
    *conditions: ColumnElement[bool],
    versions: str = VERSIONS_COUNTED,
) -> Subquery:
    """The newest calls under some conditions, at most `limit`, with the number of their `version`; columns: of `trace`, with `seen_at` and `id`.

    The calls of each version come from its index: one condition for all versions would read and sort all their calls. versions: SQL for the
    versions, `VERSIONS` or `VERSIONS_COUNTED`.
    """
    version = text(versions).columns(column("id", Uuid), column("version", Integer)).subquery("version")
    of_version = (
        select(*columns)
        .where(trace.c.implementation_id == version.c.id, *conditions)
        .order_by(trace.c.seen_at.desc(), trace.c.id.desc())
        .limit(limit)
        .lateral("of_version")
    )
    return (
        select(version.c.version, *of_version.c)
        .select_from(version.join(of_version, true()))
        .order_by(of_version.c.seen_at.desc(), of_version.c.id.desc())
        .limit(limit)
        .subquery("newest")
    )


def sampled_calls(
    columns: Iterable[ColumnElement[Any]], limit: Limit, *conditions: ColumnElement[bool], of_all_versions: bool
) -> Subquery:
    """Newest calls under some conditions, at most `limit`, for statistics and data sets; columns: of `trace`, with `seen_at` and `id`.

    Of all versions they are the last ones stored, which one index has for the whole template: to look among hundreds of versions for the
    newest by their own times takes a second.
    """
    if not of_all_versions:
        return newest_calls(columns, limit, *conditions)
    of_template = select(*columns).where(trace.c.template_id == bindparam("template", type_=Uuid), *conditions)
    return of_template.order_by(trace.c.id.desc()).limit(limit).subquery("newest")
