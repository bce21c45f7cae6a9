"""Whose message is next: projects take turns, so that one with a thousand groups to run delays nobody else.

The broker's queue is first come, first served, and a message in it cannot be overtaken.  So only a `share` of each project's
messages is in it at any time; the others wait in a line of their project, and whoever takes one out of the queue lets the next of
its project in.  A message of another project thus has at most a share of every busy project before it, however much they have to
do.  The share does not bound runs: with nobody else about, one project has every worker.

To the protocol a group in the line is queued: its message is under way, only not in the broker yet.  A line that is lost is a
message that is lost, and a line that nobody lets in any more is found by the reconciler's look.

Two keys, each with a script of its own: `promptlode:turns:{project}`, and `promptlode:turns`, an index of lines by how many wait.
The index is a hint, like that of due times.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis import Redis

from tasks.coalescing.protocol import evaluate, milliseconds, source, text

INDEX_KEY = "promptlode:turns"

URGENT, FRESH, RERUN = range(3)
"""Who goes before whom in the line of a project: what a person asks for, groups without a template, the others."""


@dataclass(frozen=True)
class Line:
    """How many groups wait in a project's line, and for how many seconds the one that waits longest."""

    wait: int
    age: float


@dataclass(frozen=True)
class Turns:
    """The lines of all projects.  `share` 0: nobody waits.  Times in seconds; `hold` is that of a ticket."""

    redis: Redis
    share: int
    ttl: float

    def enter(self, project: str, group: UUID, *, fresh: bool, hold: float, urgent: bool = False) -> list[UUID]:
        """The group has a message to send; answers the groups whose messages are to be published now, often just this one.

        Who is urgent goes to the front of the line of its own project, and waits in it as others do: a person who asks for a
        hundred groups delays no other project by them.  A message whose project nobody knows waits for nobody.
        """
        if not self.share or not project:
            return [group]
        return self._ask(project, hold, "enter", group, URGENT if urgent else FRESH if fresh else RERUN)

    def hurry(self, project: str, group: UUID, *, hold: float) -> list[UUID]:
        """A person asks for a group that may wait already: to the front with it."""
        return self._ask(project, hold, "hurry", group, URGENT) if self.share and project else []

    def leave(self, project: str, group: UUID, *, hold: float) -> list[UUID]:
        """The group's message was delivered; answers whose are to be published in its place."""
        return self._ask(project, hold, "leave", group) if self.share and project else []

    def look(self, project: str, *, hold: float) -> list[UUID]:
        """Messages under way were lost, perhaps; answers whose are to be published in their place.

        It also takes a project out of the index whose line is empty: two who change a line at once may note it in the wrong order.
        """
        return self._ask(project, hold, "look")

    def lines(self) -> dict[str, Line]:
        """The line of each project that has one."""
        fields: Any = self.redis.hgetall(INDEX_KEY)
        if not fields:
            return {}
        seconds: Any = self.redis.time()
        now = seconds[0] * 1000
        return {text(project): _line(text(noted), now) for project, noted in fields.items()}

    def _ask(self, project: str, hold: float, request: str, group: UUID | None = None, rank: int = RERUN) -> list[UUID]:
        arguments = (milliseconds(self.ttl), self.share, milliseconds(hold), request, str(group or ""), rank)
        waited, wait, since, *let_in = evaluate(self.redis, source("turns"), key_of_line(project), *arguments)
        if waited or wait or request == "look":
            evaluate(self.redis, source("turns_note"), INDEX_KEY, milliseconds(self.ttl), project, wait, since)
        return [UUID(text(group_id)) for group_id in let_in]


def _line(noted: str, now: int) -> Line:
    wait, _, since = noted.partition(":")
    return Line(int(wait), max(0.0, (now - int(since)) / 1000))


def key_of_line(project: str) -> str:
    """The project's only key here; the braces make it one slot of a cluster."""
    return f"{INDEX_KEY}:{{{project}}}"
