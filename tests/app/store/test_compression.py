"""Which compression new sessions of a database use."""

from sqlalchemy import Connection, text

from app.store import compression

_OF_DATABASE = text(
    "SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase"
    " WHERE datname = current_database()"
)


def test_a_method_that_the_server_has_is_set_for_the_database(connection: Connection) -> None:
    assert compression.prefer(connection, "pglz")
    assert "default_toast_compression=pglz" in connection.scalars(_OF_DATABASE).all()


def test_a_method_that_the_server_lacks_is_not_set(connection: Connection) -> None:
    assert not compression.prefer(connection, "lz5")


def test_the_method_that_an_administrator_has_set_stays(connection: Connection) -> None:
    connection.execute(text("SET default_toast_compression = 'pglz'"))
    assert not compression.prefer(connection, "pglz")
