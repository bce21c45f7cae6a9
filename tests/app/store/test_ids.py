"""Ids sort by the time they were made."""

import time
import uuid

import pytest

from app.store.ids import new_id, new_ids


def test_an_id_is_a_uuid_of_version_7() -> None:
    id_ = new_id()
    assert (id_.version, id_.variant) == (7, uuid.RFC_4122)


def test_an_id_tells_when_it_was_made() -> None:
    assert abs((new_id().int >> 80) / 1000 - time.time()) < 60


def test_ids_of_one_process_increase_strictly() -> None:
    ids = [new_id() for _ in range(10_000)] + new_ids(10_000) + [new_id()]
    assert ids == sorted(set(ids))


def test_ids_increase_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    assert before < new_id() < new_id()


def test_an_id_after_a_batch_is_larger_also_when_the_clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    assert new_ids(1000)[-1] < new_id()
