"""Looks at the figures of a project at a full hour, and notes changes.

Everything is read from whole hours before that hour, so a look may be repeated by any process, and the back-test looks at every hour of a
past month.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select

from app.reading import spending
from app.reading.spending import Stretch
from app.reading.usage import Asked, Range
from app.store import changes, unmatched
from app.store.tables import call_usage, implementation, task
from app.telling import rules, slots
from app.telling.finding import Finding, bundled
from app.telling.rules import BLOCKS_OF_WEEK, COST, SHARE, UNMATCHED, Figures, Jump, Measure

BLOCK = timedelta(hours=6)
"""Four blocks a day separate night and noon, and are few enough to read four weeks of a thousand versions in a second."""

BLOCKS = 4 * BLOCKS_OF_WEEK


@dataclass(frozen=True)
class Look:
    """A project at a full hour. since: the beginning of the blocks."""

    project_id: UUID
    now: datetime

    @property
    def since(self) -> datetime:
        return self.now - BLOCKS * BLOCK


def look(connection: Connection, project_id: UUID, now: datetime) -> int:
    """Note the changes in a project up to a full hour; answers how many are new."""
    asked = Look(project_id, now)
    unmatched.count(connection, project_id, now - timedelta(hours=1))
    stretches = spending.in_stretches(connection, Asked(project_id, Range(asked.since, now)), asked.since, BLOCK)
    if not stretches:
        return 0
    lines = _lines(connection, asked)
    stretches = _of_lines(stretches, lines)
    findings = [
        *_jumps_of_tasks(stretches, lines),
        *_jumps_of_groups(connection, asked, stretches, lines),
        *_gone_quiet(connection, asked, stretches, lines),
        *_taken_back(asked, stretches, lines),
        *slots.turned(
            connection, project_id, now, {each.version.id for each in stretches if each.number >= BLOCKS - 4}
        ),
    ]
    told = changes.since(connection, project_id, asked.since, sorted({each.kind for each in findings}))
    fresh = bundled(each for each in findings if not each.is_among(told, now))
    return changes.note(connection, project_id, [each.as_of(now) for each in fresh])


@dataclass(frozen=True)
class Line:
    """The task and line of a version."""

    task_id: UUID
    group_id: UUID
    template_id: UUID


def _lines(connection: Connection, asked: Look) -> Mapping[UUID, Line]:
    query = select(implementation.c.id, task.c.id, task.c.group_id, implementation.c.template_id)
    rows = connection.execute(query.join_from(implementation, task).where(task.c.project_id == asked.project_id))
    return {row[0]: Line(*row[1:]) for row in rows}


def _of_lines(stretches: Sequence[Stretch], lines: Mapping[UUID, Line]) -> list[Stretch]:
    """The stretches of versions that still stood in the same task when the lines were read, after the stretches."""
    tasks = {version_id: line.task_id for version_id, line in lines.items()}
    return [stretch for stretch in stretches if tasks.get(stretch.version.id) == stretch.version.task_id]


# --- jumps


def _jumps_of_tasks(stretches: Sequence[Stretch], lines: Mapping[UUID, Line]) -> Iterator[Finding]:
    failed, spent = _blocks(), _blocks()
    for each in stretches:
        _add(failed, each.version.task_id, each, each.spent.used.failures)
        _add(spent, each.version.task_id, each, each.spent.cost.dollars)
    groups = {line.task_id: line.group_id for line in lines.values()}
    for kind, figures, measure in (("error.jump", failed, SHARE), ("cost.jump", spent, COST)):
        for task_id, jump in _found(figures, measure):
            yield Finding(kind, groups[task_id], task_id, details=_figures(jump))


def _jumps_of_groups(
    connection: Connection, asked: Look, stretches: Sequence[Stretch], lines: Mapping[UUID, Line]
) -> Iterator[Finding]:
    without = unmatched.in_blocks(connection, asked.project_id, asked.since, asked.now, BLOCK)
    figures = _blocks()
    for each in stretches:
        _add(figures, lines[each.version.id].group_id, each, 0)
    for group_id, counts in without.items():
        for number, calls in counts.items():
            old = figures[group_id][number]
            figures[group_id][number] = Figures(old.calls + calls, old.amount + calls)
    for group_id, jump in _found(figures, UNMATCHED):
        yield Finding("unmatched.rate", group_id, details=_figures(jump))


_Blocks = dict[UUID, list[Figures]]


def _blocks() -> _Blocks:
    return defaultdict(lambda: [Figures(0, 0)] * BLOCKS)


def _add(blocks: _Blocks, subject: UUID, stretch: Stretch, amount: float) -> None:
    old = blocks[subject][stretch.number]
    blocks[subject][stretch.number] = Figures(old.calls + stretch.spent.used.calls, old.amount + amount)


def _found(blocks: _Blocks, measure: Measure) -> Iterator[tuple[UUID, Jump]]:
    for subject, figures in blocks.items():
        jump = rules.jump(figures, measure) if figures[-1].calls else None
        if jump is not None:
            yield subject, jump


def _figures(jump: Jump) -> dict[str, Any]:
    hours = jump.blocks * BLOCK // timedelta(hours=1)
    return {"before": jump.before, "now": jump.now, "calls": jump.calls, "hours": hours}


# --- tasks gone quiet


def _gone_quiet(
    connection: Connection, asked: Look, stretches: Sequence[Stretch], lines: Mapping[UUID, Line]
) -> Iterator[Finding]:
    calls: dict[UUID, list[int]] = defaultdict(lambda: [0] * BLOCKS)
    total = [0] * BLOCKS
    for each in stretches:
        calls[each.version.task_id][each.number] += each.spent.used.calls
        total[each.number] += each.spent.used.calls
    groups = {line.task_id: line.group_id for line in lines.values()}
    for task_id, own in calls.items():
        others = [everything - mine for everything, mine in zip(total, own, strict=True)]
        if (quiet := rules.quiet(own, others)) is not None:
            last = _last_hour(connection, lines, task_id, asked.now)
            if last is None:
                continue  # its calls were deleted meanwhile
            details = {"last_seen": last.isoformat(), "expected": round(quiet.expected)}
            yield Finding("task.quiet", groups[task_id], task_id, details=details, begun=last)


def _last_hour(connection: Connection, lines: Mapping[UUID, Line], task_id: UUID, now: datetime) -> datetime | None:
    own = call_usage.c.implementation_id.in_([each for each, line in lines.items() if line.task_id == task_id])
    query = select(func.max(call_usage.c.start)).where(own, call_usage.c.span == "hour", call_usage.c.start < now)
    return connection.execute(query).scalar_one()


# --- edits that are taken back


def _taken_back(asked: Look, stretches: Sequence[Stretch], lines: Mapping[UUID, Line]) -> Iterator[Finding]:
    """Edits that were taken back, of versions and of templates: an edit of a prompt that several models answer is several versions."""
    by_task: dict[UUID, list[Stretch]] = defaultdict(list)
    for each in stretches:
        by_task[each.version.task_id].append(each)
    for task_id, own in by_task.items():
        yield from _back(asked, task_id, own, lines, {each.version.id: each.version.number for each in own})
        first: dict[UUID, int] = {}
        for each in sorted(own, key=lambda each: each.version.number):
            first.setdefault(lines[each.version.id].template_id, each.version.number)
        of_template = {each.version.id: first[lines[each.version.id].template_id] for each in own}
        yield from _back(asked, task_id, own, lines, of_template)


def _back(
    asked: Look, task_id: UUID, own: Sequence[Stretch], lines: Mapping[UUID, Line], number_of: Mapping[UUID, int]
) -> Iterator[Finding]:
    blocks: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for each in own:
        blocks[each.number][number_of[each.version.id]] += each.spent.used.calls
    changes = rules.taken_back(sorted((number, dict(calls)) for number, calls in blocks.items()))
    if changes is None:
        return
    used = {
        each.version.id: each.spent.used.calls
        for each in own
        if number_of[each.version.id] == changes.version and each.number >= changes.since
    }
    version = max(used, key=lambda each: used[each])
    gone = max(each.version.number for each in own if number_of[each.version.id] == changes.newer)
    begun = asked.since + changes.newer_since * BLOCK
    yield Finding("version.back", lines[version].group_id, task_id, version, {"from": gone}, begun)
