"""Counts spans and log records by outcome and reason: `promptlode_otlp_*` in `/metrics`, and a line in the log."""

import threading
import time
from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app
from prometheus_client import CollectorRegistry, Counter

from app.logs import logger
from app.otlp.refusal import label_of
from app.otlp.translate import Export

_EXTENSION = "promptlode.otlp"
MOST_LABELS = 50
"""Reasons counted under their own label; senders choose some of the words, and each label is a series for ever."""

SAID_EVERY = 60.0
"""Seconds before the log repeats a message about a project: an exporter sends every five seconds."""

_log = logger(__name__)


@dataclass
class Counts:
    """The counters of a web process."""

    outcomes: Counter
    reasons: Counter
    unreadable_fields: Counter
    labels: set[str] = field(default_factory=set)
    said: dict[tuple[str, str], float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reason(self, outcome: str, label: str, number: int) -> None:
        """Count spans by outcome and reason; a reason beyond MOST_LABELS is counted as `other`."""
        with self.lock:
            is_counted_apart = label in self.labels or len(self.labels) < MOST_LABELS
            if is_counted_apart:
                self.labels.add(label)
        self.reasons.labels(outcome, label if is_counted_apart else "other").inc(number)

    def is_new(self, project: str, message: str) -> bool:
        """Whether the log has not had this message about the project for SAID_EVERY seconds."""
        now = time.monotonic()
        with self.lock:
            if now - self.said.get((project, message), -SAID_EVERY) < SAID_EVERY:
                return False
            if len(self.said) > 10_000:
                self.said.clear()
            self.said[project, message] = now
            return True


def install(app: Flask, registry: CollectorRegistry) -> None:
    """Count the spans of this app in the registry."""
    app.extensions[_EXTENSION] = Counts(
        Counter(
            "promptlode_otlp_spans",
            "Spans and log records received by OTLP: stored, without_content (capture is off), rejected, doubled (another span"
            " tells of the same call), ignored (no LLM call)",
            ["outcome"],
            registry=registry,
        ),
        Counter(
            "promptlode_otlp_reasons",
            "Spans and log records that are no calls of their own, by why: what they are, or what is wrong with them",
            ["outcome", "reason"],
            registry=registry,
        ),
        Counter(
            "promptlode_otlp_odd_fields",
            "Fields of stored calls that could not be read and are kept under metadata, by field",
            ["field"],
            registry=registry,
        ),
    )


def counts() -> Counts:
    """The counters of the app that answers the current request."""
    return counts_of(current_app)


def counts_of(app: Flask) -> Counts:
    """The counters of an app."""
    return cast(Counts, app.extensions[_EXTENSION])


def count(counters: Counts, export: Export, project: str, message: str) -> None:
    """Count an export whose traces are stored; message: the message of its answer."""
    silent = sum(refusal.without_content for refusal in export.refusals) + export.orphans
    counters.outcomes.labels("stored").inc(len(export.incoming))
    counters.outcomes.labels("without_content").inc(silent)
    counters.outcomes.labels("rejected").inc(len(export.refusals) - silent + export.orphans)
    counters.outcomes.labels("doubled").inc(export.doubled)
    counters.outcomes.labels("ignored").inc(export.ignored.total())
    for why, number in export.ignored.items():
        counters.reason("ignored", why, number)
    for refusal in export.refusals:
        counters.reason("without_content" if refusal.without_content else "rejected", label_of(refusal), 1)
    if export.orphans:
        counters.reason("without_content", "no messages, and the span around it did not come along", export.orphans)
    for name, number in export.unreadable_fields.items():
        counters.unreadable_fields.labels("metadata" if name.partition(".")[0] == "metadata" else name).inc(number)
    if message and counters.is_new(project, message.partition(":")[0]):
        _log.warning("otlp_spans_not_stored", project=project, stored=len(export.incoming), why=message)
