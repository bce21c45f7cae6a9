"""What tests of the store share."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction that nobody commits."""
    with engine.connect() as connection:
        yield connection
