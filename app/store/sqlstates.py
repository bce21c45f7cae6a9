"""The meaning of PostgreSQL's error codes (PostgreSQL manual, appendix A); no other module names one.

Each function takes the error that SQLAlchemy or the driver raised.
"""

from sqlalchemy import exc

READ_ONLY = "25006"
DEADLOCK = "40P01"
SERIALIZATION_FAILURE = "40001"
LOCK_NOT_AVAILABLE = "55P03"

QUERY_CANCELED = "57014"
"""By statement_timeout."""

FOREIGN_KEY_VIOLATION = "23503"

PROJECT_MOVES = "PL001"
"""Ours: function moving_stage raises it."""

UNKNOWN_STATEMENT = "26000"
DUPLICATE_STATEMENT = "42P05"
DUPLICATE_TABLE = "42P07"

FEATURE_NOT_SUPPORTED = "0A000"
"""Of a prepared statement: a migration has changed its columns."""

STATES = {
    "25006": "PostgreSQL is read-only: it is a standby, or somebody made it so. Let DATABASE_URL name the primary.",
    "42501": "The role of DATABASE_URL may not do what we need. Make it the owner of the database.",
    "53100": "The disk of PostgreSQL is full. Make room on it.",
    "53200": "PostgreSQL is out of memory. Lower its connections or work_mem, or give it more.",
    "53300": "PostgreSQL takes no more connections. Raise max_connections, or lower DATABASE_POOL_SIZE.",
    "53400": "PostgreSQL has reached a limit of its configuration. Its log says which.",
    "57P01": "PostgreSQL was told to end the connection.",
    "57P03": "PostgreSQL is starting, stopping or recovering. It answers by itself when it is done; if it does not, see its log and its disk.",
    PROJECT_MOVES: "The project moves to another database, or has moved. `promptlode projects` says where to.",
}
"""States of a server by SQLSTATE (PostgreSQL manual, appendix A); the request is correct, and may be sent again."""

CLASSES = {
    "08": "The connection to PostgreSQL broke.",
    "53": "PostgreSQL lacks a resource. Its log says which.",
    "57": "PostgreSQL ends what it does.",
    "58": "PostgreSQL cannot read or write its files. Look at its log and its disk.",
}
"""States of a server by the class of a SQLSTATE."""

_CROSSED = frozenset({DEADLOCK, SERIALIZATION_FAILURE})


def code_of(error: BaseException) -> str | None:
    """The SQLSTATE of an error of the driver, or of the one that SQLAlchemy wrapped; None where there is none."""
    return getattr(getattr(error, "orig", error), "pgcode", None)


def is_outage(error: exc.DBAPIError) -> bool:
    """Whether the server is down, or in no state to carry out the statement, as opposed to a wrong statement.

    A failed connection attempt has no code.
    """
    return error.connection_invalidated or _never_connected(error) or state_of(error) is not None


def state_of(error: BaseException) -> str | None:
    """The state of the server in words for its operator; None when the error concerns the statement."""
    code = code_of(error)
    if code is None or code == QUERY_CANCELED:
        return None
    return STATES.get(code) or CLASSES.get(code[:2])


def is_read_only(error: BaseException) -> bool:
    """Whether the server refused to write at all: a standby, perhaps one that was the primary a moment ago."""
    return code_of(error) == READ_ONLY


def is_moving(error: BaseException) -> bool:
    """Whether the project cannot be written to here because it moves to another database."""
    return code_of(error) == PROJECT_MOVES


def _never_connected(error: exc.DBAPIError) -> bool:
    return code_of(error) is None and isinstance(error, (exc.OperationalError, exc.InterfaceError))


def is_busy(error: BaseException) -> bool:
    """Whether a lock or a statement took too long, or two transactions deadlocked: the database is busy, and the request correct."""
    return is_crossing(error) or code_of(error) in {LOCK_NOT_AVAILABLE, QUERY_CANCELED}


def is_crossing(error: BaseException) -> bool:
    """Whether PostgreSQL ended one of two deadlocked transactions, which succeeds when it is repeated."""
    return code_of(error) in _CROSSED


def is_gone(error: BaseException) -> bool:
    """Whether a referenced row was deleted meanwhile."""
    return code_of(error) == FOREIGN_KEY_VIOLATION


def is_of_another_session(error: BaseException) -> bool:
    """Whether a prepared statement is unknown or known already: a pooler has switched the session."""
    return code_of(error) in {UNKNOWN_STATEMENT, DUPLICATE_STATEMENT}


def is_plan_outdated(error: BaseException) -> bool:
    """Whether a prepared statement gives other columns than when it was prepared."""
    return code_of(error) == FEATURE_NOT_SUPPORTED
