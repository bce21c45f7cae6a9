"""Who calls: `Authorization: Bearer KEY`.

A key that was found is trusted for at most CACHE_SECONDS, so a revoked one stops working within that time in every
process, and a busy client does not cost a query a request.
"""

import threading
import time
from collections import OrderedDict

from flask import request
from sqlalchemy import Engine

from app.http.problem import ProblemError
from app.store import keys
from app.store.engine import transaction
from app.store.keys import KeyHolder

CACHE_SECONDS = 30.0
MAX_KEYS = 10_000


class Authenticator:
    """Finds the holder of a key; safe to share between threads."""

    def __init__(self, engine: Engine, cache_seconds: float = CACHE_SECONDS) -> None:
        self._engine = engine
        self._cache_seconds = cache_seconds
        self._kept: OrderedDict[str, tuple[float, KeyHolder]] = OrderedDict()
        self._lock = threading.Lock()

    def holder(self, key: str) -> KeyHolder | None:
        """Whose key it is; None for an unknown or revoked one."""
        key_hash = keys.hash_of(key)
        with self._lock:
            until, holder = self._kept.get(key_hash, (0.0, None))
        if holder is None or until < time.monotonic():
            holder = self._look_up(key_hash)
        return holder

    def remembered(self, key: str) -> KeyHolder | None:
        """Whose key it was when it worked here last; it may have been revoked since."""
        with self._lock:
            return self._kept.get(keys.hash_of(key), (0.0, None))[1]

    def _look_up(self, key_hash: str) -> KeyHolder | None:
        with transaction(self._engine) as connection:
            holder = keys.holder(connection, key_hash)
        with self._lock:
            self._kept.pop(key_hash, None)
            if holder is not None:
                self._kept[key_hash] = (time.monotonic() + self._cache_seconds, holder)
            while len(self._kept) > MAX_KEYS:
                self._kept.popitem(last=False)
        return holder


def caller(authenticator: Authenticator, scope: str) -> KeyHolder:
    """The holder of the request's key.  Raises ProblemError: 401 without a valid key, 403 without the scope."""
    holder = authenticator.holder(bearer_key())
    if holder is None:
        raise _unauthorized("The API key is unknown or revoked.")
    if not holder.may(scope):
        raise ProblemError(403, f"The API key lacks the scope {scope}; make one with it: promptlode keys create.")
    return holder


def bearer_key() -> str:
    """The key of the request.  Raises ProblemError 401 when it has none."""
    key = key_in(request.headers.get("Authorization", ""))
    if not key:
        raise _unauthorized("Send your API key as Authorization: Bearer KEY.")
    return key


def key_in(authorization: str) -> str:
    """The key in the header of that name; empty when it holds none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": 'Bearer realm="promptlode"'})
