"""What PostgreSQL's error codes mean to us (PostgreSQL manual, appendix A): the one place that names any.

Each question takes what SQLAlchemy or the driver raised.
"""

from sqlalchemy import exc

CONNECTION_CLASS = "08"
SHUTTING_DOWN = frozenset({"57P01", "57P02", "57P03"})  # admin shutdown, crash shutdown, cannot connect now
TOO_MANY_CONNECTIONS = "53300"
DEADLOCK = "40P01"
SERIALIZATION_FAILURE = "40001"
LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"  # by statement_timeout
FOREIGN_KEY_VIOLATION = "23503"
UNKNOWN_STATEMENT = "26000"
DUPLICATE_STATEMENT = "42P05"

_CROSSED = frozenset({DEADLOCK, SERIALIZATION_FAILURE})


def code_of(error: BaseException) -> str | None:
    """The SQLSTATE of an error of the driver, or of the one that SQLAlchemy wrapped; None where there is none."""
    return getattr(getattr(error, "orig", error), "pgcode", None)


def is_outage(error: exc.DBAPIError) -> bool:
    """Whether the server is away, starting or stopping, rather than our statement wrong.

    A failed connect has no code at all.
    """
    code = code_of(error)
    if error.connection_invalidated:
        return True
    if code is None:
        return isinstance(error, exc.OperationalError)
    return code.startswith(CONNECTION_CLASS) or code in SHUTTING_DOWN or code == TOO_MANY_CONNECTIONS


def is_busy(error: BaseException) -> bool:
    """Whether a lock or a statement took too long, or two transactions crossed: the database is busy, not the request wrong."""
    return is_crossing(error) or code_of(error) in {LOCK_NOT_AVAILABLE, QUERY_CANCELED}


def is_crossing(error: BaseException) -> bool:
    """Whether PostgreSQL ended one of two transactions that waited for each other: the same transaction succeeds when tried again."""
    return code_of(error) in _CROSSED


def is_gone(error: BaseException) -> bool:
    """Whether a row that ours refers to was deleted meanwhile."""
    return code_of(error) == FOREIGN_KEY_VIOLATION


def is_of_another_session(error: BaseException) -> bool:
    """Whether a prepared statement is unknown or known already: a pooler in between has given us another session."""
    return code_of(error) in {UNKNOWN_STATEMENT, DUPLICATE_STATEMENT}
