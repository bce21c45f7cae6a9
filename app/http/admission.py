"""Admits a request: it needs a valid key and must be within its rates."""

from flask import Flask, request

from app.http.auth import bearer_key, caller
from app.http.problem import ProblemError
from app.http.services import services
from app.store.keys import KeyHolder

_UNLIMITED = frozenset({"health.healthz"})
"""Routes without a rate: a platform restarts a process whose /healthz does not answer, and a flood must not cause that."""


def admitted(scope: str) -> KeyHolder:
    """The holder of the request's key, within its rate. Raises ProblemError as `caller` does, or TooManyRequests.

    An address that has tried wrong keys is refused without asking the database. Keys that have worked before still pass: one client's
    mistake must not shut out all clients behind the same router.
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
