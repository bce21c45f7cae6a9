"""Chooses the next message: projects take turns, so that a project with a thousand groups to run does not delay the others.

The broker's queue is first come, first served, and a message in it cannot be overtaken. So only a `share` of each project's messages is in
it at any time; the others wait in a line of their project, and the worker that takes a message lets the next one of its project in. So at
most a share of every busy project is before a message of another project. The share does not limit runs: a project that is alone has every
worker.

To the protocol a group in the line is queued: its message is under way, but not in the broker yet. A lost line counts as lost messages, and
the reconciler lets a forgotten line in.

Two keys, each with a script of its own: `promptlode:turns:{project}`, and `promptlode:turns`, an index of lines by how many wait. The index
is a hint, like that of due times.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis import Redis

from tasks.coalescing.protocol import evaluate, milliseconds, source, text

INDEX_KEY = "promptlode:turns"

URGENT, FRESH, RERUN = range(3)
"""Order in the line of a project: requests of people, groups without a template, the others."""


@dataclass(frozen=True)
class ProjectLine:
    """The number of groups in a project's line, and the longest wait in seconds."""

    wait: int
    age: float


@dataclass(frozen=True)
class Turns:
    """The lines of all projects. `share` 0 switches them off. Times in seconds; `hold` is that of a ticket."""

    redis: Redis
    share: int
    ttl: float

    def enter(self, project: str, group: UUID, *, fresh: bool, hold: float, urgent: bool = False) -> list[UUID]:
        """The group has a message to send; answers the groups whose messages are to be published now, often only this one.

        An urgent group goes to the front of its own project's line, and waits there like others: a person who requests a hundred groups
        does not delay other projects. A message of an unknown project does not wait.
        """
        if not self.share or not project:
            return [group]
        return self._ask(project, hold, "enter", group, URGENT if urgent else FRESH if fresh else RERUN)

    def hurry(self, project: str, group: UUID, *, hold: float) -> list[UUID]:
        """Move a group that may be waiting to the front, for a person's request."""
        return self._ask(project, hold, "hurry", group, URGENT) if self.share and project else []

    def leave(self, project: str, group: UUID, *, hold: float) -> list[UUID]:
        """A message of the group was delivered; answers the groups whose messages are to be published in its place."""
        return self._ask(project, hold, "leave", group) if self.share and project else []

    def replace_lost(self, project: str, *, hold: float) -> list[UUID]:
        """Messages under way may be lost; answers the groups whose messages are to be published in their place.

        It also takes a project with an empty line out of the index: two processes that change a line at once may write the index in the
        wrong order.
        """
        return self._ask(project, hold, "replace")

    def lines(self) -> dict[str, ProjectLine]:
        """The line of each project with one."""
        fields: Any = self.redis.hgetall(INDEX_KEY)
        if not fields:
            return {}
        seconds: Any = self.redis.time()
        now = seconds[0] * 1000
        return {text(project): _line(text(noted), now) for project, noted in fields.items()}

    def _ask(self, project: str, hold: float, request: str, group: UUID | None = None, rank: int = RERUN) -> list[UUID]:
        arguments = (milliseconds(self.ttl), self.share, milliseconds(hold), request, str(group or ""), rank)
        waited, wait, since, *let_in = evaluate(self.redis, source("turns"), key_of_line(project), *arguments)
        if waited or wait or request == "replace":
            evaluate(self.redis, source("turns_note"), INDEX_KEY, milliseconds(self.ttl), project, wait, since)
        return [UUID(text(group_id)) for group_id in let_in]


def _line(noted: str, now: int) -> ProjectLine:
    wait, _, since = noted.partition(":")
    return ProjectLine(int(wait), max(0.0, (now - int(since)) / 1000))


def key_of_line(project: str) -> str:
    """The key of a project's line; the braces put it into one slot of a cluster."""
    return f"{INDEX_KEY}:{{{project}}}"
