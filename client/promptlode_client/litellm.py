"""A callback of LiteLLM, for its SDK and its proxy: `litellm.callbacks = [promptlode.litellm_callback()]`.

LiteLLM is imported when the callback is made. A call that is reported twice has one id, so it is stored once.
"""

from __future__ import annotations

import importlib
from typing import Any

from promptlode_client.client import Client
from promptlode_client.plain import plain

_OTHERS = ("embedding", "moderation", "image", "transcription", "speech", "rerank")
_NO_SETTING = {"stream", "stream_options", "extra_body", "extra_headers", "max_retries", "user"}


def litellm_callback(recorder: Client, path: str | None = None) -> Any:
    """An object that LiteLLM takes as a callback."""
    base = importlib.import_module("litellm.integrations.custom_logger").CustomLogger

    class Promptlode(base):  # type: ignore[misc, valid-type]
        def log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
            record_call(recorder, path, kwargs, response_obj, (start_time, end_time))

        async def async_log_success_event(
            self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            record_call(recorder, path, kwargs, response_obj, (start_time, end_time))

        def log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
            record_call(recorder, path, kwargs, None, (start_time, end_time))

        async def async_log_failure_event(
            self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            record_call(recorder, path, kwargs, None, (start_time, end_time))

    return Promptlode()


def record_call(
    recorder: Client, path: str | None, kwargs: dict[str, Any], response: Any, times: tuple[Any, Any]
) -> None:
    """One event of LiteLLM; never raises."""
    if any(word in str(kwargs.get("call_type")) for word in _OTHERS):
        return
    metadata = plain((kwargs.get("litellm_params") or {}).get("metadata")) or {}
    recorder.record(
        **_settings(kwargs.get("optional_params")),
        **_prompt(kwargs),
        **_answer(plain(response)),
        model=kwargs.get("model"),
        path=metadata.get("promptlode.path") or path or recorder.settings.path or "litellm",
        external_id=str(kwargs["litellm_call_id"]) if kwargs.get("litellm_call_id") else None,
        conversation_id=_text(metadata.get("session_id")),
        user_id=_text(kwargs.get("user")),
        error=_error(kwargs.get("exception")),
        started_at=times[0],
        completed_at=times[1],
    )


def _settings(parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in (plain(parameters) or {}).items() if name not in _NO_SETTING}


def _prompt(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The prompt: a text or items in the Responses API; in a completion, a list of one message."""
    input_ = kwargs.get("messages") or kwargs.get("input")
    return {"input": input_} if isinstance(input_, str) else {"messages": input_}


def _answer(response: Any) -> dict[str, Any]:
    if not isinstance(response, dict):
        return {}
    choices = response.get("choices")
    output = (
        [choice.get("message", choice) for choice in choices] if isinstance(choices, list) else response.get("output")
    )
    return {name: value for name, value in (("output", output), ("usage", response.get("usage"))) if value}


def _error(exception: Any) -> dict[str, str] | None:
    return None if exception is None else {"type": type(exception).__name__}


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
