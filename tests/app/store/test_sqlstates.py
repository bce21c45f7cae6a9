"""The meaning of PostgreSQL's error codes, asked of errors that PostgreSQL raised."""

import pytest
from sqlalchemy import Engine, exc, text

from app.store import sqlstates
from app.store.engine import transaction


def raised(engine: Engine, code: str) -> exc.DBAPIError:
    program = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
    with pytest.raises(exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text(program))
    return caught.value


def meanings(error: exc.DBAPIError) -> set[str]:
    questions = ("is_outage", "is_busy", "is_crossing", "is_gone", "is_of_another_session", "is_read_only")
    return {question for question in questions if getattr(sqlstates, question)(error)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("40P01", {"is_busy", "is_crossing"}),
        ("40001", {"is_busy", "is_crossing"}),
        ("55P03", {"is_busy"}),
        ("57014", {"is_busy"}),
        ("23503", {"is_gone"}),
        ("57P01", {"is_outage"}),
        ("53300", {"is_outage"}),
        ("08006", {"is_outage"}),
        ("53100", {"is_outage"}),
        ("58030", {"is_outage"}),
        ("25006", {"is_outage", "is_read_only"}),
        ("26000", {"is_of_another_session"}),
        ("22012", set()),
    ],
)
def test_an_error_means_one_thing_wherever_it_is_met(engine: Engine, code: str, expected: set[str]) -> None:
    assert meanings(raised(engine, code)) == expected


def test_a_statement_that_takes_too_long_is_a_busy_database(engine: Engine) -> None:
    with pytest.raises(exc.DBAPIError) as caught, transaction(engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 10; SELECT pg_sleep(60)"))
    assert meanings(caught.value) == {"is_busy"}
