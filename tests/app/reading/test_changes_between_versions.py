"""With which version a version is compared."""

from datetime import UTC, datetime, timedelta

from app.reading.changes import BegunVersion, replaced_by

FIRST_CALL = datetime(2026, 1, 1, tzinfo=UTC)


def begun(**models: str) -> list[BegunVersion]:
    """Versions by their numbers (v1, v2), in the order of their first calls, with their models."""
    return [
        BegunVersion(int(name[1:]), FIRST_CALL + timedelta(hours=hour), model)
        for hour, (name, model) in enumerate(models.items())
    ]


def test_a_version_replaced_the_last_one_of_its_model() -> None:
    versions = begun(v1="small", v2="large", v3="small", v4="large")
    assert [replaced_by(version.number, versions) for version in versions] == [None, 1, 1, 2]


def test_a_version_of_a_new_model_replaced_the_one_before() -> None:
    assert replaced_by(3, begun(v1="small", v2="small", v3="large")) == 2


def test_a_version_with_a_high_number_and_older_calls_was_replaced_by_the_one_in_use() -> None:
    assert replaced_by(1, begun(v2="small", v1="small")) == 2


def test_a_version_without_a_call_comes_last() -> None:
    without_call = BegunVersion(1, None, "small")
    assert replaced_by(1, [without_call, *begun(v2="small", v3="small")]) == 3


def test_a_version_that_was_withdrawn_meanwhile_replaced_none() -> None:
    assert replaced_by(3, begun(v1="small", v2="small")) is None
