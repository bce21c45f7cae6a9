"""A cache keeps the freshest values and the last used, and no more than its bound."""

from app.cache import Cache


def test_the_value_that_was_not_used_for_longest_is_forgotten_first() -> None:
    cache: Cache[str, int] = Cache(2)
    for key, value in {"one": 1, "two": 2}.items():
        cache.keep(key, value)
    cache.fresh("one")
    cache.keep("three", 3)
    assert [cache.fresh(key) for key in ("one", "two", "three")] == [1, None, 3]


def test_a_value_that_is_no_longer_fresh_is_still_the_last() -> None:
    cache: Cache[str, int] = Cache(2, seconds=-1)
    cache.keep("key", 1)
    assert (cache.fresh("key"), cache.last("key")) == (None, 1)


def test_a_forgotten_value_is_neither_fresh_nor_the_last() -> None:
    cache: Cache[str, int] = Cache(2)
    cache.keep("key", 1)
    cache.forget("key")
    assert (cache.fresh("key"), cache.last("key")) == (None, None)
