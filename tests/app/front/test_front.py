"""The started web process over real connections: the front stands before the application."""

import gzip
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from sqlalchemy import Engine, text

import app
from app.config import Settings
from app.local.processes import free_port, wait_until
from app.store import tables
from app.store.engine import transaction
from app.store.projects import Project
from tests.app.api_helpers import new_key, stored
from tests.app.otlp_helpers import CALL, PROTOBUF, TRACE_ID, export, span
from tests.flows.containers import tied

ROOT = Path(app.__file__).parent.parent
URL = "/api/v1/traces"
BODY = orjson.dumps({"model": "m", "path": "/p", "input": "Hi"})
LARGEST = 2_000_000
SLOW, PATIENT = 4.0, 60.0
"""Seconds that a body may take: where that is tested, and where nothing is to depend on how busy the machine is."""
THREADS = 2


@pytest.fixture(scope="module")
def port(session_database: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One web process for all tests: granian as in the Procfile, with small limits."""
    with listening(session_database, redis_url, tmp_path_factory.mktemp("front"), PATIENT) as port:
        yield port


@pytest.fixture(scope="module")
def hasty_port(session_database: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web process with a short patience for bodies."""
    with listening(session_database, redis_url, tmp_path_factory.mktemp("hasty"), SLOW) as port:
        yield port


@pytest.fixture(scope="module")
def young_port(session_database: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web process whose front remembers little: its first test sends one request, its second one kills the worker."""
    with listening(session_database, redis_url, tmp_path_factory.mktemp("young"), PATIENT) as port:
        yield port


@contextmanager
def listening(database_url: str, redis_url: str, folder: Path, body_timeout: float) -> Iterator[int]:
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "MAX_BODY_BYTES": str(LARGEST),
        "BODY_TIMEOUT": str(body_timeout),
        "WEB_THREADS": str(THREADS),
        "SECRET_KEY": "s",
        "DATABASE_LOCK_TIMEOUT": "300",  # statements wait for what a test holds, however slow the machine is
        "DATABASE_STATEMENT_TIMEOUT": "300",
    }
    procfile = (ROOT / "Procfile").read_text(encoding="utf-8")
    (command,) = [line for line in procfile.splitlines() if line.startswith("web: ")]
    words = (
        command.removeprefix("web: ")
        .replace("--host ::", "--host 127.0.0.1")
        .replace("${PORT:-8000}", str(port))
        .split()
    )
    log = folder / "log"
    with log.open("wb") as output:
        command = tied("SIGKILL", [sys.executable, "-m", *words])
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: _answers(port), 180, log.read_text)
        yield port
    finally:
        running.terminate()
        running.wait(180)


def _answers(port: int) -> bool:
    try:
        return ask(port, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def ask(
    port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=180)) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.fixture
def key(engine: Engine, project: Project) -> dict[str, str]:
    return {"Authorization": f"Bearer {new_key(engine, project.name)}", "Content-Type": "application/json"}


@contextmanager
def slow_bodies(port: int, number: int, head: dict[str, str]) -> Iterator[list[socket.socket]]:
    """Connections that send the beginning of a body and then nothing."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    with ExitStack() as stack:
        connections = []
        for _ in range(number):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            connection.sendall(f"POST {URL} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 5000\r\n\r\n{{".encode())
            connections.append(connection)
        yield connections


def test_slow_bodies_hold_up_nobody_and_are_cut_off(hasty_port: int, key: dict[str, str]) -> None:
    with slow_bodies(hasty_port, 20 * THREADS, key) as connections:
        assert ask(hasty_port, "POST", URL, BODY, key)[0] == 201
        answers = [connection.recv(4096) for connection in connections]
        assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
        assert b"application/problem+json" in answers[0]
        assert [connection.recv(1) for connection in connections] == [b""] * len(connections)


def test_a_request_without_a_key_is_refused_before_the_body_is_there(port: int) -> None:
    with slow_bodies(port, 1, {"Content-Type": "application/json"}) as (connection,):
        started = time.monotonic()
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")
        assert time.monotonic() - started < PATIENT / 2


WRONG_KEY = {"Authorization": "Bearer pl_wrong", "Content-Type": "application/json"}


def beginning_of_a_body(port: int, head: dict[str, str], announced: int) -> tuple[bytes, bytes]:
    """The answer to a request whose body stops after three bytes, and what follows when the client ends its side."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    with socket.create_connection(("127.0.0.1", port), PATIENT / 2) as connection:
        request = f"POST {URL} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {announced}\r\n\r\n{{ }}"
        connection.sendall(request.encode())
        answer = connection.recv(4096)
        connection.shutdown(socket.SHUT_WR)
        return answer, connection.recv(4096)


def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_there(port: int, key: dict[str, str]) -> None:
    answer, bytes_behind = beginning_of_a_body(port, key, 20 * LARGEST)
    assert (answer[:13], bytes_behind) == (b"HTTP/1.1 413 ", b"")


def test_a_wrong_key_is_refused_before_the_body_is_there(port: int) -> None:
    answer, bytes_behind = beginning_of_a_body(port, WRONG_KEY, 4_000)
    assert (answer[:13], bytes_behind) == (b"HTTP/1.1 401 ", b"")


def test_a_client_with_a_wrong_key_that_sends_all_of_a_body_is_told_why(port: int) -> None:
    for _ in range(3):
        assert ask(port, "POST", URL, b" " * LARGEST, WRONG_KEY)[0] == 401


def test_a_first_request_with_a_key_is_stored_whole(young_port: int, engine: Engine, key: dict[str, str]) -> None:
    assert ask(young_port, "POST", URL, BODY, key)[0] == 201
    assert stored(engine) == 1


def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_its_size(port: int, key: dict[str, str]) -> None:
    large = b" " * (LARGEST + 1)
    assert ask(port, "POST", URL, large, key)[0] == 413
    status, headers, body = ask(port, "POST", URL, iter([large[:LARGEST], large[LARGEST:]]), key)
    assert (status, headers["Content-Type"]) == (413, "application/problem+json")
    assert str(LARGEST) in orjson.loads(body)["detail"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_all_of_a_body_that_is_too_large_is_told_why(
    port: int, key: dict[str, str], chunked: bool
) -> None:
    """A client that writes the whole body before it reads must not find a broken connection."""
    large = b" " * (4 * LARGEST)
    for _ in range(5):
        body: Any = (
            iter([large[offset : offset + 50_000] for offset in range(0, len(large), 50_000)]) if chunked else large
        )
        assert ask(port, "POST", URL, body, key)[0] == 413


def test_a_body_that_is_too_large_and_never_ends_is_cut_off(port: int, key: dict[str, str]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in key.items())
    piece = b"c350\r\n" + b" " * 50_000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(f"POST {URL} HTTP/1.1\r\nHost: x\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode())
        half_a_gigabyte = 10_000 * piece
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(half_a_gigabyte)


def test_a_body_that_is_too_large_is_not_asked_for(port: int, key: dict[str, str]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (key | {"Expect": "100-continue"}).items())
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        started = time.monotonic()
        connection.sendall(f"POST {URL} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {2 * LARGEST}\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
        assert time.monotonic() - started < PATIENT / 2


OTLP = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nAuthorization: "


@pytest.mark.parametrize("says", ["Content-Length: {more}", "Content-Length: 200000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("broken", [b"", b"zz\r\n"])
@pytest.mark.parametrize("known", [False, True])
def test_of_a_body_that_is_cut_off_nothing_is_stored(
    port: int, engine: Engine, key: dict[str, str], says: str, broken: bytes, known: bool
) -> None:
    """The first half of a protobuf message is a valid message, so only the length says that the sender died."""
    if known:  # above this size a body is taken in one piece
        assert ask(port, "POST", "/v1/traces", b"", key | {"Content-Type": "application/x-protobuf"})[0] == 200
    messages = '[{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]'
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.input.messages": messages}
    half, second_half = (export(span(call, number)).SerializeToString() for number in (1, 2))
    head = f"{OTLP}{key['Authorization']}\r\n{says.format(more=2 * len(half))}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        if "chunked" in says:
            connection.sendall(head + b"%x\r\n%s\r\n" % (len(half), half) + broken)
        else:
            connection.sendall(head + half)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert stored(engine) == 0
    protobuf = key | {"Content-Type": "application/x-protobuf"}
    assert ask(port, "POST", "/v1/traces", iter([half, second_half]), protobuf)[0] == 200
    assert stored(engine) == 2


@pytest.mark.parametrize(
    ("end", "status"),
    [(b"0\r\n\r\n", 201), (b"0\r\nX-Sum: 1\r\n\r\n", 400), (b"", 400), (b"0\r\n", 400), (b"0\r\nX-Sum: 1\r\n", 400)],
    ids=["whole", "with trailers", "cut", "cut in its end", "cut in its trailers"],
)
def test_a_body_in_chunks_that_declares_trailers_is_taken_when_it_is_whole_and_has_none(
    port: int, engine: Engine, key: dict[str, str], end: bytes, status: int
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (key | {"Trailer": "X-Sum"}).items())
    head = f"POST {URL} HTTP/1.1\r\nHost: x\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(head + b"%x\r\n%s\r\n" % (len(BODY), BODY) + end)
        if not end.endswith(b"\r\n\r\n"):
            connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096).startswith(b"HTTP/1.1 %d " % status)
    assert stored(engine) == (status == 201)


@pytest.mark.parametrize(
    "first",
    [b"POST %s HTTP/1.1\r\n", b"POST %s HTTP/1.1\r\nHost: x\r\nHost: y\r\n", b"post %s HTTP/1.1\r\nHost: x\r\n"],
)
def test_a_request_without_one_host_or_a_method_in_capitals_is_refused(
    port: int, engine: Engine, key: dict[str, str], first: bytes
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in key.items())
    head = first % URL.encode() + f"{lines}Content-Length: {len(BODY)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(head + BODY)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert stored(engine) == 0


@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate, Chunked"])
def test_a_transfer_coding_that_is_not_supported_is_named(
    port: int, engine: Engine, key: dict[str, str], coding: str
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in key.items())
    head = f"POST {URL} HTTP/1.1\r\nHost: x\r\n{lines}Transfer-Encoding: {coding}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert b"No Transfer-Encoding but chunked is supported" in answer
    assert stored(engine) == 0


@pytest.mark.parametrize("length", ["", f"Content-Length: {len(BODY)}\r\n"])
def test_a_transfer_coding_that_hides_the_end_of_the_body_is_refused_by_the_server_itself(
    port: int, engine: Engine, key: dict[str, str], length: str
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in key.items())
    head = f"POST {URL} HTTP/1.1\r\nHost: x\r\n{lines}{length}Transfer-Encoding: gzip\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(head + BODY)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert stored(engine) == 0


def test_a_form_without_a_key_is_small(port: int) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ask(port, "POST", "/login", b"key=x", form)[0] == 400  # the form has no token of ours
    assert ask(port, "POST", "/login", b"k" * 70_000, form)[0] == 413


@pytest.mark.parametrize("size", [70_000, 500_000])
def test_headers_without_end_are_refused(port: int, size: int) -> None:
    assert ask(port, "GET", "/healthz", headers={"X-Long": "a" * size})[0] == 431
    assert ask(port, "GET", "/healthz", headers={f"X-{number}": "a" for number in range(200)})[0] == 431


def test_an_ordinary_request_comes_through_whole(port: int, key: dict[str, str]) -> None:
    path = "/käse und {brot}/%2F?"
    body = orjson.dumps({"model": "m", "path": path, "input": "Grüße"})
    assert ask(port, "POST", URL, gzip.compress(body), key | {"Content-Encoding": "gzip"})[0] == 201
    assert ask(port, "POST", URL, iter([body[:10], body[10:]]), key)[0] == 201  # chunked
    query = "?path=/k%C3%A4se%20und%20%7Bbrot%7D/%252F%3F"
    _, headers, received = ask(port, "GET", URL + query, headers=key)
    assert [item["path"] for item in orjson.loads(received)["items"]] == [path] * 2
    assert headers["Content-Type"] == "application/json"


def test_a_page_and_its_assets_come_through_whole(port: int) -> None:
    status, headers, body = ask(port, "GET", "/login")
    assert (status, len(body)) == (200, int(headers["Content-Length"]))
    assert "promptlode_session" in headers["Set-Cookie"]
    assert ask(port, "GET", "/assets/pages.css")[0] == 200
    assert ask(port, "HEAD", "/login")[2] == b""
    assert ask(port, "GET", "/nowhere/%ff/%00")[0] == 404


def test_a_header_with_an_underscore_is_not_taken_for_the_one_with_a_hyphen(port: int, key: dict[str, str]) -> None:
    assert ask(port, "POST", URL, BODY, key | {"Content-Encoding": "br"})[0] == 415
    assert ask(port, "POST", URL, BODY, key | {"Content_Encoding": "br"})[0] == 201


def test_a_flood_of_one_project_leaves_the_others_their_turn(port: int, engine: Engine, key: dict[str, str]) -> None:
    """Both projects' requests are answered; a waiting request of the flood is refused before any of the other
    project.
    """
    other_key = key | {"Authorization": f"Bearer {new_key(engine, 'another')}"}
    for sender in (key, other_key):
        assert ask(port, "POST", URL, BODY, sender)[0] == 201
    with ThreadPoolExecutor(40) as pool:
        flood = [pool.submit(ask, port, "POST", URL, BODY, key) for _ in range(400)]
        quiet = [ask(port, "POST", URL, BODY, other_key)[0] for _ in range(20)]
        assert quiet == [201] * 20
        assert {request.result()[0] for request in flood} <= {201, 429}


def test_a_worker_that_dies_is_replaced_and_the_web_process_lives_on(hasty_port: int) -> None:
    worker = _worker(hasty_port)
    parent = worker.parent()
    _kill(worker, hasty_port)
    assert parent is not None
    assert parent.is_running()


@pytest.fixture
def patient_engine(settings: Settings, engines: Callable[[Settings], Engine]) -> Engine:
    """Connections whose transactions may rest while a process starts."""
    return engines(settings.model_copy(update={"database_statement_timeout": 300.0}))


def test_a_call_that_a_killed_worker_stored_without_an_answer_is_stored_once_when_it_is_sent_again(
    young_port: int, patient_engine: Engine, project: Project, key: dict[str, str]
) -> None:
    """SIGKILL comes while statements wait for external ids that another transaction takes and gives up: PostgreSQL
    carries the statements out afterwards.
    """
    call = orjson.dumps({"model": "m", "path": "/p", "input": "Hi", "external_id": "taken"})
    spans, in_protobuf = export(span(CALL, 7)).SerializeToString(), key | {"Content-Type": PROTOBUF}
    for body in (BODY, BODY):
        assert ask(young_port, "POST", URL, body, key)[0] == 201
    for number in (1, 2):
        warm = export(span(CALL, number, trace_id=number.to_bytes(16, "big"))).SerializeToString()
        assert ask(young_port, "POST", "/v1/traces", warm, in_protobuf)[0] == 200
    before = _stored(patient_engine)
    taken = [
        {"project_id": project.id, "external_id": external_id, "trace_id": project.id}
        for external_id in ("taken", _ID_OF_SPAN)
    ]
    with ThreadPoolExecutor(2) as pool, patient_engine.connect() as connection:
        connection.execute(tables.trace_external_id.insert(), taken)
        requests = [pool.submit(ask, young_port, "POST", URL, call, key)]
        wait_until(lambda: _waiting_statements(patient_engine) == 1, 180, str)
        requests.append(pool.submit(ask, young_port, "POST", "/v1/traces", spans, in_protobuf))
        wait_until(lambda: _waiting_statements(patient_engine) == 2, 180, str)
        _kill(_worker(young_port), young_port)
        assert all(request.exception() is not None for request in requests)
        assert _stored(patient_engine) == before
        connection.rollback()
    wait_until(lambda: _stored(patient_engine) == before + 2, 180, str)
    assert ask(young_port, "POST", URL, call, key)[0] == 200
    assert ask(young_port, "POST", "/v1/traces", spans, in_protobuf)[::2] == (200, b"")
    assert _stored(patient_engine) == before + 2


_ID_OF_SPAN = f"{TRACE_ID.hex()}:{7:016x}"


def _stored(engine: Engine) -> int:
    """The number of stored calls whose external id is the same in both tables."""
    query = """SELECT count(*) FROM trace FULL JOIN trace_external_id AS named ON named.trace_id = trace.id
               WHERE trace.external_id IS NOT DISTINCT FROM named.external_id"""
    with transaction(engine) as connection:
        return int(connection.scalar(text(query)) or 0)


def _waiting_statements(engine: Engine) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%EXECUTE store%' AND pid <> pg_backend_pid()"
    with transaction(engine) as connection:
        return int(connection.scalar(text(query)) or 0)


def _kill(worker: psutil.Process, port: int) -> None:
    """Kills the worker process and waits until another one answers."""
    worker.kill()
    worker.wait(60)
    wait_until(lambda: _answers(port), 180, str)


def _worker(port: int) -> psutil.Process:
    return next(process for process in psutil.Process().children(recursive=True) if _listens(process, port))


def _listens(process: psutil.Process, port: int) -> bool:
    """Whether the process is a worker of granian. The main process has the port too, and children besides."""
    return not process.children() and any(
        connection.laddr.port == port for connection in process.net_connections() if connection.laddr
    )
