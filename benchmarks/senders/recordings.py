"""What each client sent, kept for tests that need none of the clients: `tests/app/sender_recordings/NAME.json.gz`."""

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
    """Its versions, its calls as they went over the wire, its requests to Promptlode, and what was stored of them."""
    return {
        "sender": outcome.sender.name,
        "versions": outcome.versions,
        "calls": [asdict(exchange) for exchange in outcome.exchanges],
        "requests": [sent.as_json() for sent in outcome.sent],
        "row": asdict(outcome.row),
    }


def write(recording: Json) -> None:
    """The same recording gives the same file, byte for byte."""
    FOLDER.mkdir(exist_ok=True)
    data = json.dumps(recording, ensure_ascii=False, indent=1).encode()
    (FOLDER / f"{slug_of(recording['sender'])}.json.gz").write_bytes(gzip.compress(data, mtime=0))


def read(slug: str) -> Json:
    return json.loads(gzip.decompress((FOLDER / f"{slug}.json.gz").read_bytes()))


def recorded() -> Iterator[Json]:
    """Every recording there is, in the order of the senders."""
    return (read(sender.slug) for sender in SENDERS if (FOLDER / f"{sender.slug}.json.gz").exists())
