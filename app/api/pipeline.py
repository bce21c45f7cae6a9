"""GET of what the pipeline is doing."""

from flask import Response

from app.api.shapes import Pipeline
from app.http.answer import json_answer
from app.http.routes import Routes
from app.http.services import services
from app.store.keys import KeyHolder
from tasks.snapshot import pipeline

routes = Routes("pipeline")


@routes.route("GET", "/api/v1/pipeline", scope="read", answers={200: Pipeline})
def show_pipeline(holder: KeyHolder) -> Response:
    """Queue, owed traces, counters, workers and last runs: of the key's project, of all projects for an operator's key."""
    project_id = None if holder.may("operator") else holder.project_id
    return json_answer(pipeline(services().engine, project_id, services().settings))
