"""The client against the real server, and against one that is down, slow or failing."""

import ast
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import promptlode_client
import pytest
from opentelemetry.sdk.trace import TracerProvider
from promptlode_client import Client, Settings, at, trace_context
from promptlode_client.buffer import Buffer
from promptlode_client.plain import plain
from promptlode_client.transport import seconds

from tests.app.api_helpers import wait_for
from tests.client.serving import Serving

PACKAGE = Path(promptlode_client.__file__).parent
CALL = {"model": "gpt-5", "path": "/chat", "input": "Hi"}
Stored = Callable[[], list[Any]]
NOWHERE = "http://127.0.0.1:9"


def test_a_call_is_stored_as_it_was_recorded(client: Client, stored: Stored) -> None:
    text = " {x}\r\n Wo?\t🙂 "
    client.record(model="gpt-5", path="/chat", messages=[{"role": "user", "content": text}], usage={"input_tokens": 3})
    assert client.flush(60)
    (trace,) = stored()
    assert (trace["path"], trace["prompt"]) == ("/chat", [{"role": "user", "text": text}])
    assert client.stats() == promptlode_client.Stats(waiting=0, sent=1, refused=0, dropped=0)


def test_calls_are_sent_in_batches(client: Client, server: Serving) -> None:
    for number in range(1200):
        client.record(**CALL | {"input": str(number)})
    assert client.flush(60)
    assert client.stats().sent == 1200
    assert len(server.statuses) < 100


def test_a_later_change_of_the_apps_own_objects_does_not_change_the_call(client: Client, stored: Stored) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    client.record(model="gpt-5", path="/chat", messages=messages)
    messages.append({"role": "assistant", "content": "Hello"})
    client.flush(60)
    assert stored()[0]["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_call_that_the_server_refuses_is_counted_and_the_others_are_stored(
    client: Client, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    for call in (CALL, {"input": "no model"}, CALL):
        client.record(**call)
    assert client.flush(60)
    stats = client.stats()
    assert (stats.sent, stats.refused, len(stored())) == (2, 1, 2)
    assert "model: Is required." in caplog.text


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}, threading.Lock(), "\x00\ud800", b"bytes", int])
def test_values_of_any_kind_are_no_reason_to_raise(client: Client, value: Any) -> None:
    client.record(**CALL, metadata={"value": value, "list": [value]})
    assert client.flush(60)
    assert client.stats().sent == 1


def test_an_object_that_holds_itself_comes_to_an_end() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert "<list>" in str(plain(ring))


def test_a_picture_within_a_message_is_left_out() -> None:
    assert plain("data:image/png;base64," + "A" * 100_000) == "data:image/png;base64,<100022 characters>"


# --- where a call was made


def make_a_call(client: Client) -> None:
    client.record(model="gpt-5", input="Hi")


def test_without_a_path_the_function_that_made_the_call_is_it(client: Client, stored: Stored) -> None:
    make_a_call(client)
    client.flush(60)
    assert stored()[0]["path"] == f"{__name__}.make_a_call"


def test_a_path_that_was_set_around_the_call_is_taken(client: Client, stored: Stored) -> None:
    with at("/support/triage"):
        make_a_call(client)
    client.flush(60)
    assert stored()[0]["path"] == "/support/triage"


def test_the_trace_context_of_opentelemetry_is_kept(client: Client, stored: Stored) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")
    with tracer.start_as_current_span("handle mail") as span:
        client.record(**CALL)
    client.flush(60)
    context = span.get_span_context()
    expected = f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
    assert stored()[0]["metadata"]["traceparent"] == expected


def test_a_trace_context_that_was_set_by_hand_is_kept(client: Client, stored: Stored) -> None:
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with trace_context(header):
        client.record(**CALL)
    client.flush(60)
    assert stored()[0]["metadata"]["traceparent"] == header


# --- a server in trouble


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"])
def test_calls_that_a_failing_server_did_not_take_are_sent_again(
    client: Client, server: Serving, stored: Stored, status: str
) -> None:
    failures = iter([(status, []), None])
    server.failing = lambda: next(failures, None)
    client.record(**CALL)
    assert client.flush(60)
    assert (server.statuses, len(stored())) == ([int(status[:3]), 207], 1)


def test_nothing_is_sent_before_the_time_that_the_server_names(client: Client, server: Serving) -> None:
    headers = [("Retry-After", "1")]
    failures = iter([("429 Too Many Requests", headers)])
    server.failing = lambda: next(failures, None)
    began = time.monotonic()
    client.record(**CALL)
    assert client.flush(60)
    assert time.monotonic() - began >= 1.0


def test_an_interim_answer_before_the_answer_is_skipped(client: Client, server: Serving, stored: Stored) -> None:
    answered = server._app

    def hint_and_answer(environ: dict[str, Any], start_response: Any) -> Any:
        environ["tests.connection"].write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        return answered(environ, start_response)

    server._app = hint_and_answer
    client.record(**CALL)
    assert client.flush(60)
    assert (client.stats().sent, client.stats().refused, len(stored())) == (1, 0, 1)


