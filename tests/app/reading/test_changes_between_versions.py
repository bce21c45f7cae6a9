"""With which version a version is compared."""

from app.reading.changes import replaced_by


def test_a_version_replaced_the_last_one_of_its_model() -> None:
    setups = {1: "small", 2: "large", 3: "small", 4: "large"}
    assert [replaced_by(number, setups) for number in setups] == [None, 1, 1, 2]


def test_a_version_of_a_new_model_replaced_the_one_before() -> None:
    assert replaced_by(3, {1: "small", 2: "small", 3: "large"}) == 2


def test_a_version_with_a_high_number_and_older_calls_was_replaced_by_the_one_in_use() -> None:
    assert replaced_by(1, {2: "small", 1: "small"}) == 2
