"""Use case: store traces, match them against known templates, and answer which groups have owed traces.

One transaction per request. Accepting a trace never depends on Redis: the caller asks for grouping after the COMMIT. If the caller
cannot ask, the reconciler finds the trace, since its row alone makes it owed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, exc

from app.errors import CopyRefusedError, TemplateGoneError
from app.intake.known import KnownGroup, KnownGroups, TemplateMatch
from app.intake.privacy import Policies, Policy
from app.intake.recorded import MatchState, Recorded, StoredForm, row_of
from app.intake.trace import Incoming
from app.intake.versions import implementations, version_of
from app.store import groups, new_traces, otel_traces, traces
from app.store.engine import transaction
from app.store.groups import Group
from app.store.ids import new_id, new_ids
from app.store.sqlstates import is_crossing, is_gone
from app.store.templates import VersionKey
from app.store.traces import StoredTrace

Addition = tuple[UUID, Mapping[str, Any], frozenset[str] | None]
"""A stored call, what is added to it, and the spans whose answer it must have: `otel_traces.complete` has more."""

StoreMethod = Literal["copy while matching", "copy", "insert"]
"""The way in which rows are stored; "copy while matching" matches against the groups in memory while COPY runs."""

RECORD_TRIES = 6
"""Tries to store a request before its sender gets 503: several deletions in a row can conflict with it."""

_COPY_ROWS = 20
"""COPY from so many rows up. A known external_id aborts COPY, then we INSERT."""


class Ingest:
    """Stores traces; keeps groups and policies in memory between requests.

    statements: an engine for single statements, which store most calls; without it every call is a transaction.
    """

    def __init__(self, engine: Engine, *, grouping_enabled: bool, statements: Engine | None = None) -> None:
        self._engine = engine
        self._statements = statements
        self._grouping_enabled = grouping_enabled
        self._groups = KnownGroups()
        self.policies = Policies(engine)

    def record(
        self, project_id: UUID, incoming: Sequence[Incoming], related: otel_traces.SeenTraces | None = None
    ) -> list[Recorded]:
        """Store the traces of a project in one transaction; answers one row for each, in order.

        related: of an export of OpenTelemetry, the rows that its sender's process has seen of the same OpenTelemetry traces.
        Raises DatabaseDownError or UnseenCallError, and then nothing was stored.
        """
        policy = self.policies.of(project_id)
        incoming = [policy.cleaned(item) for item in incoming]
        if self._statements is not None and len(incoming) == 1 and related is None:
            recorded = self._record_at_once(self._statements, project_id, incoming[0], policy)
            if recorded is not None:
                return [recorded]
        for method in self._methods(project_id, incoming):
            try:
                return self._record(project_id, incoming, policy, method, related)
            except exc.DBAPIError as error:
                if not (is_crossing(error) or is_gone(error)):
                    raise
            except (CopyRefusedError, TemplateGoneError):
                pass  # the next try matches before it copies; the try after it reads the templates again and inserts, whose errors name their cause
            if method != "copy while matching":
                self._groups.forget(project_id, {item.path for item in incoming})
        return self._record(project_id, incoming, policy, "insert", related)

    def _methods(self, project_id: UUID, incoming: Sequence[Incoming]) -> list[StoreMethod]:
        """The way in which each try stores the request; the last try always inserts."""
        methods: list[StoreMethod] = []
        if len(incoming) >= _COPY_ROWS:
            if all(self._is_settled(project_id, path) for path in {item.path for item in incoming}):
                methods.append("copy while matching")
            methods.append("copy")
        inserts: list[StoreMethod] = ["insert"] * (RECORD_TRIES - 1 - len(methods))
        return methods + inserts

    def _is_settled(self, project_id: UUID, path: str) -> bool:
        group_known = self._groups.recall(project_id, path)
        return group_known is not None and group_known.is_settled

    def complete(
        self, project_id: UUID, additions: Iterable[Addition], related: otel_traces.SeenTraces | None = None
    ) -> None:
        """Add answers to stored calls, redacted by the project's policy. `related` as for `record`.

        Raises DatabaseDownError or UnseenCallError, and then nothing was added.
        """
        policy = self.policies.of(project_id)
        with transaction(self._engine) as connection, otel_traces.storing_alone(connection, project_id, related):
            for call_id, values, also in sorted(additions, key=lambda addition: addition[0]):
                otel_traces.complete(connection, project_id, call_id, policy.cleaned_values(values), also)

    def form_in_memory(self, project_id: UUID, item: Incoming) -> "StoredForm | None":
        """The row of a call by the groups in memory, without a query. None where memory does not suffice."""
        policy = self.policies.remembered(project_id)
        return None if policy is None else self._form_in_memory(project_id, policy.cleaned(item), policy)

    def _record_at_once(self, statements: Engine, project_id: UUID, item: Incoming, policy: Policy) -> Recorded | None:
        """Store a trace with one statement; None when its group is not in memory, or no longer current there.

        The statement compares memory with the database, so the result is as exact as a transaction that reads first.
        """
        form = self._form_in_memory(project_id, item, policy)
        if form is None:
            return None
        try:
            stored = new_traces.insert_if_current(statements, form.row, form.templates_version)
        except exc.IntegrityError:
            return None  # the implementation is gone
        return form.recorded if stored else None

    def _form_in_memory(self, project_id: UUID, item: Incoming, policy: Policy) -> "StoredForm | None":
        group_known = self._groups.recall(project_id, item.path)
        if group_known is None or group_known.group.quarantined_at is not None:
            return None
        recorded = self._remembered(group_known, new_id(), item, policy)
        if recorded is None:
            return None
        row = row_of(project_id, item, recorded, policy, datetime.now(UTC))
        return StoredForm(recorded, row, group_known.group.templates_version)

    def _remembered(self, group_known: KnownGroup, id_: UUID, item: Incoming, policy: Policy) -> Recorded | None:
        """The stored form of a call by the group in memory; None where the implementation of its template is not in memory."""
        match = group_known.match(item.prompt.text)
        implementation_id = None if match is None else group_known.implementation(version_of(item, match))
        if match is not None and implementation_id is None:
            return None
        return self._as_stored(id_, group_known.group, item, match, implementation_id, policy=policy)

    def _record(
        self,
        project_id: UUID,
        incoming: Sequence[Incoming],
        policy: Policy,
        method: StoreMethod,
        related: otel_traces.SeenTraces | None,
    ) -> list[Recorded]:
        learnt: list[tuple[KnownGroup, VersionKey, UUID]] = []
        with transaction(self._engine) as connection, otel_traces.storing_alone(connection, project_id, related):
            by_path = self._groups_of(connection, project_id, incoming)
            # Only the first call is looked up: it shows whether a batch is sent again. To look up all calls takes up to 10 % of the time of
            # a new batch.
            looked_for = incoming[:1] if method == "copy while matching" else incoming
            recorded_by_id = self._stored_before(connection, project_id, looked_for)
            if recorded_by_id and len(looked_for) < len(incoming):
                raise CopyRefusedError("A call is known.")
            fresh = [item for item in _first_of_each(incoming) if item.external_id not in recorded_by_id]
            if method == "copy while matching":
                created = self._copied(connection, project_id, by_path, fresh, policy)
            else:
                matched, learnt = self._match_in_transaction(connection, by_path, fresh, policy)
                new_rows = list(zip(fresh, matched, strict=True))
                created = self._store(connection, project_id, new_rows, policy, copy=method == "copy")
            if len(created) < len(fresh):  # another request stored the same external id meanwhile
                recorded_by_id = self._stored_before(connection, project_id, incoming)
        _learn(by_path.values(), learnt)
        if len(created) < len(incoming):
            recorded_by_id |= {
                recorded.external_id: replace(recorded, created=False)
                for recorded in created.values()
                if recorded.external_id
            }
        return [created.get(id(item)) or recorded_by_id[str(item.external_id)] for item in incoming]

    def _copied(
        self,
        connection: Connection,
        project_id: UUID,
        by_path: Mapping[str, KnownGroup],
        fresh: Sequence[Incoming],
        policy: Policy,
    ) -> dict[int, Recorded]:
        """As `_store`, but each call is matched just before its row is sent: PostgreSQL stores earlier rows meanwhile.

        Raises CopyRefusedError, also where an implementation is not in memory.
        """
        created: dict[int, Recorded] = {}
        now = datetime.now(UTC)

        def rows() -> Iterator[dict[str, Any]]:
            for item, id_ in sorted(zip(fresh, new_ids(len(fresh)), strict=True), key=_by_external_id):
                recorded = self._remembered(by_path[item.path], id_, item, policy)
                if recorded is None:
                    raise CopyRefusedError("A version is new.")
                created[id(item)] = recorded
                yield row_of(project_id, item, recorded, policy, now)

        new_traces.copy_new(connection, rows())
        return created

    def _store(
        self,
        connection: Connection,
        project_id: UUID,
        new_rows: Sequence[tuple[Incoming, Recorded]],
        policy: Policy,
        *,
        copy: bool,
    ) -> dict[int, Recorded]:
        """The newly stored calls, by the identity of the incoming object."""
        in_order = sorted(new_rows, key=_by_external_id)
        now = datetime.now(UTC)
        rows = (row_of(project_id, item, recorded, policy, now) for item, recorded in in_order)
        if copy:
            new_traces.copy_new(connection, rows)
            return {id(item): recorded for item, recorded in new_rows}
        stored = new_traces.insert_new(connection, list(rows))
        return {id(item): recorded for item, recorded in new_rows if recorded.id in stored}

    def _groups_of(
        self, connection: Connection, project_id: UUID, incoming: Sequence[Incoming]
    ) -> dict[str, KnownGroup]:
        by_path = groups.get_or_create(connection, project_id, (item.path for item in incoming))
        return self._groups.all_at(connection, project_id, by_path)

    def _stored_before(
        self, connection: Connection, project_id: UUID, incoming: Sequence[Incoming]
    ) -> dict[str | None, Recorded]:
        """Stored traces by external id."""
        external_ids = {item.external_id for item in incoming if item.external_id is not None}
        if not external_ids:
            return {}
        stored_traces = traces.by_external_id(connection, project_id, external_ids)
        their_groups = groups.by_id(connection, {stored.group_id for stored in stored_traces.values()})
        return {
            external_id: self._as_recorded(stored, their_groups[stored.group_id])
            for external_id, stored in stored_traces.items()
        }

    def _as_recorded(self, stored: StoredTrace, group: Group) -> Recorded:
        return Recorded(
            id=stored.id,
            external_id=stored.external_id,
            created=False,
            group=group,
            state=self._state(group, has_match=stored.implementation_id is not None, has_prompt=stored.has_prompt),
            task_id=stored.task_id,
            implementation_id=stored.implementation_id,
            template_id=stored.template_id,
            slots=stored.slots,
            values=stored.values,
        )

    def _match_in_transaction(
        self, connection: Connection, by_path: Mapping[str, KnownGroup], fresh: Sequence[Incoming], policy: Policy
    ) -> tuple[list[Recorded], list[tuple[KnownGroup, VersionKey, UUID]]]:
        """The stored form of each new trace, matched to an implementation or unmatched; and what to keep in memory after the COMMIT."""
        matches = [(item, by_path[item.path].match(item.prompt.text)) for item in fresh]
        by_version = {version_of(item, match): (item, match) for item, match in matches if match is not None}
        id_by_version = implementations(connection, by_path, by_version)
        matched = [
            self._as_stored(
                id_,
                by_path[item.path].group,
                item,
                match,
                None if match is None else id_by_version[version_of(item, match)],
                policy=policy,
            )
            for id_, (item, match) in zip(new_ids(len(matches)), matches, strict=True)
        ]
        learnt = [(by_path[item.path], version, id_by_version[version]) for version, (item, _) in by_version.items()]
        return matched, learnt

    def _as_stored(
        self,
        id_: UUID,
        group: Group,
        item: Incoming,
        match: TemplateMatch | None,
        implementation_id: UUID | None,
        *,
        policy: Policy,
    ) -> Recorded:
        state = self._state(group, has_match=match is not None, has_prompt=item.prompt.parts is not None)
        if match is None:
            return Recorded(id=id_, external_id=item.external_id, created=True, group=group, state=state)
        template = match.template
        return Recorded(
            id=id_,
            external_id=item.external_id,
            created=True,
            group=group,
            state=state,
            task_id=template.task_id,
            implementation_id=implementation_id,
            template_id=template.id,
            slots=template.slots,
            values=policy.stored_values(match.values),
        )

    def _state(self, group: Group, *, has_match: bool, has_prompt: bool) -> MatchState:
        if has_match:
            return "matched"
        if not has_prompt or not self._grouping_enabled:
            return "off"
        return "owed" if group.quarantined_at is None else "held"


def _by_external_id(pair: tuple[Incoming, Any]) -> str:
    """The sort key of rows: transactions that insert external ids in one order do not deadlock."""
    return pair[0].external_id or ""


def _learn(groups_seen: Iterable[KnownGroup], learnt: Iterable[tuple[KnownGroup, VersionKey, UUID]]) -> None:
    """Keep the implementations of a batch in memory; a group without a new one is settled."""
    for group in groups_seen:
        group.is_settled = True
    for group, version, implementation_id in learnt:
        group.remember(version, implementation_id)


def _first_of_each(incoming: Sequence[Incoming]) -> list[Incoming]:
    """Every trace without an external id, and the first of each external id."""
    firsts = {item.external_id or id(item): item for item in reversed(incoming)}
    return [item for item in incoming if firsts[item.external_id or id(item)] is item]
