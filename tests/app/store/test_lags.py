"""The lag histogram of a group: from a trace being stored to a run having read it."""

from uuid import UUID

import pytest
from sqlalchemy import Connection, func, insert

from app.store import groups, lags, projects
from app.store.counters import totals
from app.store.ids import new_id
from app.store.lags import ENDS
from app.store.tables import trace

INFINITY = float("inf")


class Calls:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._project = projects.get_or_create(connection, "shop").id
        self.group = groups.get_or_create(connection, self._project, ["/chat"])["/chat"].id

    def stored(self, *ages: float) -> list[UUID]:
        """One call for each age in seconds."""
        rows = [
            {
                "id": new_id(), "project_id": self._project, "group_id": self.group, "model": "m", "settings": {},
                "settings_digest": "", "input": {}, "seen_at": func.clock_timestamp(),
                "created_at": func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, age),
            }
            for age in ages
        ]  # fmt: skip
        for row in rows:
            self._connection.execute(insert(trace).values(row))
        return [row["id"] for row in rows]

    def histogram(self) -> lags.Lags:
        return lags.of(totals(self._connection, None))


@pytest.fixture
def calls(connection: Connection) -> Calls:
    return Calls(connection)


def test_each_call_counts_in_every_bucket_that_holds_it(connection: Connection, calls: Calls) -> None:
    """Ages far below the ends of their buckets, so that a test may be slow; the first age is negative, of a clock
    that went ahead.
    """
    lags.observe(connection, calls.group, calls.stored(-60, 31, 130, 10_000))
    counts = calls.histogram().until
    assert [counts[end] for end in (1, 30, 60, 120, 300, 3600, INFINITY)] == [1, 1, 2, 2, 3, 3, 4]


def test_the_next_run_adds_to_it(connection: Connection, calls: Calls) -> None:
    for _ in range(2):
        lags.observe(connection, calls.group, calls.stored(400, 2000))
    histogram = calls.histogram()
    assert histogram.until[INFINITY] == 4
    assert histogram.seconds == pytest.approx(4800, abs=200)


def test_a_run_that_read_nothing_adds_nothing(connection: Connection, calls: Calls) -> None:
    lags.observe(connection, calls.group, [])
    assert calls.histogram() == lags.Lags(dict.fromkeys((*ENDS, INFINITY), 0), 0.0)
