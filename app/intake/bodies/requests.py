"""A request of any provider as a body of `POST /api/v1/traces`.

Two tables hold the differences of providers: `SETTINGS` names the fields of each setting, `_READERS_OF_PROMPTS` the fields of the prompt. A
provider with known names needs no code; one with a new name needs a line.
"""

from collections.abc import Callable
from typing import Any

from app.intake.bodies.messages import is_message, messages_of, system_message
from app.intake.bodies.values import Body, parsed, present, take

MODEL = ("model", "modelId", "model_id", "modelName", "model_name", "azure_deployment", "deployment_id", "engine")

SETTINGS: dict[str, tuple[str, ...]] = {
    "temperature": (
        "temperature",
        "generationConfig.temperature",  # Gemini
        "generation_config.temperature",
        "config.temperature",  # google-genai
        "inferenceConfig.temperature",  # Converse
        "textGenerationConfig.temperature",  # Titan
        "options.temperature",  # Ollama
    ),
    "max_output_tokens": (
        "max_output_tokens",
        "max_completion_tokens",
        "max_tokens",
        "maxTokens",
        "maxOutputTokens",
        "max_new_tokens",
        "max_tokens_to_sample",
        "generationConfig.maxOutputTokens",
        "generation_config.max_output_tokens",
        "config.max_output_tokens",
        "inferenceConfig.maxTokens",
        "textGenerationConfig.maxTokenCount",
        "options.num_predict",
    ),
    "tools": ("tools", "functions", "toolConfig.tools", "tool_config.tools", "config.tools"),
    "tool_choice": ("tool_choice", "toolChoice", "function_call", "toolConfig.toolChoice", "config.tool_config"),
    "reasoning": (
        "reasoning",
        "reasoning_effort",
        "thinking",
        "generationConfig.thinkingConfig",
        "config.thinking_config",
    ),
    "response_format": (
        "response_format",
        "responseFormat",
        "text.format",
        "output_config.format",
        "output_format",
        "generationConfig.responseSchema",
        "generationConfig.responseMimeType",
        "config.response_schema",
    ),
    "user_id": ("user", "metadata.user_id"),
}
"""Our field: its names at providers, the first present one wins; `a.b` is a member of an object."""

SYSTEM = (
    "system",
    "systemInstruction",
    "system_instruction",
    "systemPrompt",
    "system_prompt",
    "config.system_instruction",
    "config.systemInstruction",
    "preamble",
)
"""Fields with a system text beside the messages: Anthropic and Converse, Gemini, Cohere, Responses."""

_WEAK = frozenset({"prompt", "input", "inputs", "message", "query", "question", "text"})
"""Fields with a common name that hold a prompt only if another field of that API is present."""

_SECOND_SIGNS = frozenset(
    {"model", "modelId", "stream", "temperature", "max_tokens", "max_output_tokens", "instructions", "chat_history"}
)

_WRAPPERS = ("kwargs", "inputs", "input", "request", "body", "args", "arguments", "data")
"""Objects in which instrumentations and decorators wrap a request."""

_DEEPEST = 4
"""Wrappers around a request that are looked into, so that a deep body costs no deep search."""


def request_of(value: Any, *, strict: bool = False) -> Body | None:
    """The call of a request; None where the value is no known request.

    value: the request, or its JSON text; a request wrapped in `kwargs`, `inputs` and the like is found too.
    strict: the value may be a user's own text, so a common name (`input`, `prompt`) needs a second field of the API.
    """
    return _request_within(parsed(value), strict, _DEEPEST)


def prompt_of_value(value: Any, *, strict: bool = False) -> Body:
    """The prompt of the input of a call: a request, messages, or a plain text; {} for any other value."""
    content = parsed(value)
    if isinstance(content, list) and content and (messages := messages_of(content)):
        return {"messages": messages}
    if isinstance(content, dict):
        if (messages := messages_of(content)) is not None:
            return {"messages": messages}
        if (request := request_of(content, strict=strict)) is not None:
            return request
    return {"input": value} if isinstance(value, str) and value else {}


def _request_within(value: Any, strict: bool, deep: int) -> Body | None:
    if not isinstance(value, dict) or not deep:
        return None
    if (request := from_request(value, strict=strict)) is not None:
        return request
    inner = (_inner(value[name]) for name in _WRAPPERS if name in value)
    request = next(
        (request for item in inner if (request := _request_within(item, strict, deep - 1)) is not None), None
    )
    return (
        request
        if request is None or request.get("model") is not None
        else present(request | {"model": take(dict(value), MODEL)})
    )


def _inner(value: Any) -> Any:
    """The wrapped request; `args` is a list, whose first object may be the request."""
    value = parsed(value)
    if isinstance(value, list):
        return next((item for item in value if isinstance(item, dict)), None)
    return value


