"""`promptlode mcp`, asked by the SDK's own client over stdio and over HTTP.

The SDK is imported by the tests that use it: it takes more than a second, and every worker of the tests imports this module.
"""

import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from sqlalchemy import Engine

from app.cli.remote.mcp import KeyCheck
from app.errors import PromptlodeError
from app.store import changes, rollup
from app.store.engine import transaction
from tests.app.api_helpers import new_key
from tests.app.grouping_world import World, triage, triage_edited, words

if TYPE_CHECKING:
    from mcp import Client

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def address(url: str) -> Iterator[str]:
    """The address of streamable HTTP."""
    from app.cli.remote.mcp_server import http_server

    server = http_server(url, KeyCheck(url), "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        server.should_exit = True
        thread.join()


@pytest.fixture
def key(world: World, engine: Engine) -> str:
    """A key of a project with a task of two versions."""
    group = world.group("/support/triage")
    for make, numbers in ((triage, range(12)), (triage_edited, range(20, 40))):
        group.send(map(make, numbers))
        group.run()
        with transaction(engine) as connection:
            changes.note_versions(connection)
            rollup.add_up(connection)
    return new_key(engine, "shop")


@asynccontextmanager
async def over_http(address: str, key: str) -> "AsyncIterator[Client]":
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http)) as client,
    ):
        yield client


@asynccontextmanager
async def over_stdio(url: str, key: str) -> "AsyncIterator[Client]":
    from mcp import Client, StdioServerParameters

    environment = {"PROMPTLODE_URL": url, "PROMPTLODE_API_KEY": key}
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "app.cli", "mcp"], env=environment)
    async with Client(parameters) as client:
        yield client


async def call_tool(client: "Client", tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_an_agent_finds_a_task_its_text_its_edit_and_its_calls(
    url: str, address: str, key: str, transport: str
) -> None:
    async def look() -> None:
        connected = over_stdio(url, key) if transport == "stdio" else over_http(address, key)
        async with connected as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert tools >= {"list_tasks", "show_task", "diff_versions", "calls_by_slot_value", "costs", "changes"}
            [task] = (await call_tool(client, "list_tasks"))["tasks"]
            shown = await call_tool(client, "show_task", task=task["id"])
            assert "{{ticket}}" in shown["versions"][-1]["template"][-1]["text"]
            edit = await call_tool(client, "diff_versions", task=task["name"], from_version=1, to_version=2)
            assert any(piece["change"] == "added" for piece in edit["template"][-1]["pieces"])
            assert await call_tool(client, "diff_versions", task=task["name"]) == edit
            answer = await call_tool(client, "calls_by_slot_value", task=task["id"], slot="ticket", value=words(3))
            assert [call["variables"] for call in answer["calls"]] == [{"ticket": words(3)}]
            costs = await call_tool(client, "costs", task=task["id"], since="2025-12-01", until="2026-12-31")
            assert (costs["days"][-1]["calls"], costs["text_in_use"]["calls"]) == (20, 20)
            assert "fixed" in (await call_tool(client, "costs", task=task["id"]))["text_in_use"]
            assert [change["kind"] for change in (await call_tool(client, "changes"))["changes"]] == [
                "version.new",
                "task.new",
            ]
            assert (await call_tool(client, "changes", since="2w", until="yesterday"))["changes"] == []
            unknown = await client.call_tool("list_tasks", {"query": "invoice"})
            assert unknown.is_error
            message = unknown.content[0].text  # type: ignore[union-attr]
            assert (
                "query: Is an unknown field; remove it. Arguments of this tool: search, path, sort, limit." in message
            )
            lacking = await client.call_tool("calls_by_slot_value", {"task": task["id"], "slot": "zz", "value": "x"})
            assert "The task has no slot zz. Its slots: ticket." in lacking.content[0].text  # type: ignore[union-attr]
            wrong = await client.call_tool("show_task", {"task": "nothing like it"})
            assert wrong.is_error
            assert "No task has the id, name or path" in wrong.content[0].text  # type: ignore[union-attr]

    anyio.run(look)


def test_over_http_each_request_brings_its_own_key(address: str, key: str, engine: Engine) -> None:
    import httpx2

    other_key = new_key(engine, "another")

    async def look() -> None:
        for authorization in ({}, {"Authorization": "Bearer pl_wrong"}):
            async with httpx2.AsyncClient(headers=authorization) as http:
                assert (await http.post(address, json={})).status_code == 401
        async with over_http(address, other_key) as client:
            assert (await call_tool(client, "list_tasks"))["tasks"] == []

    anyio.run(look)


def test_an_address_that_cannot_be_served_at_is_named_with_the_options(url: str) -> None:
    from app.cli.remote.mcp_server import serve

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PromptlodeError, match=f"Cannot serve at 127.0.0.1, port {port}: .*--host and --port"):
            serve(url, KeyCheck(url), "127.0.0.1", port)
