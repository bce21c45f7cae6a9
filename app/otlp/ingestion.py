"""Events of Langfuse's older SDKs, as sent to `/api/public/ingestion`.

A generation is sent as `generation-create` at its begin and `generation-update` at its end, in one batch or in several; name and user of a
trace are an event of their own. `PartialGenerations` joins the events of a generation. When they hold a prompt and a model, the call is stored. An
answer that comes later is added to the stored call, whichever process stored it (`late`). Only the process that received them knows
incomplete generations and names of traces. Their text stays in the memory of this process, as it was sent, for an hour after the last piece
and until the next event; what is stored is redacted as every other call.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from app.checks import MAX_NAME, TraceLimits
from app.intake.bodies.answers import answer_of
from app.intake.bodies.requests import SETTINGS, prompt_of_value
from app.intake.bodies.usage import NAMES, usage_of
from app.intake.bodies.values import as_object, filled_text, parsed, present
from app.intake.lenient import read_leniently
from app.intake.trace import Incoming, InvalidTraceError
from app.otlp.dialects.base import has_prompt

Body = dict[str, Any]

SECONDS_OF_PIECES = 3600.0
"""Seconds for which the pieces of a generation and the name of a trace are kept: an agent's trace lasts minutes, seldom an hour."""

MOST_BYTES_KEPT = 32 * 1024 * 1024
"""Bytes of pieces, as JSON, that a process keeps, the oldest are dropped first: some 10,000 generations of 3 KB, a third of the process."""

BYTES_OF_A_KEY = 200
"""Bytes that a kept generation takes beside its pieces, about: many empty generations must not be free."""

_GENERATIONS = frozenset({"generation-create", "generation-update", "observation-create", "observation-update"})
_TRACES = frozenset({"trace-create", "trace-update"})
_OTHERS = frozenset({"span-create", "span-update", "event-create", "score-create", "sdk-log"})

_UNKNOWN = "type: Is an unknown kind of event; generations and traces are read, spans, events and scores passed over."
_NO_BODY = "body: Must be an object with the fields of the generation or trace."


class _Kept(NamedTuple):
    """The joined pieces of a generation or trace: the time of the newest piece, and the size of all in bytes."""

    time: float
    size: int
    body: Body


