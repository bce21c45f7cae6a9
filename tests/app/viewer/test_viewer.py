"""The API to browse."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient


@pytest.fixture
def visitor(web: Flask) -> FlaskClient:
    """A browser without a key."""
    return web.test_client()


def status(visitor: FlaskClient, address: str) -> int:
    with visitor.get(address) as answer:
        return answer.status_code


def test_everything_that_the_page_loads_is_served_by_this_process(visitor: FlaskClient) -> None:
    page = visitor.get("/docs")
    addresses = re.findall(r'(?:src|href|data-description)="([^"#]+)"', page.text)
    assert {"/openapi.json", "/docs/assets/swagger-ui-bundle.js"} < set(addresses)
    assert all(address.startswith("/") for address in addresses)
    assert {status(visitor, address) for address in addresses if address != "/"} == {200}


def test_no_script_of_another_host_may_run(visitor: FlaskClient) -> None:
    policy = visitor.get("/docs").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy


def test_no_file_beside_the_assets_is_served(visitor: FlaskClient) -> None:
    for name in ("../__init__.py", "%2e%2e/__init__.py", "nothing.js"):
        assert status(visitor, f"/docs/assets/{name}") == 404


def test_each_operation_is_about_something(visitor: FlaskClient) -> None:
    described = visitor.get("/openapi.json").json
    known = {tag["name"] for tag in described["tags"]}
    used = {tag for path in described["paths"].values() for operation in path.values() for tag in operation["tags"]}
    assert used == known
    assert {"traces", "tasks", "otlp", "service"} <= known
