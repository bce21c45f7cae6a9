"""The method by which PostgreSQL compresses long values, lz4 where the server has it.

PostgreSQL's own method, pglz, is the default before version 19. Values of 20 KB are stored with lz4 in a third of the processor time, and read in
two thirds; they take a quarter more room. The embedded PostgreSQL is built without lz4.

The method is set for the database, not for columns: a dump of columns that name lz4 cannot be restored into a server without it.
"""

from sqlalchemy import Connection, text

LZ4 = "lz4"

_IS_FREE_TO_CHOOSE = text(
    "SELECT source = 'default' AND :method = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
)
"""False, too, where an administrator has set the method, for the server or the database."""

_STATEMENT = text("SELECT format('ALTER DATABASE %I SET default_toast_compression = %L', current_database(), :method)")


def prefer(connection: Connection, method: str = LZ4) -> bool:
    """Let new sessions compress by this method, if the server has it and nobody has chosen; whether that was changed.

    Raises ProgrammingError where the account does not own the database.
    """
    if not connection.scalar(_IS_FREE_TO_CHOOSE, {"method": method}):
        return False
    connection.exec_driver_sql(connection.execute(_STATEMENT, {"method": method}).scalar_one())
    return True
