"""The ingest benchmark sends known calls that are matched, by either way in."""

from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select

from app.store.engine import transaction
from app.store.projects import Project
from app.store.tables import trace
from benchmarks.ingest import traffic
from benchmarks.ingest.world import World


def test_calls_of_the_benchmark_are_matched_alike_as_a_batch_and_as_an_export(
    engine: Engine, project: Project, client: FlaskClient, tmp_path: Path
) -> None:
    # Given a path of which a run has found templates
    world = World(tmp_path)
    world.engine, world.project_id = engine, project.id
    known = traffic.templates(20)
    world.know("/benchmark", known)
    calls = traffic.calls("/benchmark", known, 50, 2_000)

    # If its calls come as a batch and as spans
    for body, address, kind in (
        (traffic.batches(calls)[0], "/api/v1/traces", "application/json"),
        (traffic.export(calls), "/v1/traces", "application/x-protobuf"),
    ):
        assert client.post(address, data=body, content_type=kind).status_code in (200, 207)

    # I expect all but one in ten of each to be calls of a template, with the same values
    with transaction(engine) as connection:
        values = select(trace.c.variables, func.count()).where(trace.c.template_id.is_not(None))
        counts = [row[1] for row in connection.execute(values.group_by(trace.c.template_id, trace.c.variables))]
    assert sum(counts) == 2 * 45
    assert all(count % 2 == 0 for count in counts)
