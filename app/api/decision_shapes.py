"""The shapes of answers about decisions."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict

from app.api.shapes import TemplatePart
from app.http.shapes import Shape
from app.store.audit import ActorKind
from app.store.history import DecisionKind

_ID_OF_A_TASK, _ID_OF_ANOTHER_TASK = "0198c0de-0000-7000-8000-00000000000a", "0198c0de-0000-7000-8000-00000000000b"
_ID_OF_A_VERSION, _ID_OF_A_DECISION = "0198c0de-0000-7000-8000-0000000000c2", "0198c0de-0000-7000-8000-0000000000d1"
_IN_USE: dict[str, Any] = {
    "implementation_id": _ID_OF_A_VERSION,
    "version": 1,
    "template": [{"role": "user", "text": "Sort the mail into billing or other: {{mail}}"}],
}
_ID_OF_A_KEY = "0198c0de-0000-7000-8000-0000000000e1"


class DecisionShape(Shape):
    """A person's decision. task_id: the decided task; of a merge the task that went on in other_task_id, of a split the split task.

    before, after: the changed fields, by name. undone_at: null while the decision stands.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": _ID_OF_A_DECISION,
                    "kind": "rename",
                    "summary": "Renamed “Classify the support ticket” to “Post room”.",
                    "who": "Ann's key",
                    "actor": "key",
                    "key_id": _ID_OF_A_KEY,
                    "path": "/support/triage",
                    "task_id": _ID_OF_A_TASK,
                    "task_name": "Post room",
                    "other_task_id": None,
                    "other_task_name": None,
                    "template_id": None,
                    "before": {"name": "Classify the support ticket", "name_by_person": False},
                    "after": {"name": "Post room", "name_by_person": True},
                    "created_at": "2026-03-02T09:30:00Z",
                    "undone_at": None,
                    "undone_by": None,
                }
            ]
        },
    )

    id: UUID
    kind: DecisionKind
    summary: str
    who: str
    actor: ActorKind
    key_id: UUID | None
    path: str
    task_id: UUID
    task_name: str
    other_task_id: UUID | None
    other_task_name: str | None
    template_id: UUID | None
    before: dict[str, Any]
    after: dict[str, Any]
    created_at: datetime
    undone_at: datetime | None
    undone_by: str | None


class SideShape(Shape):
    """The number of versions that a task shows, and of their calls."""

    versions: int
    calls: int


class InUseShape(Shape):
    """The version whose text stands for its task: the one in production, else the one of the newest call."""

    implementation_id: UUID
    version: int
    template: list[TemplatePart]


class ChangedTask(Shape):
    """A task that would change. id: null for one that would begin. before: null where it does not stand by itself yet, after: any more."""

    id: UUID | None
    name: str
    before: SideShape | None
    after: SideShape | None
    in_use_before: InUseShape | None
    in_use_after: InUseShape | None


class MoveShape(Shape):
    """A version that would be of another task, with its calls. to_task: null for one that would begin."""

    implementation_id: UUID
    model: str
    calls: int
    from_task: UUID
    from_version: int
    to_task: UUID | None
    to_version: int


class PreviewShape(Shape):
    """The effect that a decision would have; nothing was written. Hand `state` back as `expected`: it is then taken only while this holds."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "preview": True,
                    "kind": "merge",
                    "state": "5f2b8c0e9d4a41b7a7c3e1d09b6f2e84",
                    "calls": 20,
                    "tasks": [
                        {
                            "id": _ID_OF_A_TASK,
                            "name": "Triage",
                            "before": {"versions": 1, "calls": 20},
                            "after": None,
                            "in_use_before": _IN_USE,
                            "in_use_after": None,
                        },
                        {
                            "id": _ID_OF_ANOTHER_TASK,
                            "name": "Post room",
                            "before": {"versions": 1, "calls": 40},
                            "after": {"versions": 2, "calls": 60},
                            "in_use_before": _IN_USE,
                            "in_use_after": _IN_USE | {"version": 2},
                        },
                    ],
                    "moves": [
                        {
                            "implementation_id": _ID_OF_A_VERSION,
                            "model": "gpt-5-mini",
                            "calls": 20,
                            "from_task": _ID_OF_A_TASK,
                            "from_version": 1,
                            "to_task": _ID_OF_ANOTHER_TASK,
                            "to_version": 2,
                        }
                    ],
                }
            ]
        },
    )

    preview: Literal[True]
    kind: Literal["merge", "split", "undo"]
    state: str
    calls: int
    tasks: list[ChangedTask]
    moves: list[MoveShape]
