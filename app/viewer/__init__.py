"""The API to browse at `/docs`: Swagger UI over openapi.json, served by this process alone.

`assets/swagger-ui*` are of the npm package swagger-ui-dist 5.35.0 (Apache 2.0), without the references to source maps. The page loads
nothing from other hosts, so it works without a network, and no other host sees its readers.
"""

from pathlib import Path

from flask import Blueprint, Flask, Response, make_response, render_template, send_from_directory

ASSETS = Path(__file__).parent / "assets"

HEADERS = {
    # Swagger UI sets styles on elements and draws its icons from data: addresses; scripts and requests stay with this server.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

viewer = Blueprint("viewer", __name__, template_folder="templates")


@viewer.get("/docs")
def page() -> Response:
    """The viewer. It holds nothing of any project, so it needs no key."""
    return make_response(render_template("viewer/page.html"))


@viewer.get("/docs/assets/<path:name>")
def asset(name: str) -> Response:
    """A script or style of the viewer."""
    return send_from_directory(ASSETS, name, max_age=3600)


@viewer.after_request
def _with_headers(answer: Response) -> Response:
    answer.headers.update(HEADERS)
    return answer


def install(app: Flask) -> None:
    """Add `/docs` to an app."""
    app.register_blueprint(viewer)
