"""Groups in memory: their known templates as a matcher, and the implementations of these templates.

A group in memory is valid while `templates_version` of its row is unchanged. The version is read in the transaction that stores the traces,
or compared in the statement that stores one. So a template serves the first POST after its run committed, in every process, without a
time-out.
"""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from app.cache import Cache
from app.store.groups import Group
from app.store.templates import StoredTemplate, VersionKey, load_templates_of
from templating import Matcher

MAX_GROUPS = 2000
"""Groups in memory, enough for every busy group of a large installation; a forgotten group costs one query."""

MAX_IMPLEMENTATIONS = 10_000
"""Implementations of a group in memory. More means that tools or settings change with every call; a forgotten one costs a query."""


class TemplateMatch(NamedTuple):
    """A known template, and the values of its slots."""

    template: StoredTemplate
    values: tuple[str, ...]


class KnownGroup:
    """A group at one version of its templates."""

    def __init__(self, group: Group, templates: list[StoredTemplate]) -> None:
        self.group = group
        self._templates = templates
        self._matcher = Matcher(stored.template for stored in templates)
        self._implementations: dict[VersionKey, UUID] = {}
        self.is_settled = False
        """Whether the last batch brought no new version of a template: the next batch probably brings none either."""

    def match(self, prompt: str | None) -> TemplateMatch | None:
        """The known template that the prompt matches; None without one."""
        template_match = self._matcher.match(prompt) if prompt is not None and self._templates else None
        return (
            None
            if template_match is None
            else TemplateMatch(self._templates[template_match.index], template_match.values)
        )

    def implementation(self, version: VersionKey) -> UUID | None:
        """The implementation of a version, if `remember` was called for it."""
        return self._implementations.get(version)

    def remember(self, version: VersionKey, implementation_id: UUID) -> None:
        """Keep the implementation of a version; call it only after the COMMIT that made the row."""
        self.is_settled &= version in self._implementations
        if len(self._implementations) >= MAX_IMPLEMENTATIONS:
            self._implementations.clear()
        self._implementations[version] = implementation_id


class KnownGroups:
    """The most recently used groups, safe to share between threads."""

    def __init__(self, max_groups: int = MAX_GROUPS) -> None:
        self._groups: Cache[tuple[UUID, str], KnownGroup] = Cache(max_groups)

    def recall(self, project_id: UUID, path: str) -> KnownGroup | None:
        """The group as it was last read."""
        return self._groups.fresh((project_id, path))

    def at(self, connection: Connection, project_id: UUID, group: Group) -> KnownGroup:
        """The group as the caller's transaction has just read it."""
        return self.all_at(connection, project_id, {group.path: group})[group.path]

    def all_at(self, connection: Connection, project_id: UUID, by_path: Mapping[str, Group]) -> dict[str, KnownGroup]:
        """As `at`, of several groups, by path: the templates of all are read at once."""
        known_by_path = {
            path: group_known
            for path, group in by_path.items()
            if (group_known := self.recall(project_id, path)) is not None and group_known.group == group
        }
        to_load = [group for path, group in by_path.items() if path not in known_by_path]
        templates = load_templates_of(connection, [group.id for group in to_load if group.has_templates])
        for group in to_load:
            # Two threads may load at once; the work is done twice and the result is the same.
            known_by_path[group.path] = KnownGroup(group, templates.get(group.id, []))
            self._groups.keep((project_id, group.path), known_by_path[group.path])
        return known_by_path

    def forget(self, project_id: UUID, paths: set[str]) -> None:
        """Forget groups of which a template or an implementation was deleted."""
        for path in paths:
            self._groups.forget((project_id, path))
