"""A callback of LangChain: `chain.invoke(..., config={"callbacks": [promptlode.langchain_callback()]})`.

langchain-core is imported when the callback is made. Runs of models are recorded, chains and tools are not.
"""

from __future__ import annotations

import importlib
import json
from datetime import datetime, timezone
from typing import Any

from promptlode_client.client import Client
from promptlode_client.context import calling_function, current_path
from promptlode_client.plain import plain

_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}
_CONVERSATION = ("session_id", "thread_id", "conversation_id")
_NO_SETTING = {"_type", "model", "model_name", "stream", "stream_options", "n", "stop"}


def langchain_callback(recorder: Client, path: str | None = None) -> Any:
    """A handler that LangChain takes as a callback."""
    base = importlib.import_module("langchain_core.callbacks").BaseCallbackHandler

    class Promptlode(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            self._runs: dict[Any, dict[str, Any]] = {}

        def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: Any, **about: Any) -> None:
            messages_sent = [message_of(message) for conversation in messages for message in conversation]
            self._runs[run_id] = {**facts_before_answer(recorder, path, about), "messages": messages_sent}

        def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: Any, **about: Any) -> None:
            self._runs[run_id] = {**facts_before_answer(recorder, path, about), "input": "\n\n".join(prompts)}

        def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
            recorder.record(**{**self._runs.pop(run_id, {}), **answer_of(response), "completed_at": now()})

        def on_llm_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
            recorder.record(
                **{**self._runs.pop(run_id, {}), "error": {"type": type(error).__name__}, "completed_at": now()}
            )

    return Promptlode()


def facts_before_answer(recorder: Client, path: str | None, about: dict[str, Any]) -> dict[str, Any]:
    """The facts of a run before its answer."""
    parameters = plain(about.get("invocation_params")) or {}
    metadata = plain(about.get("metadata")) or {}
    settings = {name: value for name, value in parameters.items() if name not in _NO_SETTING}
    return {
        **settings,
        "model": parameters.get("model") or parameters.get("model_name") or metadata.get("ls_model_name"),
        "path": current_path()
        or metadata.get("promptlode.path")
        or path
        or recorder.settings.path
        or calling_function(),
        "conversation_id": next((str(metadata[name]) for name in _CONVERSATION if metadata.get(name)), None),
        "metadata": {name: value for name, value in metadata.items() if not name.startswith("ls_")} or None,
        "started_at": now(),
    }


def message_of(message: Any) -> dict[str, Any]:
    """A message of LangChain in the form of the Chat Completions API."""
    fields = {
        "role": _ROLES.get(message.type, getattr(message, "role", message.type)),
        "content": plain(message.content),
        "tool_calls": [_call(call) for call in getattr(message, "tool_calls", None) or []],
        "tool_call_id": getattr(message, "tool_call_id", None),
    }
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _call(call: Any) -> dict[str, Any]:
    return {
        "id": call.get("id"),
        "type": "function",
        "function": {"name": call.get("name"), "arguments": json.dumps(plain(call.get("args")))},
    }


def answer_of(response: Any) -> dict[str, Any]:
    """`output` and `usage` of an LLMResult."""
    generations = [generation for alternatives in response.generations for generation in alternatives]
    messages = [getattr(generation, "message", None) for generation in generations]
    output = [
        {"role": "assistant", "content": generation.text}
        if message is None
        else {**message_of(message), "role": "assistant"}
        for generation, message in zip(generations, messages)
    ]
    counts = next((usage for message in messages if (usage := getattr(message, "usage_metadata", None))), None)
    usage = plain(counts) or plain((response.llm_output or {}).get("token_usage"))
    return {"output": output, **({"usage": usage} if usage else {})}


def now() -> str:
    return datetime.now(timezone.utc).isoformat()