class PartialGenerations:
    """The pieces of generations and traces received so far, by project and id; safe to share between threads.

    clock: seconds that only grow.
    """

    def __init__(self, most_bytes: int = MOST_BYTES_KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[tuple[UUID, str], _Kept] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def joined(self, project_id: UUID, name: str, piece: Body) -> Body:
        """The pieces so far joined with the new one, whose fields win."""
        key = project_id, name
        with self._lock:
            self._drop_old()
            body = self._pop(key) | present(piece)
            entry = _Kept(self._clock(), BYTES_OF_A_KEY + len(json.dumps(body, default=str)), body)
            self._kept[key] = entry
            self._size += entry.size
            while self._size > self._most_bytes and len(self._kept) > 1:
                self._pop(next(iter(self._kept)))
        return body

    def of(self, project_id: UUID, name: str) -> Body:
        """The pieces so far."""
        with self._lock:
            self._drop_old()
            entry = self._kept.get((project_id, name))
            return entry.body if entry else {}

    def _drop_old(self) -> None:
        """Drop the pieces that got no further piece for SECONDS_OF_PIECES."""
        oldest_kept = self._clock() - SECONDS_OF_PIECES
        while self._kept and next(iter(self._kept.values())).time <= oldest_kept:
            self._pop(next(iter(self._kept)))

    def _pop(self, key: tuple[UUID, str]) -> Body:
        """Forget the pieces of a generation or trace; {} where none are kept."""
        entry = self._kept.pop(key, _Kept(0.0, 0, {}))
        self._size -= entry.size
        return entry.body


@dataclass
class EventOutcomes:
    """The outcome of each event: accepted ids, refused ids with the reason, and the calls to be stored, with their bodies."""

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    calls: dict[str, Incoming] = field(default_factory=dict)
    late: dict[str, tuple[str, Incoming]] = field(default_factory=dict)
    """By the id of a call that may be stored already: the event that ends the call, and the answer in it."""
    unreadable_fields: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    ignored: int = 0

    def refuse(self, event_id: str, reason: str) -> None:
        """Refuse the event; nothing of it is stored."""
        self.accepted = [accepted_id for accepted_id in self.accepted if accepted_id != event_id]
        self.refused[event_id] = reason


def read_events(
    events: Iterable[Any], project_id: UUID, pieces: PartialGenerations, limits: TraceLimits
) -> EventOutcomes:
    """Read the events in order; a call holds the last state of its generation."""
    reader = _EventReader(project_id, pieces, limits)
    for event in sorted(map(as_object, events), key=lambda event: str(event.get("type")) not in _TRACES):
        reader.take(event)
    for name, event_id in reader.touched.items():
        reader.read(name, event_id)
    return reader.outcomes


def _told_back(event_id: Any) -> str:
    """The id in a form that JSON can hold, which has no lone surrogate."""
    return str(event_id).encode("utf-8", "replace").decode()


@dataclass
class _EventReader:
    project_id: UUID
    pieces: PartialGenerations
    limits: TraceLimits
    outcomes: EventOutcomes = field(default_factory=EventOutcomes)
    touched: dict[str, str] = field(default_factory=dict)
    """By the id of each generation, the last of these events that concerns it."""

    def take(self, event: Body) -> None:
        event_id, kind, body = _told_back(event.get("id", "")), str(event.get("type")), as_object(event.get("body"))
        if kind not in _GENERATIONS | _TRACES | _OTHERS:
            self.outcomes.refused[event_id] = _UNKNOWN
            return
        if not isinstance(event.get("body"), dict):
            self.outcomes.refused[event_id] = _NO_BODY
            return
        self.outcomes.accepted.append(event_id)
        trace_id = body.get("id") or body.get("traceId")
        is_generation = kind in _GENERATIONS and str(body.get("type", "GENERATION")).upper() == "GENERATION"
        if isinstance(trace_id, str) and kind in _TRACES:
            self.pieces.joined(self.project_id, f"trace {trace_id}", body)
        elif isinstance(trace_id, str) and is_generation:
            self.pieces.joined(self.project_id, trace_id, body)
            self.touched[trace_id] = event_id
        else:
            self.outcomes.ignored += 1

    def read(self, name: str, event_id: str) -> None:
        """Take up the call of a generation when its pieces hold a prompt and a model."""
        generation = self.pieces.of(self.project_id, name)
        body = _body_of(generation, self.pieces.of(self.project_id, f"trace {generation.get('traceId')}"))
        if not (has_prompt(body) and body.get("model")) and not _is_over(generation):
            self.outcomes.waiting += 1
            return
        name = str(body["external_id"])
        try:
            if not has_prompt(body):
                self.outcomes.late[name] = event_id, read_leniently(body | _NO_PROMPT, self.limits).incoming
                return
            trace_read = read_leniently(body, self.limits)
        except InvalidTraceError as error:
            problem = error.problems[0]
            self.outcomes.refuse(event_id, f"{'.'.join(map(str, problem.loc))}: {problem.message}")
            return
        self.outcomes.unreadable_fields |= trace_read.unreadable_fields
        self.outcomes.calls[name] = trace_read.incoming


_NO_PROMPT = {"model": "-", "input": "-"}
"""Placeholders that make an answer alone a valid call for checking; they are never stored."""

NO_PROMPT = "input: Holds no prompt in a form that is known here, and no call with this id is stored."


def _is_over(generation: Body) -> bool:
    return generation.get("endTime") is not None or generation.get("output") is not None


def _body_of(generation: Body, trace: Body) -> Body:
    """The body of a generation's call, in our names."""
    parameters = dict(as_object(generation.get("modelParameters")))
    settings = {
        ours: next((parameters.pop(item) for item in theirs if parameters.get(item) is not None), None)
        for ours, theirs in SETTINGS.items()
    }
    metadata = as_object(generation.get("metadata")) or present({"langfuse.metadata": generation.get("metadata")})
    about = {
        "langfuse.prompt_name": generation.get("promptName"),
        "langfuse.prompt_version": generation.get("promptVersion"),
        "langfuse.parameters": parameters or None,
        "langfuse.tags": trace.get("tags"),
        "langfuse.environment": generation.get("environment") or trace.get("environment"),
    }
    names = filter(None, map(filled_text, (trace.get("name"), generation.get("name"))))
    request = prompt_of_value(generation.get("input"))
    further = {name: value for name, value in request.items() if name not in _OURS}
    body = {
        **{name: value for name, value in request.items() if name in _OURS},
        **present(settings),
        "model": generation.get("model") or request.get("model"),
        "path": filled_text(metadata.get("promptlode.path")) or "/".join(dict.fromkeys(names))[:MAX_NAME] or "langfuse",
        "external_id": f"{generation.get('traceId') or 'langfuse'}:{generation.get('id')}",
        "output": answer_of(generation.get("output")).get("output"),
        "usage": _usage(generation),
        "conversation_id": trace.get("sessionId"),
        "user_id": trace.get("userId"),
        "started_at": generation.get("startTime"),
        "completed_at": generation.get("endTime"),
        "error": _error(generation),
        "metadata": present(about) | further | metadata,
    }
    return present(body)


_OURS = frozenset({"model", "messages", "input", "instructions", *SETTINGS})


def _usage(generation: Body) -> Body | None:
    counts = usage_of(parsed(generation.get("usageDetails"))) or usage_of(parsed(generation.get("usage")))
    return {name: counts[name] for name in NAMES if name in counts} if counts else None


def _error(generation: Body) -> Body | None:
    if generation.get("level") != "ERROR":
        return None
    return {"message": str(generation.get("statusMessage") or "The observation's level is ERROR.")}
