"""Looks at the figures of a project at a full hour, and notes changes.

Everything is read from whole hours before that hour, so a look may be repeated by any process, and the back-test looks at every hour of a
past month.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, func, select

from app.reading import spending
from app.reading.ranges import HOUR, Range
from app.reading.spending import Stretch
from app.reading.usage import BilledVersion, UsageScope
from app.store import changes, unmatched
from app.store.tables import call_usage, implementation, task
from app.telling import rules, slots
from app.telling.finding import FeedFinding, bundled
from app.telling.rules import BLOCKS_OF_WEEK, COST, SHARE, UNMATCHED, Figures, Jump, Measure, Uses

BLOCK = timedelta(hours=6)
"""Four blocks a day separate night and noon, and are few enough to read four weeks of a thousand versions in a second."""

BLOCKS = 4 * BLOCKS_OF_WEEK


@dataclass(frozen=True)
class HourScope:
    """A project at a full hour. since: the beginning of the blocks."""

    project_id: UUID
    now: datetime

    @property
    def since(self) -> datetime:
        return self.now - BLOCKS * BLOCK


def detect_changes(connection: Connection, project_id: UUID, now: datetime) -> int:
    """Note the changes in a project up to a full hour; answers how many are new."""
    scope = HourScope(project_id, now)
    unmatched.count(connection, project_id, now - timedelta(hours=1))
    stretches = spending.in_stretches(connection, UsageScope(project_id, Range(scope.since, now)), scope.since, BLOCK)
    if not stretches:
        return 0
    lines = _lines(connection, scope)
    stretches = _of_lines(stretches, lines)
    findings = [
        *_jumps_of_tasks(stretches, lines),
        *_jumps_of_groups(connection, scope, stretches, lines),
        *_gone_quiet(connection, scope, stretches, lines),
        *_taken_back(connection, scope, stretches, lines),
        *slots.turned(
            connection, project_id, now, {stretch.version.id for stretch in stretches if stretch.number >= BLOCKS - 4}
        ),
    ]
    changes_told = changes.since(connection, project_id, scope.since, sorted({finding.kind for finding in findings}))
    fresh = bundled(finding for finding in findings if not finding.is_among(changes_told, now))
    return changes.note(connection, project_id, [finding.as_of(now) for finding in fresh])


@dataclass(frozen=True)
class VersionLine:
    """The task and line of a version."""

    task_id: UUID
    group_id: UUID
    template_id: UUID


def _lines(connection: Connection, scope: HourScope) -> Mapping[UUID, VersionLine]:
    query = select(implementation.c.id, task.c.id, task.c.group_id, implementation.c.template_id)
    rows = connection.execute(query.join_from(implementation, task).where(task.c.project_id == scope.project_id))
    return {row[0]: VersionLine(*row[1:]) for row in rows}


def _of_lines(stretches: Sequence[Stretch], lines: Mapping[UUID, VersionLine]) -> list[Stretch]:
    """The stretches of versions that still stood in the same task when the lines were read, after the stretches."""
    tasks = {version_id: line.task_id for version_id, line in lines.items()}
    return [stretch for stretch in stretches if tasks.get(stretch.version.id) == stretch.version.task_id]


# --- jumps


def _jumps_of_tasks(stretches: Sequence[Stretch], lines: Mapping[UUID, VersionLine]) -> Iterator[FeedFinding]:
    failed, costs = _blocks(), _blocks()
    for stretch in stretches:
        _add(failed, stretch.version.task_id, stretch, stretch.spending.used.failures)
        _add(costs, stretch.version.task_id, stretch, stretch.spending.cost.dollars)
    groups = {line.task_id: line.group_id for line in lines.values()}
    for kind, figures, measure in (("error.jump", failed, SHARE), ("cost.jump", costs, COST)):
        for task_id, jump in _jumps(figures, measure):
            yield FeedFinding(kind, groups[task_id], task_id, details=_figures(jump))


def _jumps_of_groups(
    connection: Connection, scope: HourScope, stretches: Sequence[Stretch], lines: Mapping[UUID, VersionLine]
) -> Iterator[FeedFinding]:
    unmatched_calls = unmatched.in_blocks(connection, scope.project_id, scope.since, scope.now, BLOCK)
    figures = _blocks()
    for stretch in stretches:
        _add(figures, lines[stretch.version.id].group_id, stretch, 0)
    for group_id, counts in unmatched_calls.items():
        for number, calls in counts.items():
            old = figures[group_id][number]
            figures[group_id][number] = Figures(old.calls + calls, old.amount + calls)
    for group_id, jump in _jumps(figures, UNMATCHED):
        yield FeedFinding("unmatched.rate", group_id, details=_figures(jump))


_Blocks = dict[UUID, list[Figures]]


def _blocks() -> _Blocks:
    return defaultdict(lambda: [Figures(0, 0)] * BLOCKS)


def _add(blocks: _Blocks, subject: UUID, stretch: Stretch, amount: float) -> None:
    old = blocks[subject][stretch.number]
    blocks[subject][stretch.number] = Figures(old.calls + stretch.spending.used.calls, old.amount + amount)


def _jumps(blocks: _Blocks, measure: Measure) -> Iterator[tuple[UUID, Jump]]:
    for subject, figures in blocks.items():
        jump = rules.jump(figures, measure) if figures[-1].calls else None
        if jump is not None:
            yield subject, jump


def _figures(jump: Jump) -> dict[str, Any]:
    hours = jump.blocks * BLOCK // timedelta(hours=1)
    return {"before": jump.before, "now": jump.now, "calls": jump.calls, "hours": hours}


# --- tasks gone quiet


def _gone_quiet(
    connection: Connection, scope: HourScope, stretches: Sequence[Stretch], lines: Mapping[UUID, VersionLine]
) -> Iterator[FeedFinding]:
    calls: dict[UUID, list[int]] = defaultdict(lambda: [0] * BLOCKS)
    total = [0] * BLOCKS
    for stretch in stretches:
        calls[stretch.version.task_id][stretch.number] += stretch.spending.used.calls
        total[stretch.number] += stretch.spending.used.calls
    groups = {line.task_id: line.group_id for line in lines.values()}
    for task_id, calls_of_task in calls.items():
        other_calls = [all_calls - own_calls for all_calls, own_calls in zip(total, calls_of_task, strict=True)]
        if (quiet := rules.quiet(calls_of_task, other_calls)) is not None:
            last = _last_hour(connection, lines, task_id, scope.now)
            if last is None:
                continue  # its calls were deleted meanwhile
            details = {"last_seen": last.isoformat(), "expected": round(quiet.expected)}
            yield FeedFinding("task.quiet", groups[task_id], task_id, details=details, begun_at=last)


def _last_hour(
    connection: Connection, lines: Mapping[UUID, VersionLine], task_id: UUID, now: datetime
) -> datetime | None:
    of_task = call_usage.c.implementation_id.in_(
        [version_id for version_id, line in lines.items() if line.task_id == task_id]
    )
    query = select(func.max(call_usage.c.start)).where(of_task, call_usage.c.span == "hour", call_usage.c.start < now)
    return connection.execute(query).scalar_one()


# --- edits that are taken back


class _VersionUses(NamedTuple):
    """The calls of a version in a block of `hours` hours; start: hours after the beginning of the scope."""

    version: BilledVersion
    start: int
    hours: int
    calls: int


def _taken_back(
    connection: Connection, scope: HourScope, stretches: Sequence[Stretch], lines: Mapping[UUID, VersionLine]
) -> Iterator[FeedFinding]:
    """Edits that were taken back, of versions and of templates: an edit of a prompt that several models answer is several versions."""
    for task_id, uses in _uses_of_edited_tasks(connection, scope, stretches, lines).items():
        yield from _restored_version(scope, task_id, uses, lines, {use.version.id: use.version.number for use in uses})
        first: dict[UUID, int] = {}
        for use in sorted(uses, key=lambda use: use.version.number):
            first.setdefault(lines[use.version.id].template_id, use.version.number)
        of_template = {use.version.id: first[lines[use.version.id].template_id] for use in uses}
        yield from _restored_version(scope, task_id, uses, lines, of_template)


def _uses_of_edited_tasks(
    connection: Connection, scope: HourScope, stretches: Sequence[Stretch], lines: Mapping[UUID, VersionLine]
) -> Mapping[UUID, list[_VersionUses]]:
    """The uses of tasks with several versions in the newest week: of this week by the hour, since an edit may be taken back within hours."""
    first_of_week = BLOCKS - BLOCKS_OF_WEEK
    versions: dict[UUID, set[UUID]] = defaultdict(set)
    for stretch in stretches:
        if stretch.number >= first_of_week:
            versions[stretch.version.task_id].add(stretch.version.id)
    edited = [task_id for task_id, versions_of_task in versions.items() if len(versions_of_task) > 1]
    if not edited:
        return {}
    week = UsageScope(scope.project_id, Range(scope.since + first_of_week * BLOCK, scope.now), task_ids=edited)
    by_hour = _of_lines(spending.in_stretches(connection, week, scope.since, HOUR), lines)
    uses: dict[UUID, list[_VersionUses]] = {task_id: [] for task_id in edited}
    by_block = [stretch for stretch in stretches if stretch.number < first_of_week and stretch.version.task_id in uses]
    for hours, stretches_as_long in ((BLOCK // HOUR, by_block), (1, by_hour)):
        for stretch in stretches_as_long:
            calls = stretch.spending.used.calls
            uses[stretch.version.task_id].append(_VersionUses(stretch.version, stretch.number * hours, hours, calls))
    return {task_id: of_task for task_id, of_task in uses.items() if of_task}


def _restored_version(
    scope: HourScope,
    task_id: UUID,
    uses: Sequence[_VersionUses],
    lines: Mapping[UUID, VersionLine],
    number_of: Mapping[UUID, int],
) -> Iterator[FeedFinding]:
    blocks: dict[tuple[int, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for use in uses:
        blocks[use.start, use.hours][number_of[use.version.id]] += use.calls
    changes = rules.taken_back(Uses(*place, calls) for place, calls in sorted(blocks.items()))
    if changes is None:
        return
    calls_by_version = Counter[UUID]()
    for use in uses:
        if number_of[use.version.id] == changes.version and use.start >= changes.since:
            calls_by_version[use.version.id] += use.calls
    [(version, _)] = calls_by_version.most_common(1)
    undone_number = max(use.version.number for use in uses if number_of[use.version.id] == changes.newer)
    begun_at = scope.since + changes.newer_since * HOUR
    yield FeedFinding("version.back", lines[version].group_id, task_id, version, {"from": undone_number}, begun_at)
