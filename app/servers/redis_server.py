"""Connects to Redis, for our own client and Celery's alike: with TLS, through Sentinel, with a user, in a database.

REDIS_URL is one of
  redis://[user:password@]host:6379/0
  rediss://...                                        with TLS
  sentinel://[user:password@]host:26379,host:26379/0?master=mymaster     (redis+sentinel:// too)
  unix:///path/to/socket
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis import Redis
from redis.sentinel import Sentinel

from app.config import Settings

SENTINEL = "sentinel://"


def client(settings: Settings, **options: Any) -> Redis:
    """A client of REDIS_URL. Raises ConfigurationError when it is not set."""
    settings.require("redis_url")
    if settings.redis_url.startswith(SENTINEL):
        return _of_sentinel(settings, options)
    return Redis.from_url(settings.redis_url, **tls(settings, settings.redis_url), **options)


def tls(settings: Settings, url: str) -> dict[str, Any]:
    """The TLS options of a client of a rediss:// URL, by the names of both redis-py and kombu; none for any other URL."""
    if not url.startswith("rediss://"):
        return {}
    verified = {"ssl_cert_reqs": "required" if settings.redis_tls_verify else "none"}
    authority = {"ssl_ca_certs": settings.redis_ca_file} if settings.redis_ca_file else {}
    return {**verified, "ssl_check_hostname": settings.redis_tls_verify, **authority}


def broker_url(settings: Settings) -> str:
    """The URL for Celery, which writes sentinels as URLs joined by semicolons."""
    url = settings.broker
    if not url.startswith(SENTINEL):
        return url
    address = urlsplit(url)
    credentials, _, hosts = address.netloc.rpartition("@")
    before = f"{credentials}@" if credentials else ""
    return ";".join(f"{SENTINEL}{before}{host}{address.path or '/0'}" for host in hosts.split(","))


def master_of(url: str) -> str:
    """The name of the primary that the URL's sentinels watch."""
    return parse_qs(urlsplit(url).query).get("master", ["mymaster"])[0]


def _of_sentinel(settings: Settings, options: dict[str, Any]) -> Redis:
    address = urlsplit(settings.redis_url)
    hosts = [urlsplit(f"//{host}") for host in address.netloc.rpartition("@")[2].split(",")]
    watchers = Sentinel(
        [(str(host.hostname), host.port or 26379) for host in hosts],
        sentinel_kwargs={
            name: options[name] for name in ("socket_timeout", "socket_connect_timeout") if name in options
        },
    )
    primary: Redis = watchers.master_for(
        master_of(settings.redis_url),
        username=_plain(address.username),
        password=_plain(address.password),
        db=int(address.path.strip("/") or 0),
        **options,
    )
    return primary


def _plain(part: str | None) -> str | None:
    """A part of a URL with percent escapes decoded."""
    return unquote(part) if part else None
