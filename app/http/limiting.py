"""Limits requests by key and by address, and attempts with wrong keys.

A request over a rate is answered with 429 and Retry-After before it does any work.
"""

import math
from dataclasses import dataclass
from typing import NoReturn

from flask import request
from werkzeug.exceptions import TooManyRequests

from app.config import Settings
from app.http.rates import Rate, Rates, subject_of
from app.store.keys import KeyHolder

COUNTED = "promptlode.counted"
"""Key in the environ of a request that was already counted against all rates (`Limiter.take_call`); no client can set it."""

BARRED = "promptlode.barred"
"""Key in the environ of a request whose body was not read, because its address had tried too many wrong keys; no client can set it."""


@dataclass(frozen=True)
class RateLimits:
    """The rates of the settings."""

    address: Rate
    ingest: Rate
    traces: Rate
    read: Rate
    regroup: Rate
    failures: Rate

    @classmethod
    def of(cls, settings: Settings) -> "RateLimits":
        """In local mode, only the rates that were set explicitly: its one caller is the person at this machine."""
        limits = {
            "address": settings.rate_address,
            "ingest": settings.rate_ingest,
            "traces": settings.rate_traces,
            "read": settings.rate_read,
            "regroup": settings.rate_regroup,
            "failures": settings.rate_failures,
        }
        is_set = settings.model_fields_set
        bounded = {name for name in limits if not settings.local_mode or f"rate_{name}" in is_set}
        return cls(**{name: Rate(name, amount if name in bounded else 0) for name, amount in limits.items()})


class Limiter:
    """The rates of a process, applied to the current request."""

    def __init__(self, rates: Rates, limits: RateLimits) -> None:
        self._rates = rates
        self._limits = limits

    def take_address(self) -> None:
        """Count one request of this address. Raises TooManyRequests."""
        self._take(self._limits.address, _address(), 1, "This address sends too many requests.")

    def take_key(self, holder: KeyHolder, scope: str) -> None:
        """Count one request with this key. Raises TooManyRequests."""
        rate = self._limits.ingest if scope == "ingest" else self._limits.read
        self._take(rate, holder.subject, 1, "This API key sends too many requests.")

    def take_traces(self, holder: KeyHolder, number: int) -> None:
        """Count the traces of a request before any is stored. Raises TooManyRequests."""
        self._take(self._limits.traces, holder.subject, number, "Nothing was stored: too many traces of this API key.")

    def take_call(self, address: str, holder: KeyHolder, traces: int = 1) -> bool:
        """Count a request with its traces against all rates; False, and nothing is counted, where one of them is exceeded.

        For code that answers before the application does, or hands the request to it with COUNTED in its environ.
        """
        key, limits = holder.subject, self._limits
        return self._rates.spend_all(
            [(limits.address, address, 1), (limits.ingest, key, 1), (limits.traces, key, traces)]
        )

    def may_try_a_key(self, address: str) -> bool:
        """Whether this address may have another key looked up."""
        return not self._rates.wait(self._limits.failures, address)

    def take_regroup(self, holder: KeyHolder) -> None:
        """Count one regroup of a path, for all keys of the project. Raises TooManyRequests."""
        subject = str(holder.project_id)
        self._take(self._limits.regroup, subject, 1, "This project asks too often to regroup paths.")

    def take_page(self) -> None:
        """Count one page, which costs more than a request of the API. Raises TooManyRequests."""
        self._take(self._limits.read, _address(), 1, "This address asks for too many pages.")

    def failed(self) -> None:
        """Count a wrong key tried from this address."""
        self._rates.spend(self._limits.failures, _address())

    def check_failures(self) -> None:
        """Raises TooManyRequests while this address has tried too many wrong keys."""
        wait = self._rates.wait(self._limits.failures, _address())
        if wait or BARRED in request.environ:
            _refuse("This address has tried too many wrong API keys.", wait)

    def _take(self, rate: Rate, subject: str, cost: int, why: str) -> None:
        wait = 0.0 if COUNTED in request.environ else self._rates.spend(rate, subject, cost)
        if wait:
            _refuse(why, wait)


def _refuse(why: str, wait: float) -> NoReturn:
    seconds = max(1, math.ceil(wait))
    raise TooManyRequests(f"{why} Send it again after {seconds} s.", retry_after=seconds)


def _address() -> str:
    return subject_of(request.remote_addr)
