"""A marked query is planned once a connection, answers as any other, and heals itself when the connection forgot it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, literal, select, text

from app.errors import DatabaseDownError
from app.store.engine import outages_named, transaction
from app.store.planned import planned_once
from app.store.projects import Project
from app.store.tables import project as project_table

PLANNED = text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'planned%'")


def test_the_second_request_of_a_connection_carries_out_what_the_first_prepared(
    engine: Engine, project: Project
) -> None:
    query = planned_once(select(project_table.c.name).where(project_table.c.id == project.id))
    with transaction(engine) as connection:
        before = connection.execute(PLANNED).scalar_one()
        assert [connection.execute(query).scalar_one() for _ in range(3)] == [project.name] * 3
        assert connection.execute(PLANNED).scalar_one() == before + 1


def test_a_rollback_takes_no_statement_away(engine: Engine, project: Project) -> None:
    query = planned_once(select(project_table.c.name).where(project_table.c.id == project.id).limit(7))
    with engine.connect() as connection:
        connection.execute(query)
        connection.rollback()
        assert connection.execute(query).scalar_one() == project.name


def test_values_and_percent_signs_are_sent_as_in_any_query(engine: Engine) -> None:
    moment, number = datetime(2026, 3, 1, tzinfo=UTC), uuid4()
    query = planned_once(
        text("SELECT CAST(:moment AS timestamptz), CAST(:id AS uuid), 7 % 4, 'a%b' LIKE 'a%%', :id = :id")
    )
    with transaction(engine) as connection:
        for _ in range(2):
            row = connection.execute(query, {"moment": moment, "id": str(number)}).one()
            assert tuple(row) == (moment, number, 3, True, True)


def test_a_connection_that_forgot_the_statement_is_replaced(engine: Engine, project: Project) -> None:
    query = planned_once(select(project_table.c.name, literal(1), func.now()).where(project_table.c.id == project.id))
    with engine.connect() as connection:
        connection.execute(query)
        connection.exec_driver_sql("DEALLOCATE ALL")
        connection.commit()
        with pytest.raises(DatabaseDownError), outages_named():
            connection.execute(query)
    with transaction(engine) as connection:
        assert connection.execute(query).one()[0] == project.name
