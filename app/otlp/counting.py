"""How many spans and log records came in, by what became of them: `promptlode_otlp_spans_total` in `/metrics`."""

from typing import cast

from flask import Flask, current_app
from prometheus_client import CollectorRegistry, Counter

from app.otlp.translate import Export

_EXTENSION = "promptlode.otlp"


def install(app: Flask, registry: CollectorRegistry) -> None:
    """Count the spans of this app in the registry."""
    app.extensions[_EXTENSION] = Counter(
        "promptlode_otlp_spans",
        "Spans and log records received by OTLP: stored, without_content (capture is off), rejected, ignored (no LLM call)",
        ["outcome"],
        registry=registry,
    )


def count(export: Export) -> None:
    """An export whose traces are stored."""
    counter = cast(Counter, current_app.extensions[_EXTENSION])
    silent = sum(refusal.without_content for refusal in export.refusals)
    counter.labels("stored").inc(len(export.incoming))
    counter.labels("without_content").inc(silent)
    counter.labels("rejected").inc(len(export.refusals) - silent)
    counter.labels("ignored").inc(export.ignored)
