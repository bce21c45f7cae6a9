"""Flower behind a login, or on this machine alone."""

from ipaddress import ip_address
from typing import Any

from tornado.options import options

REFUSAL = (
    "Flower would be open to the network: it listens on {address!r} and asks nobody who they are. Set"
    " FLOWER_BASIC_AUTH=user:password, or let it listen on 127.0.0.1."
)


def never_serve_openly() -> None:
    """End Flower at its start when anybody could reach it; called from its configuration, before the last word is said.

    The command line is read once more after the configuration, and Tornado then calls whom we register here.
    """
    options.add_parse_callback(lambda: check(options))


def check(chosen: Any) -> None:
    """Raises SystemExit, which says what to set."""
    if not (chosen.basic_auth or chosen.auth or chosen.unix_socket or is_loopback(chosen.address)):
        raise SystemExit(REFUSAL.format(address=chosen.address))


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach it; an empty address is every interface."""
    try:
        return address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        return False
