"""Identifies the caller: `Authorization: Bearer KEY`, or Basic with the key as the password.

A write looks its key up, so a revoked key writes and deletes nothing from that moment on. A read trusts a key that was looked up within
KEY_CACHE_SECONDS, in every process: pages that poll every second do not cost a query each.
"""

import base64
import shlex
from urllib.parse import unquote

from flask import request
from sqlalchemy import Engine

from app.cache import Cache
from app.errors import ProjectMovingError
from app.http.problem import ProblemError
from app.store import keys
from app.store.engine import transaction
from app.store.keys import KeyHolder

KEY_CACHE_SECONDS = 30.0
"""Seconds for which a key is trusted without a query, as docs/security.md promises."""

CACHED_KEYS = 10_000
"""Keys in memory; a forgotten key costs a query."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, and whose requests have no body that counts (RFC 9110, 9.2.1)."""


class Authenticator:
    """Finds the holder of a key; safe to share between threads."""

    def __init__(self, engine: Engine, cache_seconds: float = KEY_CACHE_SECONDS) -> None:
        self._engine = engine
        self._holders: Cache[str, KeyHolder] = Cache(CACHED_KEYS, cache_seconds)

    def holder(self, key: str, *, now: bool = False) -> KeyHolder | None:
        """The holder of the key; None for an unknown or revoked one. `now`: look it up even if it is cached."""
        key_hash = keys.hash_of(key)
        return (None if now else self._holders.fresh(key_hash)) or self._look_up(key_hash)

    def trusted(self, key: str) -> KeyHolder | None:
        """The holder of a key that was looked up within KEY_CACHE_SECONDS, without a query."""
        return self._holders.fresh(keys.hash_of(key))

    def remembered(self, key: str) -> KeyHolder | None:
        """The holder of the key when it last worked here; the key may have been revoked since."""
        return self._holders.last(keys.hash_of(key))

    def is_ageing(self, key: str) -> bool:
        """Whether the cached entry of the key expires soon."""
        return self._holders.is_ageing(keys.hash_of(key))

    def _look_up(self, key_hash: str) -> KeyHolder | None:
        with transaction(self._engine) as connection:
            holder = keys.holder(connection, key_hash)
        if holder is None:
            self._holders.forget(key_hash)
        else:
            self._holders.keep(key_hash, holder)
        return holder


def caller(authenticator: Authenticator, scope: str) -> KeyHolder:
    """The holder of the request's key. Raises ProblemError: 401 without a valid key, 403 without the scope; ProjectMovingError."""
    holder = authenticator.holder(bearer_key(), now=request.method not in SAFE_METHODS)
    if holder is None:
        raise _unauthorized("The API key is unknown or revoked.")
    if holder.moved:
        raise ProjectMovingError
    if not holder.may(scope):
        raise ProblemError(403, f"The API key lacks the scope {scope}. Make one with it: {_command(holder, scope)}")
    return holder


def _command(holder: KeyHolder, scope: str) -> str:
    return shlex.join(("promptlode", "keys", "create", "--project", holder.project_name, "--scope", scope))


def bearer_key() -> str:
    """The key of the request. Raises ProblemError 401 when it has none."""
    key = key_in(request.headers.get("Authorization", ""))
    if not key:
        raise _unauthorized("Send your API key as Authorization: Bearer KEY.")
    return key


def key_in(authorization: str) -> str:
    """The key in the Authorization header; empty when there is none.

    Bearer, as documented; `Bearer%20KEY`, which some SDKs send because they do not decode OTEL_EXPORTER_OTLP_HEADERS; and Basic with the
    key as the password, which is how Langfuse's SDKs send their two keys.
    """
    scheme, _, key = unquote(authorization).strip().partition(" ")
    if scheme.lower() == "basic":
        return _password(key.strip())
    return key.strip() if scheme.lower() == "bearer" else ""


def _password(credentials: str) -> str:
    """The password of `user:password` in Base64 (RFC 7617); empty for anything else."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2].strip()
    except ValueError:
        return ""


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": 'Bearer realm="promptlode"'})
