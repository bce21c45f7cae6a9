"""Webhooks against a real HTTP server that fails, hangs, redirects and comes back."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from grouping_world import World, triage, triage_edited
from sqlalchemy import func, update

from app.config import Settings
from app.hooks import delivering, sending
from app.hooks.addresses import Allowed, NotAllowedError
from app.hooks.delivering import Deliverer
from app.hooks.sending import NotDeliveredError
from app.store import changes, webhooks
from app.store.engine import transaction
from app.store.ids import first_id_of
from app.store.tables import change, task, webhook, webhook_delivery
from tests.app.api_helpers import assert_problem, client_with, new_key

DOCS = (Path(__file__).parents[3] / "docs" / "changes.md").read_text(encoding="utf-8")


class Receiver:
    """A server that keeps its requests and answers by `behave`: a status, or a function of the handler."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.behave: int | Callable[[BaseHTTPRequestHandler], None] = 200
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                if callable(receiver.behave):
                    receiver.behave(self)
                else:
                    self.send_response(receiver.behave)
                    self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[Any]:
        return [orjson.loads(body) for _, body in self.got]

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    """Settings that allow webhooks to this machine."""
    changed = {"webhook_hosts": "127.0.0.1", "webhook_networks": "127.0.0.0/8", "webhook_delay": 0.0}
    return settings.model_copy(update=changed)


@pytest.fixture
def allowing(open_settings: Settings, webs: Callable[[Settings], Flask], world: World) -> FlaskClient:
    """An admin of an application that allows them."""
    return client_with(webs(open_settings), new_key(world.engine, "shop", "admin"))


@pytest.fixture
def deliverer(world: World, open_settings: Settings) -> Deliverer:
    return Deliverer(world.engine, open_settings)


INSIDE = Allowed(["127.0.0.1"], [ip_network("127.0.0.0/8")])


