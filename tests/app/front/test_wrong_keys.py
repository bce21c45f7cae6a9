"""An address that has tried too many wrong keys is refused from the headers of its request."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Engine

from app.config import Settings
from app.http.services import EXTENSION
from app.web import create_app
from tests.app.api_helpers import new_key
from tests.app.front_client import URL, Answer, FrontClient, Protocol, Scope, in_front

NOW = 1_800_000_003.0
WRONG_KEYS_IN_TEN_SECONDS = 10
BODY = {"model": "m", "path": "/p", "input": "Hi"}


class EndlessBody(Protocol):
    """A body that never arrives whole."""

    async def __call__(self) -> bytes:
        return await asyncio.get_running_loop().create_future()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.get_running_loop().create_future()


@pytest.fixture
def front(settings: Settings, engine: Engine) -> Iterator[FrontClient]:
    """A front for which no time passes, of an address that has tried too many wrong keys."""
    limited = settings.model_copy(update={"rate_failures": 1, "body_timeout": 0.5})
    app = create_app(limited)
    app.extensions[EXTENSION].limiter._rates._clock = lambda: NOW
    with in_front(app, limited) as client:
        answers = [client.post(f"wrong {number}", BODY) for number in range(WRONG_KEYS_IN_TEN_SECONDS)]
        assert {answer.status for answer in answers} == {401}
        yield client
    app.extensions[EXTENSION].engine.dispose()


def post_slowly(front: FrontClient, key: str) -> Answer:
    """The answer to a request whose body never arrives; without Expect, the front would read on behind its answer."""
    headers = {
        "host": "x",
        "content-type": "application/json",
        "content-length": "5000",
        "authorization": f"Bearer {key}",
        "expect": "100-continue",
    }
    protocol = EndlessBody(b"")
    sending = front.front.__rsgi__(Scope("POST", URL, headers), protocol)
    asyncio.run_coroutine_threadsafe(sending, front.loop).result(180)
    return protocol.answer


def test_such_an_address_is_told_so_before_its_slow_body_is_there(front: FrontClient) -> None:
    answer = post_slowly(front, "wrong")
    assert (answer.status, answer.json["title"]) == (429, "Too Many Requests")
    assert "wrong API keys" in answer.json["detail"]
    assert int(answer.headers["retry-after"]) >= 1


def test_a_valid_key_that_is_new_there_is_refused_even_if_the_rate_frees_up_while_the_request_waits(
    front: FrontClient, engine: Engine
) -> None:
    """The body was not read, so the key must not be looked up afterwards: the call would be refused for ever as empty."""
    limiter = front.front._services.limiter
    is_free = iter([False])
    limiter.may_try_a_key = lambda _: next(is_free)  # type: ignore[method-assign]
    limiter._rates._clock = lambda: NOW + 60
    assert post_slowly(front, new_key(engine, "shop")).status == 429
