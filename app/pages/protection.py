"""The protection of every page: the limit of requests, the login, the token of forms, and the headers of answers."""

from http import HTTPStatus

from flask import Response, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.http.services import services
from app.pages import access
from app.pages.addresses import asset_mark
from app.pages.blueprint import pages

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

WITHOUT_LOGIN = frozenset({"pages.login", "pages.do_login", "pages.static", "pages.changes_atom"})


@pages.before_request
def _not_too_often() -> None:
    if request.endpoint != "pages.static":
        services().limiter.take_page()


@pages.before_request
def _only_for_visitors() -> AnyResponse | str | None:
    """Redirect requests without a visitor to the login page, which leads back afterwards."""
    if request.endpoint in WITHOUT_LOGIN:
        return None
    with access.reading() as connection:
        g.visitor = access.visitor(connection)
    if g.visitor is not None:
        return None
    if access.is_open():
        return render_template("pages/no_project.html")
    address = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("pages.login", next=address if address != "/" else None))


@pages.before_request
def _only_own_forms() -> None:
    if request.method == "POST" and not access.is_own_form():
        abort(
            HTTPStatus.BAD_REQUEST, "This form is too old, or your browser keeps no cookies for this site. Try again."
        )


@pages.after_request
def protected(response: Response) -> Response:
    """Keep answers out of shared caches and frames, and let pages load nothing from other hosts."""
    response.headers.update(HEADERS)
    is_marked_asset = request.endpoint == "pages.static" and request.args.get("v") == asset_mark()
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if is_marked_asset else "private, no-store"
    )
    return response
