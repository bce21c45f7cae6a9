"""`promptlode mcp`."""

import time

import rich_click as click

from app.cache import Cache
from app.cli.numbers import Whole
from app.cli.remote.access import Access
from app.cli.remote.api import Api
from app.cli.remote.errors import ApiError
from app.cli.remote.options import connected
from app.errors import PromptlodeError

REMEMBERED = 1_000
"""Keys kept, each some 100 bytes; a forgotten one costs a request to the API."""

SECONDS_REMEMBERED = 30.0
"""Seconds for which a valid key is accepted without asking the API, which does the same."""


class NoMcpError(PromptlodeError):
    """The SDK of the Model Context Protocol is not installed: pip install 'promptlode[mcp]'."""


@click.command()
@click.option("--http", is_flag=True, help="Serve streamable HTTP, at /mcp, in place of stdio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that --http binds to.")
@click.option("--port", type=Whole(0, 65535), default=8765, show_default=True, help="Port of --http; 0: a free one.")
@connected
def mcp(api: Api, http: bool, host: str, port: int) -> None:
    """Serve the Model Context Protocol: coding agents ask which prompts an app really sends.

    Over stdio with the key of this command. With --http each request brings its own key, as Authorization: Bearer KEY.
    """
    try:
        from app.cli.remote import mcp_server
    except ImportError:
        raise NoMcpError(NoMcpError.__doc__) from None
    if not http:
        mcp_server.server_of(api.access.url, api.access.key).run()
        return
    mcp_server.serve(api.access.url, KeyCheck(api.access.url), host, port)


class KeyCheck:
    """Checks whether a key may read."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: Cache[str, float] = Cache(REMEMBERED, SECONDS_REMEMBERED)

    def __call__(self, key: str) -> bool:
        if self._known.fresh(key) is not None:
            return True
        try:
            Api(Access(self._url, key)).get("/api/v1/tasks", {"limit": 1})
        except ApiError:
            return False
        self._known.keep(key, time.monotonic())
        return True
