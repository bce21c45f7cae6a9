"""API keys. The database holds the SHA-256 of a key, never the key.

A key is 256 random bits, so one fast hash is enough; a slow password hash would cost every request and protect nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from sqlalchemy import Connection, func, select, update

from app.store.ids import new_id
from app.store.tables import api_key, project, project_move

PREFIX = "pl_"
SCOPES = ("ingest", "read", "admin", "operator")
DEFAULT_SCOPES = ("ingest", "read")


@dataclass(frozen=True)
class NewKey:
    """A new key; this is the only moment when it can be shown."""

    id: UUID
    key: str


@dataclass(frozen=True)
class KeyHolder:
    """The holder of a key: its project and its scopes. moved: the project is in another database."""

    key_id: UUID
    project_id: UUID
    project_name: str
    scopes: frozenset[str]
    last4: str = ""
    moved: bool = False

    @cached_property
    def subject(self) -> str:
        """The key in the counts of rates."""
        return str(self.key_id)

    @cached_property
    def party(self) -> str:
        """The project among those that wait for a turn."""
        return f"project {self.project_id}"

    def may(self, scope: str) -> bool:
        """Whether the key has this scope. admin implies all scopes of its project; operator, for all projects, is granted separately."""
        return scope in self.scopes or ("admin" in self.scopes and scope != "operator")


@dataclass(frozen=True)
class KeySummary:
    """A key as lists show it."""

    id: UUID
    project: str
    name: str
    last4: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


def create(
    connection: Connection,
    project_id: UUID,
    name: str = "",
    scopes: tuple[str, ...] = DEFAULT_SCOPES,
    *,
    cell: str = "",
) -> NewKey:
    """Make a key of the project; the key itself is only in the return value.

    cell: a prefix of the key that a router of requests reads; the random part has no dot.
    """
    new = NewKey(new_id(), PREFIX + (f"{cell}." if cell else "") + secrets.token_urlsafe(32))
    connection.execute(
        api_key.insert().values(
            id=new.id,
            project_id=project_id,
            name=name,
            hash=hash_of(new.key),
            last4=new.key[-4:],
            scopes=list(scopes),
        )
    )
    return new


def hash_of(key: str) -> str:
    """The stored form of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def holder(connection: Connection, key_hash: str) -> KeyHolder | None:
    """The holder of a key; None for an unknown or revoked one."""
    row = connection.execute(
        select(
            api_key.c.id, api_key.c.project_id, project.c.name, api_key.c.scopes, api_key.c.last4, project_move.c.state
        )
        .join_from(api_key, project)
        .outerjoin(project_move, project_move.c.project_id == project.c.id)
        .where(api_key.c.hash == key_hash, api_key.c.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    return KeyHolder(row.id, row.project_id, row.name, frozenset(row.scopes), row.last4, moved=row.state == "moved")


def summaries(connection: Connection, project_id: UUID | None = None) -> list[KeySummary]:
    """Keys, newest first; of one project or of all."""
    query = select(
        api_key.c.id,
        project.c.name,
        api_key.c.name,
        api_key.c.last4,
        api_key.c.scopes,
        api_key.c.created_at,
        api_key.c.revoked_at,
    ).join_from(api_key, project)
    if project_id is not None:
        query = query.where(api_key.c.project_id == project_id)
    return [KeySummary(*row) for row in connection.execute(query.order_by(api_key.c.id.desc()))]


def revoke(connection: Connection, key_id: UUID) -> UUID | None:
    """Revoke; the key's project, None when there is no such key. Revoking again keeps the first time."""
    return connection.scalar(
        update(api_key)
        .where(api_key.c.id == key_id)
        .values(revoked_at=func.coalesce(api_key.c.revoked_at, func.clock_timestamp()))
        .returning(api_key.c.project_id)
    )
