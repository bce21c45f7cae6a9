"""The addresses that pages link to: this page with other parameters, a task, an asset."""

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode
from uuid import UUID

from flask import g, request, url_for

from app.pages.arguments import names_read


def here(**changes: object) -> str:
    """The address of this page with some parameters changed; None removes one. The page has read its parameters when it asks for this."""
    args = {name: value for name, value in (args_read() | changes).items() if value not in {None, ""}}
    if "here" not in g:  # a list needs a hundred addresses, and the router takes longer than all the rest
        g.here = url_for(request.endpoint or "pages.task_list", **(request.view_args or {}))
    return f"{g.here}{query(args)}"


def args_read() -> dict[str, str]:
    """The parameters of the address that the page has read: links and forms repeat no others."""
    return {name: value for name, value in request.args.items() if name in names_read()}


def here_with(name: str) -> Callable[[str], str]:
    """The addresses of the first page of this list with any value of one parameter."""
    address = here(**{name: None, "after": None})
    begin = f"{address}{'&' if '?' in address else '?'}{name}="
    return lambda value: begin + quote_plus(value)


def to_task(task_id: UUID) -> str:
    """The address of a task's page."""
    if "to_task" not in g:
        g.to_task = url_for("pages.task", task_id="-").removesuffix("-")
    return f"{g.to_task}{task_id}"


def query(args: Mapping[str, Any]) -> str:
    """A query string, with its question mark."""
    return f"?{urlencode(args)}" if args else ""


def asset(name: str) -> str:
    """The address of an asset with a digest of its content, so that browsers may keep it until it changes."""
    return url_for("pages.static", filename=name, v=asset_mark())


@cache
def asset_mark() -> str:
    """A digest of all assets."""
    files = sorted((Path(__file__).parent / "assets").iterdir())
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]