def from_request(request: Body, *, strict: bool = False) -> Body | None:
    """The call of a request whose prompt stands in one of its own fields; None without a prompt."""
    body = dict(request)
    prompt = _take_prompt(body, strict)
    if prompt is None:
        return None
    system = _take_system(body)
    return with_system(prompt, system) | settings_by_our_names(body)


def settings_by_our_names(body: Body) -> Body:
    """Settings and model by our names, taken out of the body; unknown fields stay there."""
    if isinstance(effort := body.get("reasoning_effort"), str) and body.get("reasoning") is None:
        body["reasoning"] = {"effort": effort}
        del body["reasoning_effort"]
    settings = {name: take(body, paths) for name, paths in SETTINGS.items()}
    settings["tools"] = settings["tools"] or None
    if settings["response_format"] is None and (body.get("format") == "json" or isinstance(body.get("format"), dict)):
        settings["response_format"] = body.pop("format")  # Ollama; elsewhere `format` is a field of the caller's own
    return present({"model": take(body, MODEL)} | settings) | {
        name: value for name, value in body.items() if value != {}
    }


def with_system(prompt: Body, system: Any) -> Body:
    """The prompt with a system text that stood beside it: as `instructions` where it is a text, else as a message."""
    if isinstance(system, str) and system:
        return prompt | {"instructions": system} if "instructions" not in prompt else prompt
    first = system_message(system)
    if not first:
        return prompt
    messages = prompt.get("messages") or messages_of(prompt.get("input")) or []
    return {name: value for name, value in prompt.items() if name != "input"} | {"messages": [*first, *messages]}


def _take_system(body: Body) -> Any:
    """The system text, taken out of the body; an object without a text is the caller's own and stays."""
    for path in SYSTEM:
        system = take(body, (path,))
        if isinstance(system, str) or system_message(system):
            return system
        if system is not None:
            body[path.rpartition(".")[2]] = system
    return None


# --- where the prompt stands


def _take_prompt(body: Body, strict: bool) -> Body | None:
    for name, reader in _READERS_OF_PROMPTS.items():
        if name not in body or (strict and name in _WEAK and not _has_second_sign(body, name)):
            continue
        prompt = reader(parsed(body[name]), body)
        if prompt is not None:
            body.pop(name)
            return prompt
    return None


def _has_second_sign(body: Body, name: str) -> bool:
    return any(sign in body for sign in _SECOND_SIGNS if sign != name)


def _conversation(value: Any, body: Body) -> Body | None:
    """Messages, with instructions where an API has both."""
    messages = messages_of(value) if isinstance(value, list) and value else None
    if messages is None:
        return None
    return {"messages": messages} | present({"instructions": body.pop("instructions", None)})


def _items(value: Any, body: Body) -> Body | None:
    """The Responses API: a text, or items, which are kept."""
    if not isinstance(value, str) and not (isinstance(value, list) and _are_items(value)):
        return _conversation(value, body) if isinstance(value, list) else None
    return {"input": value} | present({"instructions": body.pop("instructions", None)})


def _are_items(value: list[Any]) -> bool:
    """Whether the list holds items of the Responses API that are no messages: calls, their answers, reasoning."""
    return bool(value) and all(isinstance(item, dict) and _is_item(item) for item in value)


def _is_item(item: Body) -> bool:
    if "role" in item:
        return "parts" not in item
    return "type" in item and not is_message(item)


def _contents(value: Any, body: Body) -> Body | None:
    """Gemini: contents without a role are the user's; a content may be a bare part or text."""
    items = value if isinstance(value, list) else [value]
    contents = [_content(item) for item in items]
    messages = messages_of(contents) if all(item is not None for item in contents) else None
    return {"messages": messages} if messages else None


def _content(item: Any) -> Any:
    if isinstance(item, str):
        return {"role": "user", "parts": [{"text": item}]}
    if not isinstance(item, dict):
        return None
    return {"role": "user"} | present(item) if "parts" in item else {"role": "user", "parts": [item]}


def _prompt(value: Any, body: Body) -> Body | None:
    """Completions: a text, or several; a list of tokens is no text. Vercel AI SDK: also messages."""
    if isinstance(value, str):
        return {"input": value}
    if isinstance(value, dict):
        return _request_within(value, False, 2)
    messages = messages_of(value) if isinstance(value, list) and value else None
    return {"messages": messages} if messages else None


def _message(value: Any, body: Body) -> Body | None:
    """Cohere's first version: the newest message, and the messages before it."""
    if not isinstance(value, str):
        return None
    before = messages_of(body.pop("chat_history", None) or [])
    return {"messages": [*(before or []), {"role": "user", "content": value}]}


def _text(value: Any, body: Body) -> Body | None:
    return {"input": value} if isinstance(value, str) else None


_READERS_OF_PROMPTS: dict[str, Callable[[Any, Body], Body | None]] = {
    "messages": _conversation,
    "contents": _contents,
    "input": _items,
    "prompt": _prompt,
    "prompts": _prompt,
    "message": _message,
    "inputText": _text,
    "inputs": _prompt,
}
