"""Checks the target of a webhook: only hosts that an operator named, only public addresses.

A host is resolved once, its addresses are checked, and the connection is made to a checked address: a second answer for the name, such as
127.0.0.1 (DNS rebinding), is never asked for.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from app.config import Settings, listed
from app.errors import CallerError

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_LAST_32_BITS = 0xFFFFFFFF

LONGEST_URL = 2_000
"""Characters of a webhook's URL."""

LONGEST_LABEL = 63
"""Characters between two dots of a host's name (RFC 1035, 2.3.4)."""


class NotAllowedError(CallerError):
    """A webhook must not be sent to this address."""


@dataclass(frozen=True)
class Allowed:
    """The allowed targets. hosts: names, `*.` before a domain, or `*`; networks: private networks that are allowed nevertheless."""

    hosts: Sequence[str]
    networks: Sequence[IPv4Network | IPv6Network] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Allowed":
        hosts = [host.lower() for host in listed(settings.webhook_hosts)]
        return cls(hosts, [ip_network(network) for network in listed(settings.webhook_networks)])

    def check_url(self, url: str) -> None:
        """Raises NotAllowedError for a text that is no URL of an allowed host; does not resolve the host."""
        host = _host(url)
        if not self.hosts:
            raise NotAllowedError(
                "Webhooks are off; the operator of this Promptlode turns them on with WEBHOOK_HOSTS, and for a private address WEBHOOK_NETWORKS."
            )
        if not any(_fits(host, pattern) for pattern in self.hosts):
            raise NotAllowedError(
                "Its host is not among WEBHOOK_HOSTS; ask the operator of this Promptlode. A private address needs WEBHOOK_NETWORKS, too."
            )
        literal = _literal(host)
        if literal is not None and not self.is_allowed(literal):
            raise NotAllowedError("Its address is private; WEBHOOK_NETWORKS may allow its network.")

    def addresses(self, host: str, port: int) -> list[str]:
        """The allowed addresses of a host, the resolver's first choice first.

        Raises NotAllowedError without an allowed one, OSError where the host has no address.
        """
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = dict.fromkeys(str(entry[4][0]) for entry in entries)
        allowed = [address for address in addresses if self.is_allowed(ip_address(address.partition("%")[0]))]
        if not allowed:
            raise NotAllowedError("The addresses of its host are private; WEBHOOK_NETWORKS may allow their network.")
        return allowed

    def is_allowed(self, address: Address) -> bool:
        inner = _inner(address)
        return any(inner in network for network in self.networks) or (inner.is_global and not inner.is_multicast)


def _host(url: str) -> str:
    """The host of a valid URL. Raises NotAllowedError."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise NotAllowedError(f"Must be printable ASCII without blanks, at most {LONGEST_URL} characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise NotAllowedError("Must be a URL, like https://hooks.example.com/promptlode.") from None
    if parts.scheme not in {"https", "http"} or not host or port == 0:
        raise NotAllowedError("Must be a URL with a host, like https://hooks.example.com/promptlode.")
    if parts.username is not None or parts.fragment:
        raise NotAllowedError("Must have no user, password or fragment: the signature says who sends.")
    name = host.removesuffix(".").lower()
    if not all(0 < len(label) <= LONGEST_LABEL for label in name.split(".")):
        raise NotAllowedError(f"Each part of its host between dots must have 1 to {LONGEST_LABEL} characters.")
    return name


def _fits(host: str, pattern: str) -> bool:
    return pattern in {"*", host} or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _inner(address: Address) -> Address:
    """The IPv4 address inside an IPv6 address: mapped, 6to4, Teredo and NAT64."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & _LAST_32_BITS)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
