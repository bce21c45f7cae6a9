"""A recorded client of a provider: its methods work as before, and each call is recorded with its answer.

The app gets the client's own result: the same object, or for a stream the same object with a watched iterator. An answer that cannot be
read is recorded without it; no error is raised but the app's own.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable

from promptlode_client.client import Client
from promptlode_client.context import calling_function, current_path, trace_headers
from promptlode_client.plain import is_given, plain

logger = logging.getLogger("promptlode_client")


class Answer:
    """The answer of a model, whole or in pieces of a stream."""

    def fields(self) -> dict[str, Any]:
        """`output` and `usage`, if present."""
        raise NotImplementedError

    def read_whole(self, answer: Any) -> None:
        """Read an answer that is not streamed."""
        raise NotImplementedError

    def piece(self, chunk: Any) -> None:
        """Read a piece of a stream."""
        raise NotImplementedError


@dataclass(frozen=True)
class How:
    """The way to read a provider's calls: arguments as a body, answers, and arguments that are not part of a request."""

    request: Callable[[dict[str, Any]], dict[str, Any]]
    answer: Callable[[], Answer]


def arguments(kwargs: dict[str, Any], left_out: set[str]) -> dict[str, Any]:
    """The given arguments as JSON: a copy, since the app may go on changing its list of messages."""
    return {name: plain(value) for name, value in kwargs.items() if name not in left_out and is_given(value)}


def watch_method(recorder: Client, resource: Any, name: str, how: How, path: str | None) -> bool:
    """Record a method of a client from now on; False where it has no such method. A second time changes nothing."""
    original = getattr(resource, name, None)
    if original is None:
        return False
    if not hasattr(original, "__promptlode__"):
        setattr(resource, name, _recorded(recorder, original, how, path))
    return True


def _recorded(recorder: Client, original: Callable[..., Any], how: How, path: str | None) -> Any:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        watch = _Watch.begin(recorder, how, path, kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            watch.failed(error)
            raise
        return watch.awaited(result) if inspect.isawaitable(result) else watch.answered(result)

    call.__promptlode__ = True  # type: ignore[attr-defined]
    return call


class _Watch:
    """One call from its request to its answer. No method raises errors other than the app's own."""

    def __init__(self, recorder: Client, answer: Answer, body: dict[str, Any]) -> None:
        self._recorder, self._answer, self._body = recorder, answer, body
        self._done = False

    @classmethod
    def begin(cls, recorder: Client, how: How, path: str | None, kwargs: dict[str, Any]) -> _Watch:
        """Begin with a copy of the request: the app may go on changing its list of messages."""
        try:
            body = how.request(kwargs)
            body["path"] = current_path() or path or recorder.settings.path or calling_function()
            body.update(trace_headers())
        except Exception as error:  # noqa: BLE001  # the app's call comes first
            logger.debug("A request could not be read: %s", type(error).__name__)
            body = {}
        return cls(recorder, how.answer(), {"started_at": _now(), **body})

    def answered(self, result: Any) -> Any:
        """The result itself; its answer is recorded now, or for a stream at its end."""
        try:
            return self._followed(result)
        except Exception as error:  # noqa: BLE001  # say a stream with slots, whose iterator nobody can replace
            logger.debug("An answer could not be watched: %s", type(error).__name__)
            self._record()
            return result

    def _followed(self, result: Any) -> Any:
        if inspect.isgenerator(result):
            return self._watched(result)
        if inspect.isasyncgen(result) or (isinstance(result, AsyncIterator) and not hasattr(result, "_iterator")):
            return self._watched_async(result)
        if hasattr(result, "__enter__") and not hasattr(result, "_iterator"):
            return _Managed(self, result)
        if hasattr(result, "__aenter__") and not hasattr(result, "_iterator"):
            return _AsyncManaged(self, result)
        if not self._follow(result):
            self.record_whole(result)
        return result

    def _follow(self, result: Any) -> bool:
        """Watch the iterator of a stream; False for another object."""
        iterator = getattr(result, "_iterator", None)
        if isinstance(iterator, AsyncIterator):
            result._iterator = self._watched_async(iterator)
        elif isinstance(iterator, Iterator):
            result._iterator = self._watched(iterator)
        else:
            return False
        self._read_safely(self._watch_close, result)
        return True

    def record_whole(self, result: Any) -> None:
        """Record a whole answer, which ends the call."""
        self._read_safely(self._answer.read_whole, result)
        self._record()

    async def awaited(self, result: Any) -> Any:
        try:
            answer = await result
        except BaseException as error:
            self.failed(error)
            raise
        return self.answered(answer)

    def failed(self, error: BaseException) -> None:
        """Record the class of the error alone: its message may quote the prompt."""
        self._body["error"] = {"type": type(error).__name__}
        self._record()

    def _watch_close(self, stream: Any) -> None:
        """Watch `close`: an app that leaves a stream early closes it, which does not end its iterator."""
        original = stream.close

        @functools.wraps(original)
        def close() -> Any:
            self._record()
            return original()

        stream.close = close

    def _watched(self, iterator: Iterator[Any]) -> Iterator[Any]:
        try:
            for item in iterator:
                self._read_safely(self._answer.piece, item)
                yield item
        except GeneratorExit:
            getattr(iterator, "close", lambda: None)()
            raise
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            self._record()

    async def _watched_async(self, iterator: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for item in iterator:
                self._read_safely(self._answer.piece, item)
                yield item
        except GeneratorExit:
            await getattr(iterator, "aclose", _no_close)()
            raise
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            self._record()

    def _read_safely(self, reader: Callable[[Any], None], value: Any) -> None:
        try:
            reader(value)
        except Exception as error:  # noqa: BLE001  # an answer of another shape is recorded without it
            logger.debug("An answer could not be read: %s", type(error).__name__)

    def _record(self) -> None:
        if not self._done and self._body.get("model"):
            self._read_safely(lambda answer: self._body.update(answer.fields()), self._answer)
            self._recorder.record(**{**self._body, "completed_at": _now()})
        self._done = True


class _Manager:
    """The context manager of `client.messages.stream(...)`; the message that the stream has assembled at its end is the answer."""

    def __init__(self, watch: _Watch, inner: Any) -> None:
        self._watch, self._inner = watch, inner
        self._stream: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _end(self, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self._watch.failed(error)
        try:
            self._watch.record_whole(self._stream.current_message_snapshot)
        except Exception:  # noqa: BLE001  # nothing came, or the stream is of another kind
            self._watch.record_whole(None)


class _Managed(_Manager):
    def __enter__(self) -> Any:
        self._stream = self._inner.__enter__()
        return self._stream

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> Any:
        self._end(error)
        return self._inner.__exit__(kind, error, trace)


class _AsyncManaged(_Manager):
    async def __aenter__(self) -> Any:
        self._stream = await self._inner.__aenter__()
        return self._stream

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> Any:
        self._end(error)
        return await self._inner.__aexit__(kind, error, trace)


async def _no_close() -> None:
    """Stands in for `aclose` of an iterator without one."""


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
