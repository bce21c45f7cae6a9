"""The blueprint to which the modules of this package add their routes, hooks and error pages."""

from flask import Blueprint

pages = Blueprint("pages", __name__, template_folder="templates", static_folder="assets", static_url_path="/assets")
