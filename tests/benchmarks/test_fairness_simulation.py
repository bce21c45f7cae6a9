"""Shares protect the other projects from a flood; without shares the simulation shows the harm."""

import pytest
from redis import Redis

from benchmarks import fairness
from benchmarks.fairness import BOUND, SHARES, lag


@pytest.mark.parametrize(("queue", "is_fair"), [("shares", True), ("first come, first served", False)])
def test_a_flood_of_new_paths_leaves_the_lag_of_others_within_bounds_with_shares_only(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch, queue: str, is_fair: bool
) -> None:
    monkeypatch.setattr(fairness, "SECONDS", 60.0)
    share = SHARES[queue]
    alone, beside = lag(redis_client, share, 1, None), lag(redis_client, share, 1, "new paths")
    assert (beside <= BOUND * alone) is is_fair
