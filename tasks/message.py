"""The content of a message, from our own publisher, `celery call`, or another version of this code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.errors import CallerError


class BadMessageError(CallerError):
    """The message names no group: it needs `group`, or `project` and `path`."""


@dataclass(frozen=True)
class Message:
    """A group, by id or by project and path; and the ticket of its REQUEST, None without one.

    Unknown arguments are ignored: during a rolling deploy a newer publisher may send more than this worker knows.
    """

    group: UUID | None = None
    project: str = ""
    path: str = ""
    ticket: int | None = None
    trace: str = ""

    @classmethod
    def parse(cls, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> "Message":
        """The message in these arguments. Raises BadMessageError where they name no group."""
        project, path = keywords.get("project"), keywords.get("path")
        ticket = keywords.get("ticket")
        message = cls(
            group=_uuid(keywords.get("group")),
            project=project if isinstance(project, str) else "",
            path=path if isinstance(path, str) else "",
            ticket=ticket if isinstance(ticket, int) else None,
            trace=str(keywords.get("trace") or ""),
        )
        if arguments or (message.group is None and not (message.project and message.path)):
            raise BadMessageError(cls._remedy())
        return message

    @staticmethod
    def _remedy() -> str:
        return 'Name the group by keywords: --kwargs=\'{"project": "shop", "path": "/chat"}\'.'


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
