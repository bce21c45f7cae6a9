"""A response of any provider as `output`, `usage` and `error` of a trace.

`_OUTPUTS` names the fields that hold an answer and their readers; token counts are read by `usage`.
"""

from collections.abc import Callable
from typing import Any

from app.intake.bodies.chunks import together
from app.intake.bodies.messages import ChatMessage, message_of, messages_of
from app.intake.bodies.usage import usage_of
from app.intake.bodies.values import Body, as_object, filled, member, objects, parsed

_USAGE = (
    "usage",
    "usageMetadata",
    "usage_metadata",
    "llm_output.token_usage",
    "llm_output.usage",
    "meta.billed_units",
    "meta.tokens",
    "token_usage",
)
"""Fields that hold the token counts; in Ollama's API the response itself holds them."""

_OWN_COUNTS = ("prompt_eval_count", "eval_count", "promptTokenCount", "inputTextTokenCount")


def answer_of(value: Any) -> Body:
    """`output`, `usage` and `error` of a response, or of the JSON text of one; {} for None.

    A list of chunks of a stream is joined first. A value in the form of no provider becomes the output unchanged.
    """
    content = parsed(value)
    if isinstance(content, str):
        return {"output": [_assistant_message(content)]} if content else {}
    if isinstance(content, list):
        content = together(content) or content
    if isinstance(content, list):
        messages = messages_of(content) if content and all(isinstance(item, dict) for item in content) else None
        return {"output": messages or content} if content else {}
    if not isinstance(content, dict):
        return {} if content is None else {"output": content}
    return response_of(content) or ({"output": content} if content else {})


def response_of(response: Body) -> Body:
    """`output`, `usage` and `error` of a response in the form of a provider; {} for any other object."""
    fields = filled({"output": output_of(response), "usage": _usage(response), "error": response.get("error")})
    return fields if fields.keys() & {"output", "error"} or fields.get("usage") else {}


def output_of(response: Body) -> Any:
    """The answer of the model; None where the response holds none in a known form."""
    for name, reader in _OUTPUTS.items():
        if response.get(name) is not None and (output := reader(response[name], response)) is not None:
            return output
    return None


def _usage(response: Body) -> Body | None:
    counts = next((usage for path in _USAGE if isinstance(usage := member(response, path), dict)), None)
    if counts is None:
        counts = {name: response[name] for name in _OWN_COUNTS if name in response}
    if isinstance(inner := counts.get("tokens"), dict):
        counts = inner | {name: value for name, value in counts.items() if name != "tokens"}
    return usage_of(counts)


def _assistant_message(text: str) -> ChatMessage:
    return {"role": "assistant", "content": text}


# --- where the answer stands


def _choices(choices: Any, response: Body) -> list[Any] | None:
    """Chat Completions: messages; Completions: texts."""
    if not isinstance(choices, list):
        return None
    return [_choice(choice) for choice in choices]


def _choice(choice: Any) -> Any:
    if not isinstance(choice, dict):
        return choice
    if isinstance(choice.get("text"), str) and "message" not in choice:
        return _assistant_message(choice["text"])
    return choice.get("message", choice)


def _output(output: Any, response: Body) -> Any:
    """The Responses API: a list of items; Converse: an object around a message."""
    if isinstance(output, list):
        return output
    if isinstance(output, str):
        return [_assistant_message(output)]
    inner = as_object(output)
    return _message(inner["message"], response) if isinstance(inner.get("message"), dict) else None


def _content(content: Any, response: Body) -> list[ChatMessage] | None:
    """Anthropic's Messages API: blocks, which are kept; LangChain and others: the content of a message."""
    if response.get("type") == "message" or response.get("role") is not None:
        return message_of({"role": "assistant"} | {name: response[name] for name in _OF_A_MESSAGE if name in response})
    return [_assistant_message(content)] if isinstance(content, str) else None


_OF_A_MESSAGE = ("role", "content", "tool_calls", "name", "additional_kwargs")


def _candidates(candidates: Any, response: Body) -> list[ChatMessage] | None:
    answers = [messages_of({"role": "model"} | as_object(item.get("content"))) for item in objects(candidates)]
    return [message for messages in answers for message in messages or ()] or None


def _message(message: Any, response: Body) -> list[ChatMessage] | None:
    return (
        [_assistant_message(message)]
        if isinstance(message, str)
        else messages_of({"role": "assistant"} | as_object(message))
    )


def _messages(messages: Any, response: Body) -> list[ChatMessage] | None:
    return messages_of(messages) if isinstance(messages, list) else None


def _generations(generations: Any, response: Body) -> list[ChatMessage] | None:
    """LangChain: a list for each prompt; each generation holds a message or a text."""
    if not isinstance(generations, list):
        return None
    flat = [
        item for generation in generations for item in (generation if isinstance(generation, list) else [generation])
    ]
    answers = [messages_of(item.get("message")) or messages_of(item.get("text")) for item in objects(flat)]
    return [_as_assistant(message) for messages in answers for message in messages or ()] or None


def _as_assistant(message: ChatMessage) -> ChatMessage:
    return message | {"role": "assistant"} if message.get("role") == "user" else message


def _text(text: Any, response: Body) -> list[ChatMessage] | None:
    return [_assistant_message(text)] if isinstance(text, str) else None


def _results(results: Any, response: Body) -> list[ChatMessage] | None:
    """Titan: a list of results with a text each."""
    messages = [
        _assistant_message(item["outputText"]) for item in objects(results) if isinstance(item.get("outputText"), str)
    ]
    return messages or None


_OUTPUTS: dict[str, Callable[[Any, Body], Any]] = {
    "choices": _choices,
    "candidates": _candidates,
    "output": _output,
    "content": _content,
    "message": _message,
    "generations": _generations,
    "results": _results,
    "response": _text,  # Ollama's generate
    "completion": _text,
    "text": _text,  # Cohere's first version
    "outputText": _text,
    "generated_text": _text,
    "messages": _messages,  # LangGraph answers with the whole conversation
    "combined_chunk_content": _text,  # logfire, for a stream
}
