"""The page of the pipeline: what waits, what runs, what failed."""

from flask import render_template

from app.pages import access
from app.pages.arguments import project
from app.pages.blueprint import pages
from tasks import snapshot


@pages.get("/pipeline")
def pipeline() -> str:
    services = access.services()
    return render_template(
        "pages/pipeline.html",
        now=snapshot.pipeline(services.engine, project(), services.settings),
        grouping_enabled=services.settings.task_grouping_enabled,
    )
