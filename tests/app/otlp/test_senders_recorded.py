"""Recorded requests of real clients (see benchmarks/senders) become the calls that the clients made, each once and
exact.
"""

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from benchmarks.senders import recordings
from benchmarks.senders.comparing import Row
from benchmarks.senders.replay import replayed
from benchmarks.senders.senders import SENDERS
from tests.app.api_helpers import client_with, new_key
from tests.app.otlp_helpers import traces

RECORDED = [sender.slug for sender in SENDERS if (recordings.FOLDER / f"{sender.slug}.json.gz").exists()]
SHORT: dict[str, dict[str, Any]] = json.loads((recordings.FOLDER / "short.json").read_text())
"""Clients of which less is stored, with the least of each figure (of duplicates the most), and why."""


@pytest.fixture
def row(request: pytest.FixtureRequest, web: Flask, engine: Engine) -> Row:
    key = new_key(engine, "shop")
    client, anybody = client_with(web, key), web.test_client()

    def send(method: str, path: str, headers: dict[str, str], body: bytes) -> int:
        return anybody.open(path, method=method, data=body, headers=headers).status_code

    result, failed = replayed(recordings.read_recording(request.param), key, send, lambda: traces(client))
    assert failed == []
    return result


@pytest.mark.parametrize(("row", "slug"), [(slug, slug) for slug in RECORDED], indirect=["row"])
def test_every_call_of_a_client_is_stored_once_and_to_the_letter(row: Row, slug: str) -> None:
    short = SHORT.get(slug, {})
    least = {name: short.get(name, row.sent) for name in ("stored", "prompt", "answer", "usage")}
    assert {name for name, count in least.items() if getattr(row, name) < count} == set()
    assert row.duplicates <= short.get("duplicates", 0)


def test_every_client_is_recorded() -> None:
    assert set(RECORDED) == {sender.slug for sender in SENDERS}
