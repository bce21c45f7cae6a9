"""The way in and out: login with an API key, and the choice of a project in local mode."""

from http import HTTPStatus

from flask import abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.http.services import services
from app.pages import access
from app.pages.arguments import id_or_404, whole_argument
from app.pages.blueprint import pages


@pages.get("/login")
def login() -> str | tuple[str, int]:
    if not access.can_log_in():
        return render_template("pages/login.html", problem="no secret key"), HTTPStatus.SERVICE_UNAVAILABLE
    return render_template("pages/login.html", target=access.own_page(whole_argument("next")))


@pages.post("/login")
def do_login() -> AnyResponse | tuple[str, int]:
    target = access.own_page(request.form.get("next"))
    services().limiter.check_failures()
    with access.reading() as connection:
        problem = access.log_in(connection, request.form.get("key", ""))
    if problem:
        services().limiter.failed()
        return render_template("pages/login.html", target=target, problem=problem), HTTPStatus.FORBIDDEN
    return redirect(f"{request.script_root}{target}", HTTPStatus.SEE_OTHER)


@pages.post("/logout")
def logout() -> AnyResponse:
    access.log_out()
    return redirect(url_for("pages.login"), HTTPStatus.SEE_OTHER)


@pages.post("/project")
def choose_project() -> AnyResponse:
    """Show another project, in local mode."""
    project_id = id_or_404(request.form.get("project", ""))
    if project_id not in {project.id for project in g.visitor.choices}:
        abort(HTTPStatus.NOT_FOUND)
    access.choose_project(project_id)
    return redirect(url_for("pages.task_list"), HTTPStatus.SEE_OTHER)
