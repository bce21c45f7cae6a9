"""What every kind of log is to the importer.

A *record* is one JSON object of the file: mostly one call, but a record of OTLP holds as many as the exporter had at hand.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from app.checks import Limits, Problem
from app.intake.trace import Incoming, InvalidTraceError, read_trace

Body = dict[str, Any]

# Ids of providers are far shorter; the digest behind must fit into 512.
_LONGEST_ID = 400


class Fit(IntEnum):
    """How surely a record is of a kind."""

    NO = 0
    POSSIBLE = 1
    CERTAIN = 2


@dataclass(frozen=True)
class Record:
    """One record of a file and where it ends; of one that is too long only the start is kept."""

    number: int
    data: bytes = field(repr=False)
    end: int
    closed: bool = True

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Reading:
    """What reading a record needs besides it."""

    limits: Limits
    default_path: str | None
    path_attribute: str


@dataclass(frozen=True)
class Call:
    """One call as a body of `POST /api/v1/traces`, and the id that its provider gave it."""

    body: Body = field(repr=False)
    provider_id: Any = None


@dataclass
class Taken:
    """What a record holds: calls that can be stored, what is wrong with the others, and how much is no call of a model."""

    incoming: list[Incoming] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    passed_over: int = 0


class Format:
    """One kind of log."""

    name: str

    def fit(self, value: Body) -> Fit:
        """How surely this record is of this kind."""
        raise NotImplementedError

    def calls(self, value: Body) -> Iterable[Call | None]:
        """The calls of a record; None for what is no call of a model.  Raises InvalidTraceError."""
        raise NotImplementedError

    def take(self, record: Record, value: Body, reading: Reading) -> Taken:
        """The calls of a record, checked; one that is wrong costs none of the others."""
        taken = Taken()
        for index, call in enumerate(self.calls(value)):
            if call is None:
                taken.passed_over += 1
                continue
            try:
                taken.incoming.append(read_trace(_completed(call, record, index, reading), reading.limits))
            except InvalidTraceError as error:
                taken.problems += error.problems
        return taken


def _completed(call: Call, record: Record, index: int, reading: Reading) -> Body:
    """The body with a path and an external id where it has none."""
    body = dict(call.body)
    if body.get("path") is None and reading.default_path is not None:
        body["path"] = reading.default_path
    if body.get("external_id") is None:
        body["external_id"] = _derived_id(call.provider_id, record, index)
    return body


def _derived_id(provider_id: Any, record: Record, index: int) -> str:
    """The same for the same call, so that importing it again stores nothing twice.

    The id of the provider alone is not enough: some servers answer the same one to every call.  Without any, the same record
    at the same place is the same call; two calls may well be alike.
    """
    if isinstance(provider_id, str) and provider_id:
        return f"{provider_id[:_LONGEST_ID]}-{record.digest[:16]}" + (f"-{index}" if index else "")
    return f"import-{record.number}-{record.digest[:32]}" + (f"-{index}" if index else "")


# --- what every kind needs to look into JSON of any shape


def as_object(value: Any) -> Body:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def present(values: Body) -> Body:
    """Without what is null."""
    return {name: value for name, value in values.items() if value is not None}
