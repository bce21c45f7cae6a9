"""The sample traffic goes through ingest and runs on a real PostgreSQL; the stored templates and values equal those
that made the calls.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from app import sample
from app.config import Settings
from app.intake.prompts import prompt_of
from app.sample import EXPECTED, Truth, truth
from app.store import traces
from app.store.projects import Project
from app.store.tables import template, trace
from app.store.templates import from_parts
from benchmarks.installation import Installation
from benchmarks.score import render, skeleton

NOW = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
CALLS_OF_A_DAY = 960
"""Four runs of each path; `test_grouping_sample.py` has the paths that go wrong most easily in runs of ten calls."""
VERSIONS = {version.template_id: version for task in EXPECTED for version in task.versions}


@pytest.fixture(scope="module")
def bodies() -> list[dict[str, Any]]:
    return list(sample.traces(0, NOW))


@pytest.fixture(scope="module")
def known() -> dict[str, Truth]:
    return truth(0, NOW)


@pytest.fixture
def installation(engine: Engine, settings: Settings, project: Project) -> Installation:
    return Installation(engine, settings, project)


def faults(installation: Installation, known: dict[str, Truth]) -> list[str]:
    """The differences from the truth: free text in a version, tasks, versions, calls, fixed texts and values."""
    calls_of = defaultdict(list)
    for call in installation.calls():
        calls_of[known[call.external_id].template_id].append(call)
    loose = [call.external_id for call in calls_of.pop(None) if call.implementation_id]
    wrong = [f"free chat {name} is in a version" for name in loose]
    for task in EXPECTED:
        ids = {call.task_id for version in task.versions for call in calls_of[version.template_id]}
        wrong += [f"{task.path}: {task.versions[0].template_id} is in {len(ids)} tasks"] if len(ids) != 1 else []
    tasks = {call.task_id for calls in calls_of.values() for call in calls}
    wrong += [f"{len(tasks)} tasks, not {len(EXPECTED)}"] if len(tasks) != len(EXPECTED) else []
    return wrong + [
        fault for template_id, calls in calls_of.items() for fault in version_faults(template_id, calls, known)
    ]


def version_faults(template_id: str, calls: Sequence[Any], known: dict[str, Truth]) -> Iterator[str]:
    expected = VERSIONS[template_id]
    number = next(task.versions.index(expected) + 1 for task in EXPECTED if expected in task.versions)
    versions = Counter((call.version, call.model) for call in calls)
    if versions != {(number, expected.model): expected.calls}:
        yield f"{template_id}: {dict(versions)}, not all {expected.calls} in version {number}"
    by_text = defaultdict(list)
    for call in calls:
        if call.implementation_id:
            by_text[from_parts(call.parts, call.slots).literals].append(call)
    true_literals, true_slots = joined(template_id)
    for literals, calls_of_text in by_text.items():
        true_rows = [[known[call.external_id].variables[slot] for slot in true_slots] for call in calls_of_text]
        rows = [call.variables for call in calls_of_text]
        if (text := skeleton(literals, rows)) != skeleton(true_literals, true_rows):
            yield f"{template_id}: {len(calls_of_text)} calls with the fixed texts {text}"
        pairs = list(zip(rows, true_rows, strict=True))
        if any(render(literals, row) != render(true_literals, true_row) for row, true_row in pairs):
            yield f"{template_id}: a call that does not render back"
        if literals == true_literals and any(row != true_row for row, true_row in pairs):
            yield f"{template_id}: a value that is not the true one"


def joined(template_id: str) -> tuple[tuple[str, ...], list[str]]:
    """The true template as the product keeps it: system and user, joined by NUL."""
    parts = VERSIONS[template_id].parts
    literals, slots = ["\x00" if parts[0].role == "user" else ""], []
    for number, part in enumerate(parts):
        literals[-1] += ("\x00" if number else "") + part.literals[0]
        literals += part.literals[1:]
        slots += part.slots
    return tuple(literals), slots


def test_a_week_read_in_at_once_gives_the_true_tasks_and_values(
    installation: Installation, bodies: list[dict[str, Any]], known: dict[str, Truth]
) -> None:
    installation.take(bodies)

    installation.work()

    assert faults(installation, known) == []


def test_a_week_as_it_happened_gives_the_true_tasks_and_values(
    installation: Installation, client: FlaskClient, bodies: list[dict[str, Any]], known: dict[str, Truth]
) -> None:
    for start in range(0, len(bodies), CALLS_OF_A_DAY):
        installation.take(bodies[start : start + CALLS_OF_A_DAY])
        installation.work()

    assert faults(installation, known) == []
    assert misread(installation, bodies) == []
    assert misread_by_the_api(client, bodies) == []

    # If everything is mined anew, with all templates under review
    installation.work_anew()

    # I expect every text to be the same
    assert misread(installation, bodies) == []


def misread(installation: Installation, bodies: list[dict[str, Any]]) -> list[str]:
    """Calls whose stored input or prompt differs from the sent one in any byte."""
    with installation.engine.connect() as connection:
        rows = connection.execute(select(trace, template.c.parts).outerjoin(template)).all()
    stored = {row.external_id: traces.with_texts(row) for row in rows}
    return [
        body["external_id"]
        for body in bodies
        if orjson.dumps(stored[body["external_id"]].input)
        != orjson.dumps(sent(body, "instructions", "input", "messages"))
        or tuple(stored[body["external_id"]].prompt_parts) != prompt_of(body).parts
    ]


def misread_by_the_api(client: FlaskClient, bodies: list[dict[str, Any]]) -> list[str]:
    """The fields, of every hundredth call, that `GET /api/v1/traces/{id}` does not return as they were sent."""
    wrong = []
    for body in bodies[::100]:
        known_id = client.post("/api/v1/traces", json=body).json["id"]
        read = client.get(f"/api/v1/traces/{known_id}").json
        wrong += [
            name for name in ("instructions", "input", "messages", "tools", "output") if read[name] != body.get(name)
        ]
    return wrong


def sent(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: body[name] for name in names if body.get(name) is not None}
