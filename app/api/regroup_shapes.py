"""The shapes of answers about grouping anew."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict

from app.api.shapes import TemplatePart
from app.http.shapes import Shape


class RegroupAnswer(Shape):
    """The fate of the request. `deferred`: Redis is down, the reconciler will ask. `off`: grouping is disabled, the request waits."""

    path: str
    all: bool
    grouping: Literal["requested", "coalesced", "deferred", "off"]


class FoundShape(Shape):
    """A template that a run would save.

    becomes: the first of a new task, the next version of a task, or a template that matches again. task_id: null for a task that would begin. calls: of
    those read, how many would get it. replaces: templates in use whose place it would take; leaves: those that it would take calls from.
    """

    becomes: Literal["new task", "new version", "again"]
    task_id: UUID | None
    task_name: str | None
    template: list[TemplatePart]
    calls: int
    replaces: list[UUID]
    leaves: list[UUID]


class RehearsalShape(Shape):
    """The changes that a run would make; nothing was written.

    owed, residue, reviewed: calls read. grouped: ungrouped calls that would get a template; moved: calls that would get another one; left: read, and still
    without. unread: some were left out, since a window or the time was full. merged: tasks that would become one, with the one that stays. parted:
    templates that would begin a task of their own.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "dry_run": True,
                    "path": "/support/triage",
                    "all": False,
                    "since": "2026-03-01T00:00:00Z",
                    "owed": 40,
                    "residue": 3,
                    "reviewed": 0,
                    "grouped": 41,
                    "moved": 0,
                    "left": 2,
                    "unread": False,
                    "found": [
                        {
                            "becomes": "new task",
                            "task_id": None,
                            "task_name": "Sort the mail",
                            "template": [{"role": "user", "text": "Sort the mail into billing or other: {{mail}}"}],
                            "calls": 41,
                            "replaces": [],
                            "leaves": [],
                        }
                    ],
                    "merged": {},
                    "parted": [],
                }
            ]
        },
    )

    dry_run: Literal[True]
    path: str
    all: bool
    since: datetime | None
    owed: int
    residue: int
    reviewed: int
    grouped: int
    moved: int
    left: int
    unread: bool
    found: list[FoundShape]
    merged: dict[str, UUID]
    parted: list[UUID]


class ProgressShape(Shape):
    """The progress of the grouping of a path.

    state: none (nothing was ever grouped here), waiting (asked for or owed, no run yet), running (a run mines), matching (older calls are matched against what
    was found), done, failed (tried again by itself), quarantined. owed: calls that wait for a run; left: calls still to be matched, counted up to 100,000.
    The rest is of the latest run.
    """

    path: str
    state: Literal["none", "waiting", "running", "matching", "done", "failed", "quarantined"]
    asked_at: datetime | None
    owed: int
    left: int
    outcome: str | None
    templates: int
    grouped: int
    started_at: datetime | None
    finished_at: datetime | None