def test_a_batch_that_was_stored_but_whose_answer_was_lost_is_stored_once(
    server: Serving, key: str, stored: Stored
) -> None:
    client = Client(Settings(url=server.url, api_key=key, flush_seconds=0.01, timeout=1.0))
    answered = server._app

    def slow_once(environ: dict[str, Any], start_response: Any) -> Any:
        server._app = answered
        parts = list(answered(environ, start_response))
        wait_for(lambda: len(stored()) == 1)
        wait_for(lambda: client._failures > 0 or client.stats().sent > 0)  # the client's patience has ended
        return parts

    server._app = slow_once
    client.record(**CALL)
    assert client.flush(60)
    assert (len(stored()), client.stats().sent) == (1, 1)
    client.close()


def test_while_the_server_is_down_calls_wait_and_then_arrive(key: str, web: Any, stored: Stored) -> None:
    with Serving(web) as first:
        port = first.port
    client = Client(Settings(url=f"http://127.0.0.1:{port}", api_key=key, flush_seconds=0.01))
    client.record(**CALL)
    wait_for(lambda: client._failures > 0)
    assert client.stats().waiting == 1
    with Serving(web, port):
        assert client.flush(60)
        assert len(stored()) == 1
        client.close()


def test_a_batch_that_is_too_large_is_sent_in_halves(client: Client, server: Serving) -> None:
    failures = iter([("413 Content Too Large", [])])
    server.failing = lambda: next(failures, None)
    with client._changed:  # the calls become one batch
        for _ in range(10):
            client.record(**CALL)
    assert client.flush(60)
    assert (server.statuses, client.stats().sent) == ([413, 207, 207], 10)


def test_a_wrong_key_costs_the_calls_and_nothing_else(server: Serving) -> None:
    client = Client(Settings(url=server.url, api_key="wrong", flush_seconds=0.01))
    client.record(**CALL)
    assert client.flush(60)
    assert (server.statuses, client.stats().refused) == ([401], 1)
    client.close()


def test_the_key_does_not_follow_a_redirect(client: Client, server: Serving) -> None:
    with Serving(lambda *_: []) as elsewhere:
        server.failing = lambda: ("302 Found", [("Location", elsewhere.url)])
        client.record(**CALL)
        assert client.flush(60)
        assert elsewhere.statuses == []
    assert client.stats().refused == 1


@pytest.mark.parametrize("url", [NOWHERE, "no url", "http://127.0.0.1:99999", ""])
def test_a_server_that_cannot_be_reached_is_never_the_apps_concern(url: str) -> None:
    client = Client(Settings(url=url, api_key="k", flush_seconds=0.0, exit_seconds=0.1))
    for _ in range(10):
        client.record(**CALL)
    assert not client.flush(0.1)
    client.close()
    assert client.stats().sent == 0


# --- bounds


def test_past_the_bound_the_oldest_calls_are_dropped_and_counted() -> None:
    client = Client(Settings(url=NOWHERE, api_key="k", queue_bytes=100_000, exit_seconds=0.1))
    for _ in range(1000):
        client.record(**CALL | {"input": "x" * 1000})
        assert client._buffer.bytes <= 100_000
    stats = client.stats()
    assert stats.dropped >= 900
    assert stats.waiting + stats.dropped == 1000
    client.close()


def test_a_value_that_is_put_back_is_the_first_to_give_way() -> None:
    buffer = Buffer(3)
    for item in (b"a", b"b", b"c"):
        buffer.add(item)
    taken = buffer.take(2, 10)
    buffer.add(b"d")
    buffer.put_back(taken)
    assert (buffer.take(9, 9), buffer.dropped) == ([b"b", b"c", b"d"], 1)


def test_a_call_that_is_larger_than_all_there_may_be_is_dropped() -> None:
    buffer = Buffer(3)
    buffer.add(b"four")
    assert (len(buffer), buffer.bytes, buffer.dropped) == (0, 0, 1)


def test_a_stream_that_is_finalized_while_a_call_is_recorded_does_not_stop_the_app(client: Client) -> None:
    def finalized() -> Any:
        try:
            yield
        finally:
            client.record(**CALL)

    stream = finalized()
    next(stream)
    with client._changed:
        del stream
        gc.collect()
    assert client.flush(60)
    assert client.stats().sent == 1


# --- processes


