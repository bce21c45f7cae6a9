"""Flower is never open to the network, and no message is ever code."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from kombu.exceptions import ContentDisallowed
from kombu.serialization import dumps, loads

import tasks.flower
from tasks.celery import app
from tasks.flower.guard import check


def options(**chosen: object) -> SimpleNamespace:
    return SimpleNamespace(**({"basic_auth": None, "auth": "", "unix_socket": "", "address": ""} | chosen))


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "192.0.2.1", "flower.example"])
def test_flower_without_a_login_is_not_served_to_the_network(address: str) -> None:
    with pytest.raises(SystemExit, match="FLOWER_BASIC_AUTH"):
        check(options(address=address))
    check(options(address=address, basic_auth=["anna:secret"]))
    check(options(address=address, auth=".*@example[.]com"))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_flower_without_a_login_is_served_to_this_machine(address: str) -> None:
    check(options(address=address))


@pytest.mark.parametrize("serializer", ["pickle", "yaml"])
def test_celery_takes_json_and_nothing_else(serializer: str) -> None:
    assert app.conf.accept_content == ["json"]
    assert (app.conf.task_serializer, app.conf.event_serializer) == ("json", "json")
    content_type, encoding, data = dumps({"group": "x"}, serializer=serializer)
    with pytest.raises(ContentDisallowed):
        loads(data, content_type, encoding, accept=app.conf.accept_content)


def test_our_page_in_flower_trusts_no_text() -> None:
    page = (Path(tasks.flower.__file__).parent / "grouping.html").read_text(encoding="utf-8")
    assert "{% raw" not in page
    assert "autoescape" not in page
