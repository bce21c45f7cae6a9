"""One POST to a checked address, within a time limit that holds whatever the receiver does. It follows no redirect and uses no proxy."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

from app.hooks.addresses import Allowed, NotAllowedError

CONNECT_SECONDS = 5.0
"""Seconds to connect to one address."""

ALL_SECONDS = 15.0
"""Seconds for one delivery from the connection on, whether its host says nothing or sends single bytes slowly."""

MOST_ADDRESSES = 4
"""Addresses of a host that are tried: each may cost CONNECT_SECONDS."""

PORTS = {"https": 443, "http": 80}


class NotDeliveredError(Exception):
    """A delivery failed. status: of the answer, None where none came."""

    def __init__(self, problem: str, status: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status


class _FinalResponse(HTTPResponse):
    """The answer behind interim ones (103 Early Hints, RFC 8297): http.client skips 100 alone."""

    def begin(self) -> None:
        super().begin()
        while self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = None  # type: ignore[assignment]  # begin() then reads again
            super().begin()


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Allowed) -> int:
    """Send the body; answers the status, which is 2xx. Raises NotDeliveredError, whose text holds nothing of the answer."""
    try:
        allowed.check_url(url)
        status = _status(urlsplit(url), body, headers, allowed)
    except NotAllowedError as error:
        raise NotDeliveredError(str(error)) from None
    except TimeoutError:
        raise NotDeliveredError("The host did not answer in time.") from None
    except ssl.SSLCertVerificationError:
        raise NotDeliveredError("The certificate of the host is not trusted.") from None
    except ssl.SSLError:
        raise NotDeliveredError("The host does not speak TLS at this port; is its URL http://?") from None
    except (socket.gaierror, UnicodeError):
        raise NotDeliveredError("The name of the host has no address.") from None
    except (OSError, HTTPException):
        raise NotDeliveredError("The host cannot be reached, or ended the connection.") from None
    if not 200 <= status < 300:
        why = "a redirect, which is not followed" if 300 <= status < 400 else "no success"
        raise NotDeliveredError(f"The host answered {status}: {why}.", status)
    return status


def _status(url: SplitResult, body: bytes, headers: Mapping[str, str], allowed: Allowed) -> int:
    host, port = url.hostname or "", url.port or PORTS[url.scheme]
    connection = HTTPConnection(host, port)
    connection.response_class = _FinalResponse
    connection.default_port = PORTS[url.scheme]  # the Host header names any other port
    connection.sock = _connected(allowed.addresses(host, port), port)
    with _closing(connection):
        if url.scheme == "https":
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(connection.sock, server_hostname=host, do_handshake_on_connect=False)
            connection.sock.do_handshake()
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", target, body, dict(headers))
        return connection.getresponse().status


def _connected(addresses: Sequence[str], port: int) -> socket.socket:
    """A connection to the first address that takes one: a host may have an IPv6 address that this network does not reach."""
    *first_addresses, last = addresses[:MOST_ADDRESSES]
    for address in first_addresses:
        with suppress(OSError):
            return socket.create_connection((address, port), CONNECT_SECONDS)
    return socket.create_connection((last, port), CONNECT_SECONDS)


@contextmanager
def _closing(connection: HTTPConnection) -> Iterator[None]:
    """Close the connection at the end of the block, or when its time is up. Raises TimeoutError then."""
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        _shut_down(connection)

    connection.sock.settimeout(ALL_SECONDS)
    timer = threading.Timer(ALL_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, HTTPException):
        if is_over.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()


def _shut_down(connection: HTTPConnection) -> None:
    try:
        connection.sock.shutdown(socket.SHUT_RDWR)
    except (OSError, AttributeError):
        return
