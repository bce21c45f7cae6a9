"""Keeps Flower behind a login, or on this machine alone."""

from ipaddress import ip_address
from typing import Any

from tornado.options import options

REFUSAL = (
    "Flower would be open to the network: it listens on {address!r} and asks nobody who they are. Set"
    " FLOWER_BASIC_AUTH=user:password, or let it listen on 127.0.0.1."
)


def never_serve_openly() -> None:
    """Stop Flower at its start when other machines could reach it without a login; called from its configuration.

    The command line is read again after the configuration, and Tornado then calls the function registered here.
    """
    options.add_parse_callback(lambda: check(options))


def check(method: Any) -> None:
    """Raises SystemExit, which names the setting that is missing."""
    if not (method.basic_auth or method.auth or method.unix_socket or is_loopback(method.address)):
        raise SystemExit(REFUSAL.format(address=method.address))


def is_loopback(address: str) -> bool:
    """Whether the address is reachable from this machine only; an empty address is every interface."""
    try:
        return address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        return False
