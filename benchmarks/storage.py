"""Stored bytes per call: the sample traffic after grouping, beside a table that holds every text as it was sent.

    python -m benchmarks.storage

Both tables have the same columns, indexes, values and rows, and are packed (VACUUM FULL) before they are measured. The other table
has no prompt beside the input, so it holds each text of a call once too. TOAST compresses both tables alike.
"""

from collections.abc import Iterator, Sequence

import orjson
from sqlalchemy import Connection, Engine, select, text

from app import sample
from app.store import traces
from app.store.tables import template, trace
from benchmarks.ingest.tables import table, times
from benchmarks.installation import Installation, installed

BATCH = 250

VALUES = "SELECT sum(coalesce(pg_column_size(variables), 0)) FROM {0}"
TEXTS = "SELECT sum(pg_column_size(input) + coalesce(pg_column_size(prompt_parts), 0)) + (" + VALUES + ") FROM {0}"
"""Bytes of the columns that hold the prompt of a call."""


def filled(installation: Installation) -> int:
    """Stores the sample traffic. Returns the number of calls."""
    bodies = list(sample.traces(0))
    for start in range(0, len(bodies), BATCH):
        installation.take(bodies[start : start + BATCH])
        installation.work()
    return len(bodies)


def write_out(connection: Connection) -> None:
    """Creates the table with the texts of all calls as they were sent."""
    rows = connection.execute(select(trace, template.c.parts).outerjoin(template)).all()
    records = [{"id": row.id, "input": orjson.dumps(traces.with_texts(row).input).decode()} for row in rows]
    connection.execute(text("CREATE TABLE sent (LIKE trace INCLUDING ALL)"))
    connection.execute(text("INSERT INTO sent SELECT * FROM trace ORDER BY id"))
    connection.execute(
        text("UPDATE sent SET input = CAST(:input AS json), prompt_parts = NULL WHERE id = :id"), records
    )


def pack(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in ("trace", "sent", "template"):
            connection.execute(text(f"VACUUM FULL ANALYZE {name}"))


SIZE = "SELECT coalesce((SELECT sum({0}(relid)) FROM pg_partition_tree('{1}')), {0}('{1}'))"


def number(connection: Connection, query: str) -> float:
    return float(connection.execute(text(query)).scalar_one())


def rows_of(connection: Connection, calls: int) -> Iterator[Sequence[str]]:
    """(what is counted, bytes per call in each table)."""
    parts = number(connection, "SELECT sum(pg_column_size(parts)) FROM template")
    ours, theirs = (number(connection, TEXTS.format(name)) for name in ("trace", "sent"))
    values = number(connection, VALUES.format("sent"))
    yield row("prompts and values", theirs, ours, parts, calls)
    yield row("the same, where nobody asks for values", theirs - values, ours, parts, calls)
    for column, size in (("rows", "pg_table_size"), ("rows with indexes", "pg_total_relation_size")):
        ours, theirs, templates = (
            number(connection, SIZE.format(size, name)) for name in ("trace", "sent", "template")
        )
        yield row(column, theirs, ours, templates, calls)


def row(column: str, theirs: float, ours: float, templates: float, calls: int) -> Sequence[str]:
    sizes = [f"{size / calls:.0f}" for size in (theirs, ours, templates)]
    return column, *sizes, times((ours + templates) / theirs)


def main() -> None:
    with installed() as installation:
        calls = filled(installation)
        with installation.engine.begin() as connection:
            write_out(connection)
        pack(installation.engine)
        with installation.engine.connect() as connection:
            rows = list(rows_of(connection, calls))
    print(f"Bytes per call, {calls:,} calls of the sample traffic.\n")
    print(table(("what", "as sent", "ours", "+ templates", "ratio"), rows))


if __name__ == "__main__":
    main()
