"""Recorded requests of each client, for tests without the clients: `tests/app/sender_recordings/NAME.json.gz`."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.senders.running import Outcome
from benchmarks.senders.senders import SENDERS, slug_of

Json = dict[str, Any]
FOLDER = Path(__file__).parents[2] / "tests" / "app" / "sender_recordings"


def as_recording(outcome: Outcome) -> Json:
    """The client's versions, its calls over the wire, its requests to Promptlode, and the traces stored of them."""
    return {
        "sender": outcome.sender.name,
        "versions": outcome.versions,
        "calls": [asdict(exchange) for exchange in outcome.exchanges],
        "requests": [request.as_json() for request in outcome.sent],
        "row": asdict(outcome.row),
    }


def write(recording: Json) -> None:
    """Writes the file; equal recordings give equal files, byte for byte."""
    FOLDER.mkdir(exist_ok=True)
    data = json.dumps(recording, ensure_ascii=False, indent=1).encode()
    (FOLDER / f"{slug_of(recording['sender'])}.json.gz").write_bytes(gzip.compress(data, mtime=0))


def read_recording(slug: str) -> Json:
    return json.loads(gzip.decompress((FOLDER / f"{slug}.json.gz").read_bytes()))


def recorded() -> Iterator[Json]:
    """All recordings, in the order of the senders."""
    return (read_recording(sender.slug) for sender in SENDERS if (FOLDER / f"{sender.slug}.json.gz").exists())
