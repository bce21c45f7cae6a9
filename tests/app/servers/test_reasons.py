"""The reasons why a server cannot be used: real servers' errors in our sentences, without any value of an error."""

import pytest
import redis
from sqlalchemy import make_url

from app import health
from app.config import Settings
from app.local.valkey import ValkeyServer

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"database": f"no-{SECRET}"}, "There is no such database"),
        ({"username": f"no-{SECRET}"}, "refuses the password"),
        ({"host": f"{SECRET}.invalid"}, "has no address"),
        ({"port": 1}, "Nobody listens"),
        ({"query": {"sslmode": "require"}}, "speaks no TLS"),
    ],
    ids=str,
)
def test_a_database_that_cannot_be_reached_says_why(settings: Settings, changed: dict, reason: str) -> None:
    url = make_url(settings.database_url).set(**changed).render_as_string(hide_password=False)
    assert_said(health.checks(settings.model_copy(update={"database_url": url}))["database"], reason)


@pytest.fixture
def valkey_with_a_user(own_valkey: ValkeyServer) -> str:
    """The server's host and port; the user anna may read."""
    with redis.Redis.from_url(own_valkey.url()) as client:
        client.execute_command("ACL", "SETUSER", "anna", "on", f">{SECRET}", "~*", "+@read", "+@connection")
    return own_valkey.url().rpartition("@")[2].removeprefix("redis://").partition("/")[0]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"redis://anna:not-{SECRET}@{{}}/0", "refuses the user or the password"),
        (f"redis://anna:{SECRET}@{{}}/0", "may not do what we need"),
        (f"redis://anna:{SECRET}@{{}}/99", "no such database"),
        ("rediss://{}/0", "speaks no TLS"),
        (f"redis://{SECRET}.invalid/0", "has no address"),
        ("redis://127.0.0.1:1/0", "Nobody listens"),
    ],
    ids=["password", "rights", "database", "tls", "name", "port"],
)
def test_a_redis_that_cannot_be_used_says_why(valkey_with_a_user: str, url: str, reason: str) -> None:
    assert_said(health.redis(Settings(redis_url=url.format(valkey_with_a_user))), reason)


def assert_said(check: health.Check, reason: str) -> None:
    assert reason in check.detail
    assert not check.ok
    assert SECRET not in check.detail