def created(client: FlaskClient, url: str, **fields: Any) -> Any:
    answer = client.post("/api/v1/webhooks", json={"url": url} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json


def log(client: FlaskClient, hook: Any) -> list[Any]:
    return client.get(f"/api/v1/webhooks/{hook['id']}/deliveries").json["items"]


def new_task(world: World, path: str = "/support/triage", prompts: Callable[[int], str] = triage) -> None:
    group = world.group(path)
    group.send(map(prompts, range(12)))
    group.run()
    with transaction(world.engine) as connection:
        changes.note_versions(connection)


def due_again(world: World) -> None:
    """Ends the pause after a failure."""
    with transaction(world.engine) as connection:
        for table in (webhook, webhook_delivery):
            connection.execute(update(table).values(next_at=func.clock_timestamp()))


def test_a_receiver_written_from_the_docs_verifies_the_signature(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer
) -> None:
    hook = created(allowing, receiver.url)
    new_task(world)
    assert deliverer.deliver() == 1
    documented: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", DOCS, re.S)[0], documented)
    [(headers, body)] = receiver.got
    is_genuine = documented["is_genuine"]
    assert is_genuine(hook["secret"], headers["Promptlode-Signature"], body, tolerance=3600)
    assert not is_genuine(hook["secret"], headers["Promptlode-Signature"], body + b" ", tolerance=3600)
    assert not is_genuine("whsec_another", headers["Promptlode-Signature"], body, tolerance=3600)
    assert re.fullmatch(r"t=\d+, v1=[0-9a-f]{64}", headers["Promptlode-Signature"])


def test_no_word_of_a_prompt_is_sent_unless_that_was_chosen(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer
) -> None:
    created(allowing, receiver.url)
    new_task(world)
    new_task(world, prompts=triage_edited)
    deliverer.deliver()
    kinds = [body["kind"] for body in receiver.bodies]
    assert kinds == ["task.new", "version.new"]
    for word in ("ticket", "Classify", "doubt", "amber"):
        assert not any(word in body.decode() for _, body in receiver.got)
    receiver.got.clear()
    created(allowing, receiver.url, include_text=True)
    new_task(world, "/other")
    deliverer.deliver()
    assert [b"Classify" in body for _, body in receiver.got].count(True) == 1


def test_settings_that_vary_from_call_to_call_are_one_message(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer
) -> None:
    created(allowing, receiver.url, kinds=["version.new"])
    new_task(world)
    for number in range(10):
        world.group("/support/triage").send([triage(100 + number)], temperature=number / 20)
        with transaction(world.engine) as connection:
            changes.note_versions(connection)
    assert deliverer.deliver() == 1
    [body] = receiver.bodies
    assert body["summary"].startswith("10 settings of a task on /support/triage on one day, from version 2 on")
    assert (body["details"]["settings"], body["details"]["varying"]) == (10, ["temperature"])


def test_a_slack_message_mentions_nobody_and_makes_no_link(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer
) -> None:
    created(allowing, receiver.url, format="slack", include_text=True)
    new_task(world, "/x<!channel>@all&<https://evil.example|here>")
    with transaction(world.engine) as connection:
        connection.execute(update(task).values(name="<@U123> `rm`"))
    deliverer.deliver()
    [text] = [body["text"] for body in receiver.bodies]
    assert not re.search(r"<|>|&(?!amp;|lt;|gt;)|@(?!\u200b)|`", text)


def test_a_receiver_that_fails_gets_it_again_when_it_is_back_with_the_same_ids(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer
) -> None:
    hook = created(allowing, receiver.url)
    receiver.behave = 503
    new_task(world)
    assert deliverer.deliver() == 0
    [waiting] = log(allowing, hook)
    assert (waiting["state"], waiting["attempts"], waiting["status"]) == ("waiting", 1, 503)
    assert waiting["next_at"] > waiting["attempted_at"]
    assert deliverer.deliver() == 0, "its pause is not over"
    receiver.behave = 204
    due_again(world)
    assert deliverer.deliver() == 1
    assert [item["state"] for item in log(allowing, hook)] == ["delivered"]
    (first, body), (second, second_body) = receiver.got
    assert body == second_body
    assert first["Promptlode-Delivery"] == second["Promptlode-Delivery"] == waiting["id"]
    [listed] = allowing.get("/api/v1/webhooks").json["items"]
    assert (listed["failures"], listed["waiting"], "secret" in listed) == (0, 0, False)


def test_a_redirect_to_a_private_address_is_not_followed(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer
) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", f"http://127.0.0.1:{receiver.port}/inside")
        handler.end_headers()

    hook = created(allowing, receiver.url)
    receiver.behave = elsewhere
    new_task(world)
    assert deliverer.deliver() == 0
    assert len(receiver.got) == 1
    assert log(allowing, hook)[0]["problem"] == "The host answered 307: a redirect, which is not followed."


def test_a_host_that_hangs_is_cut_off_and_keeps_no_other_waiting(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ALL_SECONDS", 3.0)  # the other host answers within them on any machine
    hanging = Receiver()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        """Sends a byte now and then, for ever: no single pause is long enough to be a timeout."""
        for byte in iter(lambda: b"H", None):
            if hanging.released.wait(0.02):
                return
            try:
                handler.wfile.write(byte)
            except OSError:
                return

    hanging.behave = drip
    slow, quick = created(allowing, hanging.url), created(allowing, receiver.url)
    new_task(world)
    begun = time.monotonic()
    assert deliverer.deliver() == 1
    hanging.close()
    assert time.monotonic() - begun < 60
    assert [log(allowing, hook)[0]["state"] for hook in (slow, quick)] == ["waiting", "delivered"]


def test_a_host_that_hangs_holds_up_no_further_change_of_another(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host hangs until the other one has both changes."""
    monkeypatch.setattr(sending, "ALL_SECONDS", 120.0)
    monkeypatch.setattr(delivering, "SECONDS_OF_A_ROW", 120.0)
    hanging = Receiver()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200 if hanging.released.wait(60) else 500)
        handler.end_headers()

    hanging.behave = hang

    def last_change(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        if len(receiver.got) == 2:
            hanging.released.set()

    receiver.behave = last_change
    created(allowing, hanging.url)
    created(allowing, receiver.url)
    for path in ("/first", "/second"):
        new_task(world, path)
    assert deliverer.deliver() == 4
    assert [body["path"] for body in receiver.bodies] == ["/first", "/second"]
    hanging.close()


def test_sending_ends_after_a_while_so_that_new_changes_are_taken_up(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "SECONDS_OF_A_ROW", 0.0)
    created(allowing, receiver.url)
    for path in ("/first", "/second"):
        new_task(world, path)
    assert [deliverer.deliver() for _ in range(3)] == [1, 1, 0]


def test_a_host_may_take_longer_to_answer_than_to_connect(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that works before it answers, as one that runs a job."""
    monkeypatch.setattr(sending, "CONNECT_SECONDS", 1.0)

    def late(handler: BaseHTTPRequestHandler) -> None:
        receiver.released.wait(1.5)
        handler.send_response(200)
        handler.end_headers()

    receiver.behave = late
    assert sending.post(receiver.url, b"{}", {}, INSIDE) == 200


@pytest.mark.parametrize("status", [200, 500])
def test_interim_answers_before_the_answer_are_skipped(receiver: Receiver, status: int) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" * 2)
        handler.send_response(status)
        handler.end_headers()

    receiver.behave = answer
    if status == 200:
        assert sending.post(receiver.url, b"{}", {}, INSIDE) == 200
    else:
        with pytest.raises(NotDeliveredError, match="answered 500"):
            sending.post(receiver.url, b"{}", {}, INSIDE)


@pytest.mark.parametrize("piece", [b"H", b"HTTP/1.1 103 Early Hints\r\n\r\n"], ids=["a letter", "an interim answer"])
def test_a_host_that_does_not_end_its_answer_is_said_to_be_late(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, piece: bytes
) -> None:
    monkeypatch.setattr(sending, "ALL_SECONDS", 0.5)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        while not receiver.released.wait(0.02):
            try:
                handler.wfile.write(piece)
            except OSError:
                return

    receiver.behave = drip
    with pytest.raises(NotDeliveredError, match="did not answer in time"):
        sending.post(receiver.url, b"{}", {}, INSIDE)


def test_a_host_without_tls_is_not_said_to_have_a_wrong_certificate(receiver: Receiver) -> None:
    with pytest.raises(NotDeliveredError, match="does not speak TLS"):
        sending.post(receiver.url.replace("http:", "https:"), b"{}", {}, INSIDE)


def test_a_sender_that_dies_between_sending_and_noting_loses_nothing(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = created(allowing, receiver.url)
    new_task(world)
    with monkeypatch.context() as dying:
        dying.setattr(webhooks, "delivered", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deliverer.deliver()
    assert deliverer.deliver() == 0, "whoever held it may still be sending"
    due_again(world)
    assert deliverer.deliver() == 1
    assert [item["state"] for item in log(allowing, hook)] == ["delivered"]
    assert len({headers["Promptlode-Delivery"] for headers, _ in receiver.got}) == 1
    assert len({body["id"] for body in receiver.bodies}) == 1


def test_only_the_kinds_that_were_asked_for_are_sent_and_nothing_of_before(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer
) -> None:
    new_task(world)
    created(allowing, receiver.url, kinds=["version.new"])
    new_task(world, "/second")
    new_task(world, prompts=triage_edited)
    deliverer.deliver()
    assert [(body["kind"], body["path"]) for body in receiver.bodies] == [("version.new", "/support/triage")]


def made_before(world: World, days: int) -> None:
    """Makes webhooks, changes and deliveries older by so many days."""
    age = timedelta(days=days)
    with transaction(world.engine) as connection:
        for table in (webhook, change):
            connection.execute(update(table).values(created_at=table.c.created_at - age))
        old_id = first_id_of(datetime.now(UTC) - age)
        connection.execute(update(webhook_delivery).values(id=old_id, created_at=webhook_delivery.c.created_at - age))


@pytest.mark.parametrize(("days", "deliveries"), [(2, 1), (4, 0)])
def test_a_change_that_would_be_given_up_by_now_is_not_sent_at_all(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer, days: int, deliveries: int
) -> None:
    created(allowing, receiver.url)
    new_task(world)
    made_before(world, days)
    assert deliverer.deliver() == deliveries


@pytest.mark.parametrize(("days", "entries"), [(89, 1), (91, 0)])
def test_the_log_is_kept_for_a_quarter_and_what_it_forgets_is_not_sent_again(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer, days: int, entries: int
) -> None:
    hook = created(allowing, receiver.url)
    new_task(world)
    assert deliverer.deliver() == 1
    made_before(world, days)
    with transaction(world.engine) as connection:
        webhooks.forget_old(connection)
    assert (len(log(allowing, hook)), deliverer.deliver()) == (entries, 0)


def test_webhooks_are_off_until_the_operator_names_hosts(admin: FlaskClient) -> None:
    problem = assert_problem(admin.post("/api/v1/webhooks", json={"url": "https://hooks.example.com/x"}), 422)
    assert problem["errors"][0]["loc"] == ["url"]
    assert "WEBHOOK_HOSTS" in problem["errors"][0]["message"]


def test_a_list_without_kinds_is_refused_in_our_words(admin: FlaskClient) -> None:
    problem = assert_problem(
        admin.post("/api/v1/webhooks", json={"url": "https://hooks.example.com/x", "kinds": []}), 422
    )
    assert problem["errors"] == [{"loc": ["kinds"], "message": "Must have at least 1 item."}]


ANYWHERE = Allowed(["*"])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.1.2.3:8080/",
        "http://0.0.0.0/",
        "ftp://hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com/\r\nX-Evil: 1",
        "https://hooks.example.com:99999/",
        "https:///nothing",
        "https://hooks.example.com/#x",
        "//hooks.example.com/",
        "https://hooks..example.com/",
        f"https://{'a' * 64}.example.com/",
    ],
)
def test_a_url_that_leads_inside_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(NotAllowedError):
        ANYWHERE.check_url(url)


def test_hosts_are_those_of_the_setting_and_no_longer_name() -> None:
    allowed = Allowed(["hooks.slack.com", "*.example.com"])
    for url in ("https://hooks.slack.com/a", "https://HOOKS.slack.com./a", "https://a.b.example.com/"):
        allowed.check_url(url)
    for url in ("https://hooks.slack.com.evil.org/", "https://example.com/", "https://evilexample.com/"):
        with pytest.raises(NotAllowedError):
            allowed.check_url(url)


@pytest.mark.parametrize("name", ["2130706433", "inside.example", "127.1"])
def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_resolved(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def answer(host: str, *arguments: Any, **named: Any) -> Any:
        return resolve("127.0.0.1" if host == "inside.example" else host, *arguments, **named)

    monkeypatch.setattr("socket.getaddrinfo", answer)
    with pytest.raises(NotAllowedError):
        ANYWHERE.addresses(name, 80)


def test_a_name_that_changes_its_address_is_asked_once(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a name has one address at the check and another at the connection."""
    hosts: list[str] = []
    resolve = socket.getaddrinfo

    def answer(host: str, *arguments: Any, **named: Any) -> Any:
        if host == "rebind.example":
            hosts.append(host)
            host = "127.0.0.1" if len(hosts) == 1 else "192.0.2.1"
        return resolve(host, *arguments, **named)

    monkeypatch.setattr("socket.getaddrinfo", answer)
    allowed = Allowed(["rebind.example"], [ip_network("127.0.0.0/8")])
    assert sending.post(f"http://rebind.example:{receiver.port}/", b"{}", {}, allowed) == 200
    assert hosts == ["rebind.example"]
    assert receiver.got[0][0]["Host"] == f"rebind.example:{receiver.port}"


def test_a_host_is_reached_by_the_first_of_its_addresses_that_answers(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def dual(host: str, *arguments: Any, **named: Any) -> Any:
        return [entry for address in ("127.0.0.2", "127.0.0.1") for entry in resolve(address, *arguments, **named)]

    monkeypatch.setattr("socket.getaddrinfo", dual)
    allowed = Allowed(["dual.example"], [ip_network("127.0.0.0/8")])
    assert allowed.addresses("dual.example", receiver.port) == ["127.0.0.2", "127.0.0.1"], "the resolver's order"
    assert sending.post(f"http://dual.example:{receiver.port}/", b"{}", {}, allowed) == 200


def test_a_delivery_that_cannot_even_be_tried_is_counted_and_holds_up_no_other(
    allowing: FlaskClient, world: World, receiver: Receiver, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = created(allowing, f"{receiver.url}/broken"), created(allowing, receiver.url)
    new_task(world)
    post = delivering.post

    def failing(url: str, *arguments: Any) -> int:
        if url.endswith("broken"):
            raise UnicodeError("label too long")
        return post(url, *arguments)

    monkeypatch.setattr(delivering, "post", failing)
    assert deliverer.deliver() == 1
    [waiting], [delivered] = log(allowing, broken), log(allowing, sound)
    assert (waiting["state"], waiting["attempts"], delivered["state"]) == ("waiting", 1, "delivered")


def test_another_project_neither_sees_nor_removes_a_webhook(
    allowing: FlaskClient, world: World, open_settings: Settings, webs: Callable[[Settings], Flask]
) -> None:
    hook = created(allowing, "http://127.0.0.1:1/")
    other_client = client_with(webs(open_settings), new_key(world.engine, "another", "admin"))
    assert other_client.get("/api/v1/webhooks").json == {"items": [], "next_cursor": None}
    assert other_client.delete(f"/api/v1/webhooks?id={hook['id']}").status_code == 404
    assert allowing.delete(f"/api/v1/webhooks?id={hook['id']}").json == {"id": hook["id"]}
    assert allowing.get("/api/v1/webhooks").json["items"] == []
