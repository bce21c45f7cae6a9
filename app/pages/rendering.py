"""The filters, functions and values of the request that every template of the pages may use."""

from typing import Any

from flask import Flask, g

from app.pages import access, addresses
from app.pages.arguments import notes_of_address
from app.pages.blueprint import pages
from app.pages.drawing import DRAWN
from app.pages.filters import FILTERS
from app.pages.listing import drawn_rows
from app.reading.pieces import marks, one_line
from app.words import dollars, short


def install(app: Flask) -> None:
    """Give the templates of the app the words, drawings and addresses that pages use."""
    app.jinja_env.filters.update(FILTERS | {"marks": marks, "one_line": one_line})
    app.jinja_env.globals.update(DRAWN | {"drawn_rows": drawn_rows})


@pages.context_processor
def common_values() -> dict[str, Any]:
    return {
        "visitor": g.get("visitor"),
        "form_token": access.form_token,
        "asset": addresses.asset,
        "is_open": access.is_open,
        "args_read": addresses.args_read,
        "here": addresses.here,
        "here_with": addresses.here_with,
        "to_task": addresses.to_task,
        "notes_of_address": notes_of_address,
        "query": addresses.query,
        "short": short,
        "dollars": dollars,
    }
