"""`promptlode webhooks`."""

import json

import pytest
from sqlalchemy import Engine

from app.config import Settings
from app.store.projects import Project
from tests.app.api_helpers import new_key
from tests.app.cli_helpers import Cli


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The operator allowed one host."""
    return settings.model_copy(update={"webhook_hosts": "hooks.example.com"})


def test_a_webhook_is_made_listed_and_deleted(remote: Cli, engine: Engine, project: Project) -> None:
    remote.environment["PROMPTLODE_API_KEY"] = new_key(engine, project.name, "admin")
    assert b"promptlode webhooks create" in remote("webhooks", "list").stdout
    address = "https://hooks.example.com/x"
    created = remote("webhooks", "create", address, "--kind", "version.new", "--json")
    assert b"whsec_" in created.stderr
    (webhook,) = json.loads(remote("webhooks", "list", "--json").stdout)
    assert (webhook["url"], webhook["kinds"]) == (address, ["version.new"])
    assert address.encode() in remote("webhooks", "list").stdout
    assert json.loads(remote("webhooks", "deliveries", webhook["id"], "--json").stdout) == []
    assert remote("webhooks", "delete", webhook["id"]).returncode == 0
    assert remote("webhooks", "delete", webhook["id"]).returncode == 1


def test_a_webhook_to_a_host_that_nobody_allowed_is_refused(remote: Cli, engine: Engine, project: Project) -> None:
    remote.environment["PROMPTLODE_API_KEY"] = new_key(engine, project.name, "admin")
    refused = remote("webhooks", "create", "https://elsewhere.example.com/x")
    assert (refused.returncode, b"WEBHOOK_HOSTS" in refused.stderr) == (2, True)
