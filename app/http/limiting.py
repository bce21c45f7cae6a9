"""Who may ask how often: by key, by address, and how often a wrong key may be tried.

What is over a rate is answered with 429 and Retry-After, before it costs anything, and leaves nothing half done.
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
"""In the environ of a request whose part of all rates was taken already (`Limiter.take_call`); no client can set it."""


@dataclass(frozen=True)
class Limits:
    """The rates of the settings."""

    address: Rate
    ingest: Rate
    traces: Rate
    read: Rate
    regroup: Rate
    failures: Rate

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """In local mode only those that somebody set: its one caller is the person at this machine."""
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
    """The rates of a process, asked about the current request."""

    def __init__(self, rates: Rates, limits: Limits) -> None:
        self._rates = rates
        self._limits = limits

    def take_address(self) -> None:
        """One request of this address, whoever it is.  Raises TooManyRequests."""
        self._take(self._limits.address, _address(), 1, "This address sends too many requests.")

    def take_key(self, holder: KeyHolder, scope: str) -> None:
        """One request with a key.  Raises TooManyRequests."""
        rate = self._limits.ingest if scope == "ingest" else self._limits.read
        self._take(rate, str(holder.key_id), 1, "This API key sends too many requests.")

    def take_traces(self, holder: KeyHolder, number: int) -> None:
        """So many traces with a key, before any is stored.  Raises TooManyRequests."""
        self._take(
            self._limits.traces, str(holder.key_id), number, "Nothing was stored: too many traces of this API key."
        )

    def take_call(self, address: str, holder: KeyHolder, traces: int = 1) -> bool:
        """What a request with so many traces takes of all rates together; False, and nothing is taken, where it is over one.

        For whoever answers before the application does, or hands the request on to it with COUNTED in its environ.
        """
        key, limits = str(holder.key_id), self._limits
        return self._rates.spend_all(
            [(limits.address, address, 1), (limits.ingest, key, 1), (limits.traces, key, traces)]
        )

    def take_regroup(self, holder: KeyHolder) -> None:
        """One wish that a path be grouped anew, of all keys of the project.  Raises TooManyRequests."""
        subject = str(holder.project_id)
        self._take(self._limits.regroup, subject, 1, "This project asks too often that paths be grouped anew.")

    def take_page(self) -> None:
        """One page, which costs more than a request of the API.  Raises TooManyRequests."""
        self._take(self._limits.read, _address(), 1, "This address asks for too many pages.")

    def failed(self) -> None:
        """A wrong key was tried from this address."""
        self._rates.spend(self._limits.failures, _address())

    def check_failures(self) -> None:
        """Raises TooManyRequests while this address has tried too many wrong keys."""
        wait = self._rates.wait(self._limits.failures, _address())
        if wait:
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
