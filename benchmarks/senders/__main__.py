"""Real clients against a running Promptlode: how many of their calls are stored, and how exactly.

    python -m benchmarks.senders [WORD ...] [--record | --replay] [--log FOLDER]

Every client is run by nothing but the settings of its own documentation, in an environment of its own that uv makes (`pip install uv`;
a few gigabytes in uv's cache, and the network for the first run). --record stores each client's requests for the tests, and writes the matrix
and the settings into the documents. --replay runs no client: it sends the recorded requests again, and writes the same documents.
"""

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.ingest.load import Target
from benchmarks.ingest.world import World, world
from benchmarks.senders import documents, recordings
from benchmarks.senders.replay import replayed
from benchmarks.senders.running import Outcome, SkippedError, tried
from benchmarks.senders.senders import SENDERS, Sender

WEB = "app.front:create"
Json = dict[str, Any]


def main() -> int:
    options = _options()
    senders = [sender for sender in SENDERS if _is_wanted(sender, options.words)]
    with world() as servers:
        target = servers.serve(WEB)
        outcomes = (
            _replayed(servers, target, senders) if options.replay else _run(servers, target, senders, options.log)
        )
        outcomes_held = list(_write_each(outcomes) if options.record or options.replay else outcomes)
    if options.record or options.replay:
        documents.write()
    print("\n" + documents.matrix(outcomes_held))
    return 0 if len(outcomes_held) == len(senders) else 1


def _write_each(outcomes: Iterator[Json]) -> Iterator[Json]:
    """Writes each recording at once: a run of all clients takes long, and may be ended early."""
    for recording in outcomes:
        recordings.write(recording)
        yield recording


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only clients whose name holds one; all by default")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--record", action="store_true", help="keep what was sent, and write the documents")
    source.add_argument(
        "--replay", action="store_true", help="run no client: send what was kept, and write the documents"
    )
    parser.add_argument(
        "--log", type=Path, metavar="FOLDER", help="write there what each client printed and what was stored"
    )
    return parser.parse_args()


def _is_wanted(sender: Sender, words: list[str]) -> bool:
    return not words or any(word.lower() in sender.name.lower() for word in words)


def _run(servers: World, target: Target, senders: list[Sender], log: Path | None) -> Iterator[Json]:
    """Runs one client after the other, each with a project of its own."""
    for sender in senders:
        key = servers.new_key(sender.slug)
        try:
            outcome = tried(sender, target, key, lambda key=key: _stored_traces(target, key))  # type: ignore[misc]
        except SkippedError as error:
            _say(f"SKIPPED {sender.name}: {error}")
            continue
        _tell(outcome)
        if log:
            _log(outcome, log, _stored_traces(target, key))
        yield recordings.as_recording(outcome)


def _replayed(servers: World, target: Target, senders: list[Sender]) -> Iterator[Json]:
    """Sends each client's recorded requests again."""
    for sender in senders:
        key = servers.new_key(sender.slug)
        recording = recordings.read_recording(sender.slug)
        row, failed = replayed(recording, key, partial(_send, target), partial(_stored_traces, target, key))
        _say(f"{sender.name}: {row} {' '.join(failed)}")
        yield recording | {"row": asdict(row)}


def _send(target: Target, method: str, path: str, headers: dict[str, str], body: bytes) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{target.port}{path}", body or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _tell(outcome: Outcome) -> None:
    """Prints a client's outcome at once; for a client that fails, the client's own error."""
    _say(f"{outcome.sender.name}: {outcome.row}")
    if outcome.returncode:
        _say(f"  ended with {outcome.returncode}:\n{outcome.log[-2000:]}")
    for answer in sorted({f"{request.path} {request.status}" for request in outcome.sent if request.status >= 400}):
        _say(f"  answered: {answer}")


def _log(outcome: Outcome, folder: Path, traces: list[Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{outcome.sender.slug}.log").write_text(outcome.log, encoding="utf-8")
    recording = recordings.as_recording(outcome) | {"traces": traces}
    (folder / f"{outcome.sender.slug}.json").write_text(
        json.dumps(recording, ensure_ascii=False, indent=1), encoding="utf-8"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _stored_traces(target: Target, key: str) -> list[Any]:
    """Every trace of a project in full, oldest first."""
    items = _get(target, key, "/api/v1/traces?limit=200")["items"]
    return [_get(target, key, f"/api/v1/traces/{item['id']}") for item in reversed(items)]


def _get(target: Target, key: str, path: str) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"http://127.0.0.1:{target.port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    sys.exit(main())
