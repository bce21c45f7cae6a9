"""Who gets in: a request with a key that counts, that is not one too many."""

from flask import Flask, request

from app.http.auth import bearer_key, caller
from app.http.problem import ProblemError
from app.http.services import services
from app.store.keys import KeyHolder

_UNLIMITED = frozenset({"health.healthz"})
"""A platform ends a process whose /healthz does not answer: a flood must not do that."""


def admitted(scope: str) -> KeyHolder:
    """The holder of the request's key, within its rate.  Raises ProblemError as `caller` does, or TooManyRequests.

    An address that tries wrong keys is told so without asking the database; keys that have worked before pass, or one
    client's mistake would shut out all behind its router.
    """
    limiter, authenticator = services().limiter, services().authenticator
    if authenticator.remembered(bearer_key()) is None:
        limiter.check_failures()
    try:
        holder = caller(authenticator, scope)
    except ProblemError as error:
        if error.status == 401:
            limiter.failed()
        raise
    limiter.take_key(holder, scope)
    return holder


def install(app: Flask) -> None:
    """Count every request by its address."""

    @app.before_request
    def take() -> None:
        if request.endpoint not in _UNLIMITED:
            services().limiter.take_address()
