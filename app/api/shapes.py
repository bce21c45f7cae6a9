"""The shapes of answers, for `openapi.json` and for the tests that check answers against it.

Answers themselves are plain dicts: a model for each row would only cost time.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import ConfigDict

from app.http.shapes import ProblemShape, Shape
from tasks.accept import Grouping

Item = TypeVar("Item")


class Page(Shape, Generic[Item]):
    """One page of a list; hand `next_cursor` back as `cursor` for the next."""

    items: list[Item]
    next_cursor: str | None


class TraceRow(Shape):
    """A stored trace: which task and implementation it is a call of, its variables, and how it will be grouped."""

    id: UUID
    external_id: str | None
    task_id: UUID | None
    implementation_id: UUID | None
    variables: dict[str, str] | None
    grouping: Grouping


class KeptResult(TraceRow):
    """A stored trace of a batch."""

    index: int
    status: Literal[200, 201]


class RefusedResult(Shape):
    """A trace of a batch that was not stored, and why."""

    index: int
    status: int
    error: ProblemShape


class BatchAnswer(Shape):
    """One result for each trace, in order."""

    results: list[KeptResult | RefusedResult]


class PromptPart(Shape):
    """One part of a prompt, byte for byte."""

    role: Literal["system", "user", "input"]
    text: str


class TemplatePart(Shape):
    """One part of a template; a slot is written {{name}}."""

    role: Literal["system", "user", "input"]
    text: str


class TraceSummary(Shape):
    """A trace without what was sent."""

    id: UUID
    external_id: str | None
    path: str
    model: str
    task_id: UUID | None
    implementation_id: UUID | None
    version: int | None
    variables: dict[str, str] | None
    usage: dict[str, Any] | None
    error: Any
    conversation_id: str | None
    user_id: str | None
    started_at: datetime | None
    completed_at: datetime | None
    created_at: datetime


class ListedTrace(TraceSummary):
    """A trace in a list. prompt_start: of a trace without a task, each part of its prompt up to 400 characters, else null."""

    prompt_start: list[PromptPart] | None


class TraceDetail(TraceSummary):
    """A trace with everything that was sent, and the prompt that was taken out of it."""

    instructions: str | None
    input: Any
    messages: Any
    output: Any
    tools: Any
    tool_choice: Any
    temperature: float | None
    max_output_tokens: int | None
    reasoning: Any
    response_format: Any
    metadata: dict[str, Any] | None
    prompt: list[PromptPart] | None
    prompt_source: str | None


class TaskSummary(Shape):
    """A kind of call that the app makes; `template` is that of `version`: the production version, else the one of the newest call."""

    id: UUID
    name: str
    path: str
    description: str
    versions: int
    version: int | None
    calls: int
    first_seen: datetime | None
    last_seen: datetime | None
    template: list[TemplatePart]


class SimilarTask(TaskSummary):
    """A task whose prompt is like that of another.

    similarity: the fixed text that both have in order, as a part of the mean of both; 0.6 and more (0.4 on one path), or what the smaller has lies in the larger.
    same_prompt: the templates are equal, names of slots aside: one prompt at two call sites.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000b",
                    "name": "Sort the mail",
                    "path": "/night/triage",
                    "description": "",
                    "versions": 1,
                    "version": 1,
                    "calls": 40,
                    "first_seen": "2026-03-01T08:00:00Z",
                    "last_seen": "2026-03-02T09:30:00Z",
                    "template": [{"role": "user", "text": "Sort the mail into billing or other: {{mail}}"}],
                    "similarity": 1.0,
                    "same_prompt": True,
                }
            ]
        },
    )

    similarity: float
    same_prompt: bool


class DeclaredAgreement(Shape):
    """Of the newest calls of its path: how many declare their template, and with how many of these mining agrees."""

    calls: int
    agree: int


class TaskDetail(TaskSummary):
    """A task with what people decided about it, and what its calls declare."""

    declared: DeclaredAgreement | None

    response_schema: Any
    production_implementation_id: UUID | None
    created_at: datetime


class MergedTask(Shape):
    """A task that went on in another."""

    merged_into: UUID


class SlotKind(Shape):
    """The kind of a slot, told from its values: `values` are those of an enum, `optional` says that some calls leave it empty."""

    kind: str
    values: list[str]
    optional: bool


class ImplementationDetail(Shape):
    """One version of a task: a template with a model, settings and tools."""

    id: UUID
    task_id: UUID
    version: int
    model: str
    settings: dict[str, Any]
    tools: Any
    template: list[TemplatePart]
    slots: list[str]
    slot_kinds: dict[str, SlotKind]
    calls: int
    first_seen: datetime | None
    last_seen: datetime | None
    production: bool
    made_by: str
    created_at: datetime


class DeletionAnswer(Shape):
    """The numbers of deleted rows. `complete`: all selected calls are deleted; otherwise send the same again."""

    traces: int
    versions: int
    templates: int
    tasks: int
    paths: int
    complete: bool


class AuditEntry(Shape):
    """An action, its actor and its time. `subject` is the id of the changed thing; `outcome` begun, done, refused or failed."""

    id: UUID
    actor: Literal["key", "page", "command"]
    key_id: UUID | None
    key_last4: str
    action: str
    subject: UUID | None
    outcome: Literal["begun", "done", "refused", "failed"]
    details: dict[str, Any]
    created_at: datetime


class Alive(Shape):
    """The web process answers."""

    status: Literal["ok"]


class Dependency(Shape):
    """One thing that we need: whether it is up, and how to mend it when it is not."""

    ok: bool
    detail: str


class Readiness(Shape):
    """One entry for each dependency."""

    status: Literal["ok", "down"]
    database: Dependency
    redis: Dependency
    worker: Dependency
    reconciler: Dependency
    standby: Dependency | None = None


class Process(Shape):
    """A worker or reconciler; alive while its signs of life are recent."""

    name: str
    alive: bool
    last_seen: datetime


class QuarantinedGroup(Shape):
    """A group that failed too often and waits for a person."""

    id: UUID
    project: str
    path: str
    attempts: int
    since: datetime


class RunShape(Shape):
    """One grouping of one group."""

    id: UUID
    path: str
    reason: str
    outcome: str
    owed: int
    residue: int
    reviewed: int
    grouped: int
    templates: int
    worker: str
    error: str | None
    started_at: datetime
    finished_at: datetime | None
    mining_seconds: float | None


class LagBucket(Shape):
    """The number of traces that waited at most this long."""

    until_s: float
    traces: int


class Lag(Shape):
    """The time from storing a trace to a run having read it; matched traces do not wait and are not counted."""

    traces: int
    sum_s: float
    buckets: list[LagBucket]


class Pipeline(Shape):
    """The state of the pipeline.

    `queue_depth` is null while Redis does not answer; `queue_stalled_s`: for how long messages wait that no worker takes. `refused`: messages that named no known group; they belong to no project, so
    only a key that sees all projects sees them.
    """

    queue_depth: int | None
    queue_stalled_s: float
    owed: int
    oldest_owed_age_s: float
    requests: int
    coalesced: int
    messages: int
    runs: int
    errors: int
    skips: dict[Literal["busy", "early", "covered", "empty", "fenced"], int]
    lag: Lag
    refused: dict[Literal["malformed", "unknown"], int] | None
    skip_rate: float
    quarantined: int
    quarantined_groups: list[QuarantinedGroup]
    workers: list[Process]
    reconcilers: list[Process]
    last_runs: list[RunShape]