def run(code: str, server: Serving, key: str, **environment: str) -> None:
    """A process of its own that records calls with the module's functions."""
    env = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "PROMPTLODE_URL": server.url, "PROMPTLODE_API_KEY": key}
    program = f"import promptlode_client as p, os\ndef call(text): p.record(model='m', path='/p', input=text)\n{code}"
    python = [sys.executable, "-W", "ignore:This process:DeprecationWarning"]  # 3.12 on: of a fork beside any thread
    result = subprocess.run(
        [*python, "-c", program], env=env | environment, capture_output=True, timeout=300, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")


def texts(stored: Stored) -> list[str]:
    return sorted(trace["prompt"][0]["text"] for trace in stored())


def test_a_process_that_ends_sends_what_is_left(server: Serving, key: str, stored: Stored) -> None:
    run("call('one')", server, key, PROMPTLODE_FLUSH_SECONDS="60", PROMPTLODE_EXIT_SECONDS="60")
    assert texts(stored) == ["one"]


def test_a_child_after_fork_sends_its_own_calls_and_none_of_its_parent(
    server: Serving, key: str, stored: Stored
) -> None:
    run(
        "call('parent')\npid = os.fork()\ncall('both')\nos.waitpid(pid, 0) if pid else None",
        server,
        key,
        PROMPTLODE_FLUSH_SECONDS="60",
        PROMPTLODE_EXIT_SECONDS="60",
    )
    assert texts(stored) == ["both", "both", "parent"]


def test_a_child_of_multiprocessing_sends_what_is_left(server: Serving, key: str, stored: Stored) -> None:
    child = "import multiprocessing as m\nc = m.get_context('fork').Process(target=call, args=('child',))\n"
    run(f"{child}c.start()\nc.join()", server, key, PROMPTLODE_FLUSH_SECONDS="60", PROMPTLODE_EXIT_SECONDS="60")
    assert texts(stored) == ["child"]


def test_a_process_ends_in_time_when_the_server_is_down(server: Serving, key: str) -> None:
    began = time.monotonic()
    run("call('one')", server, key, PROMPTLODE_URL=NOWHERE, PROMPTLODE_EXIT_SECONDS="0.3")
    assert time.monotonic() - began < 20


def test_without_a_key_nothing_is_sent_and_nothing_raised(server: Serving) -> None:
    client = Client(Settings(url=server.url))
    client.record(**CALL)
    assert client.flush(1)
    assert server.statuses == []


# --- settings and distribution


def test_settings_come_from_the_environment() -> None:
    variables = {"PROMPTLODE_URL": "http://h", "PROMPTLODE_API_KEY": " k ", "PROMPTLODE_QUEUE_BYTES": "12", "PATH": "x"}
    assert Settings.from_environment(variables) == Settings(url="http://h", api_key="k", queue_bytes=12)


def test_a_setting_that_is_no_number_is_left_out() -> None:
    assert Settings.from_environment({"PROMPTLODE_TIMEOUT": "soon"}) == Settings()


@pytest.mark.parametrize("number", ["nan", "inf", "-1"])
def test_a_setting_for_which_nobody_can_wait_is_left_out(number: str) -> None:
    assert Settings.from_environment({"PROMPTLODE_TIMEOUT": number}) == Settings()


@pytest.mark.parametrize(("name", "form"), [("TIMEOUT", "a number above 0"), ("QUEUE_BYTES", "a whole number above 0")])
@pytest.mark.parametrize("number", ["0", "-1", "soon"])
def test_a_number_with_which_no_call_would_arrive_is_left_out_and_said(
    caplog: pytest.LogCaptureFixture, name: str, form: str, number: str
) -> None:
    assert Settings.from_environment({f"PROMPTLODE_{name}": number}) == Settings()
    assert f"PROMPTLODE_{name} must be {form}; the default" in caplog.text


def test_an_app_may_send_at_once_and_leave_at_once() -> None:
    variables = {"PROMPTLODE_FLUSH_SECONDS": "0", "PROMPTLODE_EXIT_SECONDS": "0"}
    assert Settings.from_environment(variables) == Settings(flush_seconds=0, exit_seconds=0)


def test_a_setting_that_is_empty_is_not_set() -> None:
    names = ("URL", "API_KEY", "PATH", "FLUSH_SECONDS", "QUEUE_BYTES", "TIMEOUT", "EXIT_SECONDS")
    assert Settings.from_environment({f"PROMPTLODE_{name}": " " for name in names}) == Settings()


def test_a_key_is_never_shown() -> None:
    assert "secret" not in repr(Settings(api_key="secret"))


@pytest.mark.parametrize(
    ("header", "wait"), [("3", 3.0), ("-1", 0.0), ("999999", 600.0), (None, None), ("soon", None), ("nan", None)]
)
def test_the_time_to_wait_is_read(header: str | None, wait: float | None) -> None:
    assert seconds(header) == wait


def test_a_date_to_wait_for_is_read() -> None:
    assert seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda module: module.name)
def test_every_module_is_written_for_python_3_9_and_the_standard_library(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= {"promptlode_client", *sys.stdlib_module_names}


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    for field in fields(Settings):
        default = f" `{field.default}` " if field.default != "" else " "
        assert f"| `PROMPTLODE_{field.name.upper()}` |{default}|" in readme
