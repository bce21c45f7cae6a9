"""Addresses that exporters make of a setting that holds too much or too little, and where they should send."""

_WHOLE = "OTEL_EXPORTER_OTLP_ENDPOINT takes the address without it, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT the whole one"

# Where something can be sent, and what to say to whoever nearly does; the longest first.
_ADDRESSES = {
    "/api/public/otel/v1/traces": "LANGFUSE_HOST takes the address without a path",
    "/api/public/ingestion": "LANGFUSE_HOST takes the address without a path",
    "/api/v1/traces": "one trace or a batch of them, as JSON",
    "/v1/traces": _WHOLE,
    "/v1/metrics": _WHOLE,
    "/v1/logs": _WHOLE,
}


def where_to(path: str) -> str | None:
    """What to do instead of asking for this path; None where nothing is near it."""
    bare = path.rstrip("/")
    if bare in _ADDRESSES and bare != path:
        return f"There is nothing at {bare}/. Send to {bare}, without the slash at its end."
    if (near := next((known for known in _ADDRESSES if bare.endswith(known)), None)) is not None:
        return f"There is nothing here. Send to {near}: {_ADDRESSES[near]}."
    if bare in ("", "/v1", "/v1/trace", "/traces", "/otlp", "/api/public/otel"):
        return (
            f"There is nothing to send to here. Spans go to /v1/traces: {_WHOLE}. Calls as JSON go to /api/v1/traces."
        )
    return None
