"""Applies a project's privacy settings to a call before any of it is stored.

`Policies.of` gives the policy of a project to `Ingest` and to the runs. A change of it holds in every process within POLICY_CACHE_SECONDS,
for later calls.
"""

import hashlib
import hmac
import secrets
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine

from app.cache import Cache
from app.checks import MAX_NAME
from app.intake.prompts import prompt_of
from app.intake.redaction import Redactor
from app.intake.trace import Incoming, settings_digest
from app.store import paths, privacy
from app.store.engine import transaction
from app.store.tables import trace

POLICY_CACHE_SECONDS = 10.0
"""Seconds for which a policy is kept in memory; docs/privacy.md promises it."""

RAW_PATH = "raw_path"
"""The field of a call's metadata that keeps the path before its ids were folded."""

CACHED_POLICIES = 10_000
"""Policies kept in memory; a forgotten one costs a query."""

Mode = Literal["full", "hmac", "none"]

_REDACTION = {column.name: column.info.get("redaction", "all") for column in trace.c}


class PrivacySettings(BaseModel):
    """The privacy settings of a project."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    redact: bool = Field(True, description="Remove keys, passwords and card numbers.")
    email: bool = Field(False, description="Remove e-mail addresses too.")
    patterns: dict[str, str] = Field(default_factory=dict, description="Remove what these RE2 patterns match, by name.")
    variables: Mode = Field("full", description="Keep values of slots, a keyed hash of each, or nothing of them.")
    fold_paths: bool = Field(True, description="Write {id} in paths for numbers, dates, UUIDs and hashes.")
    min_distinct: int = Field(0, ge=0, description="Users or conversations that a template must have been seen with.")


class Policy:
    """The privacy settings of one project, ready to be applied."""

    def __init__(self, wishes: PrivacySettings, secret: str) -> None:
        self.wishes = wishes
        self._secret = secret.encode()
        self._redactor = Redactor(email=wishes.email, patterns=wishes.patterns) if wishes.redact else None

    def cleaned(self, item: Incoming) -> Incoming:
        """The call without secrets: its prompt is computed again from the redacted input, its path has no ids."""
        item = _folded(item) if self.wishes.fold_paths else item
        redactor = self._redactor
        if redactor is None or (item.json is not None and redactor.is_clean(item.json)):
            return item
        columns = self.cleaned_values(item.columns)
        columns["model"] = columns["model"][:MAX_NAME]
        prompt = prompt_of(columns["input"] | {name: columns[name] for name in ("tools", "conversation_id")})
        digest = settings_digest(columns["settings"], columns["tools"])
        columns |= prompt.columns | {"settings_digest": digest}
        return replace(
            item,
            path=redactor.text(item.path)[:MAX_NAME],
            model=columns["model"],
            external_id=columns["external_id"],
            prompt=prompt,
            settings_digest=digest,
            columns=columns,
            json=None,
        )

    def cleaned_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Columns of a call without secrets; columns derived from others are left unchanged."""
        if self._redactor is None:
            return dict(values)
        return {name: self._cleaned_value(self._redactor, name, value) for name, value in values.items()}

    def _cleaned_value(self, redactor: Redactor, name: str, value: Any) -> Any:
        """The value of a column of trace; a column without a mark, or a name that is no column, is redacted."""
        redaction = _REDACTION.get(name, "all")
        if redaction == "identifier":
            return self._identifier(redactor, value)
        return redactor.value(value) if redaction == "all" else value

    def _identifier(self, redactor: Redactor, text: str | None) -> str | None:
        """The id without secrets; distinct ids stay distinct."""
        cleaned = None if text is None else redactor.text(text)
        if text is None or cleaned is None or cleaned == text:
            return text
        mark = self._mark(text)
        return f"{cleaned[: MAX_NAME - len(mark) - 1]}:{mark}"

    def as_stored(self, field: str, text: str | None) -> str | None:
        """The stored form of an id or a path that a caller names."""
        if text is None or self._redactor is None:
            return text
        return self._redactor.text(text)[:MAX_NAME] if field == "path" else self._identifier(self._redactor, text)

    @property
    def keeps_values(self) -> bool:
        return self.wishes.variables == "full"

    def stored_values(self, values: Sequence[str]) -> tuple[str, ...]:
        """The stored form of slot values: one word for each value, so that it still reads as a value; an empty value stays empty."""
        if self.wishes.variables == "full":
            return tuple(values)
        mark = self._mark if self.wishes.variables == "hmac" else _random_mark
        return tuple(mark(value) if value else "" for value in values)

    def _mark(self, value: str) -> str:
        """The mark of a value: the same for equal values of this project, and meaningless without the project's secret."""
        return _word(hmac.digest(self._secret, value.encode(), "sha256"))

    def visible_kinds(self, kinds: Sequence[Any]) -> list[Any]:
        """The kinds of slots as shown to readers: no value is listed where values are not kept, or may come from a single user."""
        hide = not self.keeps_values or self.wishes.min_distinct > 1
        return [dict(kind) | {"values": []} if hide else kind for kind in kinds]


def _folded(item: Incoming) -> Incoming:
    """The call with ids in its path folded; its metadata keep the path that was sent."""
    path = paths.folded(item.path)
    if path == item.path:
        return item
    metadata = {RAW_PATH: item.path} | (item.columns["metadata"] or {})
    return replace(item, path=path, columns=item.columns | {"metadata": metadata})


def _random_mark(value: str) -> str:
    """A mark that says only that there was a value; different each time, or a slot would look constant."""
    return _word(hashlib.sha256(secrets.token_bytes(16)).digest())


def _word(digest: bytes) -> str:
    """100 bits as letters and digits."""
    return b32encode(digest)[:20].decode().lower()


def policy_of(connection: Connection, project_id: UUID) -> Policy:
    """The policy as the database has it now."""
    wishes, secret = privacy.load(connection, project_id) or ({}, "")
    return Policy(PrivacySettings.model_validate(wishes), secret)


class Policies:
    """The most recently used policies; safe to share between threads."""

    def __init__(self, engine: Engine, cache_seconds: float = POLICY_CACHE_SECONDS) -> None:
        self._engine = engine
        self._policies: Cache[UUID, Policy] = Cache(CACHED_POLICIES, cache_seconds)

    def of(self, project_id: UUID) -> Policy:
        """The policy of a project, as it was at most `cache_seconds` ago. Raises DatabaseDownError."""
        return self.remembered(project_id) or self.look_up(project_id)

    def remembered(self, project_id: UUID) -> Policy | None:
        """The policy if it was looked up within `cache_seconds`, without a query; else None."""
        return self._policies.fresh(project_id)

    def is_ageing(self, project_id: UUID) -> bool:
        """Whether the cached policy expires soon."""
        return self._policies.is_ageing(project_id)

    def look_up(self, project_id: UUID) -> Policy:
        """The policy as it is now. Raises DatabaseDownError."""
        with transaction(self._engine) as connection:
            policy = policy_of(connection, project_id)
        self._policies.keep(project_id, policy)
        return policy
