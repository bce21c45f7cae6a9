"""Writes the matrix into docs/ingest.md and each client's settings into docs/senders.md, from the recordings."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.ingest.tables import table
from benchmarks.senders import recordings
from benchmarks.senders.running import PROGRAMS
from benchmarks.senders.senders import SENDERS, Sender

DOCS = Path(__file__).parents[2] / "docs"
_MATRIX = re.compile(r"(<!-- senders -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = ("client", "sent", "stored", "prompt exact", "answer", "usage", "twice", "conversation", "paths", "")

_INTRODUCTION = """# Every client, as it was run

`make senders ARGS=--record` writes this page: it runs each of these programs against a stand-in for the model and a running Promptlode. The
figures stand in [ingest](ingest.md#what-each-client-sends). `$URL` is Promptlode, `$KEY` an [API key](api.md#keys). Texts come from
`benchmarks/senders/programs/calls.py`, calls of OpenAI's client from `asking.py` beside it.
"""


def matrix(recordings_held: Iterable[dict[str, Any]]) -> str:
    """One row a client."""
    notes = {sender.name: sender.note for sender in SENDERS}
    return table(HEAD, [_cells(recording, notes[recording["sender"]]) for recording in recordings_held])


def _cells(recording: dict[str, Any], note: str) -> list[object]:
    row = recording["row"]
    figures = [row[name] for name in ("sent", "stored", "prompt", "answer", "usage", "duplicates", "conversation")]
    paths = ", ".join(f"`{path}`" for path in row["paths"][:3]) + (" ..." if len(row["paths"]) > 3 else "")
    return [f"[{recording['sender']}](senders.md#{_anchor(recording['sender'])})", *figures, paths, note]


def _anchor(name: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-")


def write() -> None:
    """Writes both documents from all recordings."""
    recordings_held = list(recordings.recorded())
    ingest = DOCS / "ingest.md"
    text = ingest.read_text(encoding="utf-8")
    ingest.write_text(
        _MATRIX.sub(lambda match: f"{match[1]}{matrix(recordings_held)}\n{match[2]}", text), encoding="utf-8"
    )
    versions = {recording["sender"]: recording["versions"] for recording in recordings_held}
    sections = [_section(sender, versions[sender.name]) for sender in SENDERS if sender.name in versions]
    (DOCS / "senders.md").write_text("\n".join([_INTRODUCTION, *sections]), encoding="utf-8")


def _section(sender: Sender, versions: dict[str, str]) -> str:
    """Packages with the releases that were tried, settings, and the program."""
    names = {"url": "$URL", "key": "$KEY"}
    exports = [f'export {name}="{value.format(**names)}"' for name, value in sender.settings.items()]
    packages = " ".join(f"'{package}'" if set(package) & set("<[") else package for package in sender.packages)
    code = (PROGRAMS / sender.program).read_text(encoding="utf-8").strip()
    program = " ".join([*sender.launcher, sender.program, *sender.arguments])
    tried = ", ".join(f"{name} {version}" for name, version in versions.items())
    shell = "\n".join([f"pip install {packages}", *exports, program])
    return f"## {sender.name}\n\n```sh\n{shell}\n```\n```python\n{code}\n```\n\nTried with {tried}.\n"


if __name__ == "__main__":
    write()
