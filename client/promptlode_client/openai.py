"""Records the calls of an OpenAI client, sync or async, without being noticed by the app.

`create` and `parse` of chat completions and responses are replaced on this one client. Each hands its arguments on as they are
and answers what the original answers: the same object, or the same error. Of a stream the iterator inside is watched, so the
object is the client's own and the app reads it as ever; what it read until it stopped is recorded.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timezone
from typing import Any, Callable, TypeVar

from promptlode_client.answers import ChatAnswer, ResponseAnswer
from promptlode_client.client import Client
from promptlode_client.context import calling_function, current_path, trace_headers
from promptlode_client.plain import is_given, plain

logger = logging.getLogger("promptlode_client")

T = TypeVar("T")

# Arguments of the client itself, which are no part of the request.
_NO_REQUEST = {"extra_headers", "extra_query", "extra_body", "timeout", "stream", "stream_options"}
_NAMES = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "user": "user_id",
    "text_format": "response_format",
}


def wrap_with(recorder: Client, openai: T, path: str | None = None) -> T:
    """The same client, recorded from now on.  Wrapping it again changes nothing."""
    chat = getattr(getattr(openai, "chat", None), "completions", None)
    for resource, answer in ((chat, ChatAnswer), (getattr(openai, "responses", None), ResponseAnswer)):
        for name in ("create", "parse"):
            original = getattr(resource, name, None)
            if original is not None and not hasattr(original, "__promptlode__"):
                setattr(resource, name, _recorded(recorder, original, answer, path))
    return openai


def _recorded(recorder: Client, original: Callable[..., Any], answer: type[ChatAnswer], path: str | None) -> Any:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        watch = _Watch.begun(recorder, answer, path, kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            watch.failed(error)
            raise
        return watch.awaited(result) if inspect.isawaitable(result) else watch.answered(result)

    call.__promptlode__ = True  # type: ignore[attr-defined]
    return call


class _Watch:
    """One call from its request to its answer.  No method raises, but what the app's own call raised."""

    def __init__(self, recorder: Client, answer: ChatAnswer, body: dict[str, Any]) -> None:
        self._recorder, self._answer, self._body = recorder, answer, body
        self._done = False

    @classmethod
    def begun(cls, recorder: Client, answer: type[ChatAnswer], path: str | None, kwargs: dict[str, Any]) -> _Watch:
        """The request is copied now: the app may go on with the list of its messages."""
        try:
            body = _request(kwargs)
            body["path"] = current_path() or path or recorder.settings.path or calling_function()
            body.update(trace_headers())
        except Exception as error:  # noqa: BLE001  # the app's call comes first
            logger.debug("A request could not be read: %s", type(error).__name__)
            body = {}
        return cls(recorder, answer(), {"started_at": _now(), **body})

    def answered(self, result: Any) -> Any:
        """The result itself, which is recorded now, or, of a stream, at its end."""
        iterator = getattr(result, "_iterator", None)
        if isinstance(iterator, AsyncIterator):
            result._iterator = self._watched_async(iterator)
            self._watch_close(result)
        elif isinstance(iterator, Iterator):
            result._iterator = self._watched(iterator)
            self._watch_close(result)
        else:
            self._read(self._answer.whole, result)
            self._record()
        return result

    async def awaited(self, result: Any) -> Any:
        try:
            found = await result
        except BaseException as error:
            self.failed(error)
            raise
        return self.answered(found)

    def failed(self, error: BaseException) -> None:
        """Its kind alone: a message may quote the prompt."""
        self._body["error"] = {"type": type(error).__name__}
        self._record()

    def _watch_close(self, stream: Any) -> None:
        """An app that leaves a stream early closes it, and that does not end its iterator."""
        original = stream.close

        @functools.wraps(original)
        def close() -> Any:
            self._record()
            return original()

        stream.close = close

    def _watched(self, iterator: Iterator[Any]) -> Iterator[Any]:
        try:
            for item in iterator:
                self._read(self._answer.piece, item)
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
                self._read(self._answer.piece, item)
                yield item
        except GeneratorExit:
            await getattr(iterator, "aclose", _nothing)()
            raise
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            self._record()

    def _read(self, read: Callable[[Any], None], value: Any) -> None:
        try:
            read(value)
        except Exception as error:  # noqa: BLE001  # an answer of another shape is recorded without it
            logger.debug("An answer could not be read: %s", type(error).__name__)

    def _record(self) -> None:
        if not self._done and self._body.get("model"):
            self._recorder.record(**{**self._body, **self._answer.found(), "completed_at": _now()})
        self._done = True


async def _nothing() -> None:
    """Of an iterator that cannot be closed."""


def _request(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by our names."""
    sent = {name: plain(value) for name, value in kwargs.items() if name not in _NO_REQUEST and is_given(value)}
    body = {_NAMES.get(name, name): value for name, value in sent.items()}
    if "reasoning_effort" in body:
        body.setdefault("reasoning", {"effort": body.pop("reasoning_effort")})
    text = body.get("text")
    if isinstance(text, dict) and text.get("format"):
        body.setdefault("response_format", text["format"])
    if isinstance(body.get("response_format"), str):
        body["response_format"] = {"type": body["response_format"]}
    return body


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
