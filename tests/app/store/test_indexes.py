"""On a filled table PostgreSQL itself chooses the indexes of docs/storage.md: no kind of plan is switched off."""

import re

from sqlalchemy import Engine

from benchmarks.plans import QUERIES, filled, plan


def test_every_main_query_walks_its_index_and_none_reads_all_calls(engine: Engine) -> None:
    ids = filled(engine, 12_000)
    with engine.begin() as connection:
        plans = {name: "\n".join(plan(connection, query, ids)) for name, query in QUERIES.items()}
    walks = r"(using|Bitmap Index Scan on) ({})\b"  # the order of the rows on disk decides between these two
    wrong = {name for name, query in QUERIES.items() if not re.search(walks.format(query.index), plans[name])}
    assert wrong == set(), {name: plans[name] for name in wrong}
    assert {name for name, lines in plans.items() if re.search(r"Seq Scan on trace\b", lines)} == set()
