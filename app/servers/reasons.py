"""The reasons why a server is unusable, each a sentence with its remedy.

A driver's message is prose with addresses, names and sometimes values. Ours is one of the sentences below and never part of the driver's,
since it goes to logs, to `/readyz`, which is open, and to terminals.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """A sentence, and the parts of driver messages that identify the reason, in lower case; any of them is enough."""

    sentence: str
    signs: tuple[str, ...]


AWAY = "{name} does not answer. Start it, or set {setting}."

_NETWORK = (
    Reason(
        "The host of {name} has no address. Check the name in {setting}.",
        ("could not translate host name", "name or service not known", "nodename nor servname", "error -2 ", "error -3 ",
         "temporary failure in name resolution", "no address associated", "getaddrinfo"),
    ),
    Reason(
        "The certificate of {name} is not trusted. {trust}",
        ("certificate verify failed", "certificate_verify_failed", "root certificate file", "unknown ca", "self-signed",
         "self signed", "hostname mismatch", "does not match host name"),
    ),
    Reason(
        "{name} speaks no TLS and {setting} asks for it. {plain}",
        ("server does not support ssl", "wrong_version_number", "wrong version number", "record layer failure",
         "record_layer_failure", "packet length too long",
            "handshake operation timed out",
            "eof occurred in violation of protocol"),
    ),
    Reason("{name} takes TLS alone. {tls}", ("ssl required", "requires ssl", "tls required")),
    Reason("Nobody listens where {setting} says. Start {name}, or set {setting}.", ("connection refused", "error 111 ")),
)  # fmt: skip

_POSTGRES = (
    Reason(
        "PostgreSQL lets nobody in from this address, or only with TLS. Add it to pg_hba.conf, or sslmode=require to DATABASE_URL.",
        ("no pg_hba.conf entry", "pg_hba.conf rejects"),
    ),
    Reason(
        "PostgreSQL refuses the password of DATABASE_URL, or its user. Correct them.",
        ("password authentication failed", "no password supplied", "auth failed", "sasl authentication failed",
         "no such user", "authentication failed"),
    ),
    Reason("There is no such database in PostgreSQL. Make it, or correct DATABASE_URL.", ("no such database", 'database "')),
    Reason("There is no such user in PostgreSQL. Make it, or correct DATABASE_URL.", ('role "',)),
    Reason(
        "A pooler refuses a parameter of the connection. Let PgBouncer ignore it: ignore_startup_parameters.",
        ("unsupported startup parameter", "unrecognized configuration parameter"),
    ),
    Reason(
        "PostgreSQL takes no more connections. Raise max_connections, or lower DATABASE_POOL_SIZE.",
        ("too many clients", "too many connections", "connection slots are reserved", "no more connections allowed"),
    ),
    Reason(
        "PostgreSQL is starting, stopping or recovering. It answers by itself when it is done; if it does not, see its log and its disk.",
        ("starting up", "shutting down", "recovery mode", "not yet accepting connections", "not accepting connections"),
    ),
)  # fmt: skip

_REDIS = (
    Reason(
        "Redis refuses the user or the password of REDIS_URL. Correct them.",
        ("wrongpass", "invalid username-password", "invalid password", "noauth", "authentication required", "auth called without",
         "without any password configured"),
    ),
    Reason(
        "The user of REDIS_URL may not do what we need. Give it the rights: ACL SETUSER ... +@all ~*.",
        ("noperm", "no permissions", "has no permissions"),
    ),
    Reason(
        "There is no such database in Redis. Correct the number at the end of REDIS_URL.",
        ("db index is out of range", "invalid db index", "select is not allowed"),
    ),
    Reason(
        "Redis is read-only: it is a replica. Let REDIS_URL name the primary, or Sentinel.",
        ("read only replica", "read-only replica", "readonly"),
    ),
    Reason("Redis is full. Raise maxmemory, or make room.", ("used memory > 'maxmemory'", "oom command not allowed")),
    Reason("Redis cannot save to its disk and refuses to write. Make room on its disk.", ("misconf", "noreplicas")),
    Reason("Redis is loading its data. It answers by itself when it is done.", ("loading",)),
    Reason(
        "Redis takes no more connections. Raise maxclients, or close some.", ("max number of clients",)
    ),
    Reason(
        "Redis closes the connection. Where it takes TLS alone, REDIS_URL must begin with rediss://.",
        ("connection closed by server", "connection reset by peer"),
    ),
)  # fmt: skip

_BROKER = (
    Reason(
        "The broker refuses the user or the password of BROKER_URL. Correct them.",
        ("access_refused", "login was refused", "(403)"),
    ),
    Reason(
        "The broker has no such virtual host, or the user may not enter it. Make it, or correct BROKER_URL.",
        ("vhost", "not_allowed", "(530)"),
    ),
    Reason(
        "The broker has our queues with other arguments. Delete them there: they hold nothing that is not in PostgreSQL.",
        ("precondition_failed", "inequivalent arg"),
    ),
)

_WORDS = {
    "postgres": {
        "name": "PostgreSQL",
        "setting": "DATABASE_URL",
        "trust": "Add sslrootcert=/path/to/ca.pem to DATABASE_URL.",
        "plain": "Take sslmode out of DATABASE_URL, or switch TLS on there.",
        "tls": "Add sslmode=require to DATABASE_URL.",
    },
    "redis": {
        "name": "Redis",
        "setting": "REDIS_URL",
        "trust": "Set REDIS_CA_FILE to the file of its authority, or REDIS_TLS_VERIFY=false where the platform signs for itself.",
        "plain": "Let REDIS_URL begin with redis://, or switch TLS on there.",
        "tls": "Let REDIS_URL begin with rediss://.",
    },
    "broker": {
        "name": "The broker",
        "setting": "BROKER_URL",
        "trust": "Set REDIS_CA_FILE to the file of its authority, or REDIS_TLS_VERIFY=false where the platform signs for itself.",
        "plain": "Let BROKER_URL begin with amqp:// or redis://, or switch TLS on there.",
        "tls": "Let BROKER_URL begin with amqps:// or rediss://.",
    },
}


def of_postgres(error: BaseException) -> str:
    """Why PostgreSQL cannot be reached."""
    return _first_reason((*_NETWORK, *_POSTGRES), _text(error), "postgres")


def of_redis(error: BaseException) -> str:
    """Why Redis cannot be reached or written to."""
    return _first_reason((*_NETWORK, *_REDIS), _text(error), "redis")


def of_broker(error: BaseException) -> str:
    """Why the broker cannot be reached."""
    return _first_reason((*_NETWORK, *_BROKER, *_REDIS), _text(error), "broker")


def _first_reason(reasons: tuple[Reason, ...], text: str, server: str) -> str:
    words = next((reason.sentence for reason in reasons if any(sign in text for sign in reason.signs)), AWAY)
    return words.format(**_WORDS[server])


def _text(error: BaseException) -> str:
    """All messages of an error and of its causes, in lower case."""
    return " | ".join(str(cause) for cause in _chain(error)).lower()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
