"""Hints for wrong addresses that exporters build from a setting with too much or too little in it: where they should send."""

from uuid import UUID

from werkzeug.routing import Map

_WHOLE = "OTEL_EXPORTER_OTLP_ENDPOINT takes the address without it, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT the whole one"

_ADDRESSES = {
    "/api/public/otel/v1/traces": "LANGFUSE_HOST takes the address without a path",
    "/api/public/ingestion": "LANGFUSE_HOST takes the address without a path",
    "/api/v1/traces": "one trace or a batch of them, as JSON",
    "/v1/traces": _WHOLE,
    "/v1/metrics": _WHOLE,
    "/v1/logs": _WHOLE,
}
"""Addresses of an endpoint with the hint for paths that end or begin like them; the longest first."""


def where_to(path: str) -> str | None:
    """The hint for this path; None where no known address resembles it."""
    bare = path.rstrip("/")
    if bare in _ADDRESSES and bare != path:
        return f"There is nothing at {bare}/. Send to {bare}, without the slash at its end."
    if (near := next((addresses for addresses in _ADDRESSES if bare.endswith(addresses)), None)) is not None:
        return f"There is nothing here. Send to {near}: {_ADDRESSES[near]}."
    if bare in ("", "/v1", "/v1/trace", "/traces", "/otlp", "/api/public/otel"):
        return (
            f"There is nothing to send to here. Spans go to /v1/traces: {_WHOLE}. Calls as JSON go to /api/v1/traces."
        )
    return None


_ANY_ID = str(UUID(int=0))

_LONGEST_ADDRESS = 8
"""Parts of an address that is looked at: the longest of a route, `/api/v1/implementations/ID/slots/NAME/values`, has seven."""


def which_id(routes: Map, path: str) -> str | None:
    """The hint for an address of a route in which an id is none."""
    parts = path.split("/")
    addresses = routes.bind("")
    for place in range(2, len(parts) if len(parts) <= _LONGEST_ADDRESS + 1 else 0):
        with_id = "/".join([*parts[:place], _ANY_ID, *parts[place + 1 :]])
        if parts[place] and addresses.allowed_methods(with_id):
            return f"What follows /{parts[place - 1]}/ must be an id: a UUID, as the API answers it."
    return None
