"""A record of every log format, with a prompt that tests can find again."""

import json
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def promptlode(text: str) -> Json:
    return {"model": "gpt-5", "path": "/chat", "input": text}


def chat_completion(text: str) -> Json:
    return {
        "path": "/chat",
        "request": {
            "model": "gpt-5",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
            "max_tokens": 9,
            "user": "u",
            "reasoning_effort": "low",
            "seed": 3,
        },
        "response": {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1767225600,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}],
            "usage": {
                "prompt_tokens": 4,
                "completion_tokens": 2,
                "total_tokens": 6,
                "prompt_tokens_details": {"cached_tokens": 1},
            },
        },
    }


def response(text: str) -> Json:
    return {
        "path": "/answer",
        "request": {
            "model": "gpt-5",
            "instructions": "Be brief.",
            "input": text,
            "text": {"format": {"type": "json_object"}},
        },
        "response": {
            "id": "resp-1",
            "created_at": 1767225600,
            "error": None,
            "output": [{"type": "message"}],
            "usage": {"input_tokens": 4, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}},
        },
    }


def message(text: str) -> Json:
    return {
        "path": "/reply",
        "request": {
            "model": "claude-sonnet-4-5",
            "max_tokens": 300,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "metadata": {"user_id": "u"},
        },
        "response": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "Hello"}],
            "stop_reason": "end_turn",
            "usage": {
                "input_tokens": 4,
                "output_tokens": 2,
                "cache_read_input_tokens": 10,
                "cache_creation_input_tokens": 6,
            },
        },
    }


def generation(text: str) -> Json:
    """A record of an export of Langfuse's tables."""
    return {
        "id": "00000000000000bb",
        "traceId": "0102030405060708090a0b0c0d0e0f10",
        "projectId": "p",
        "type": "GENERATION",
        "name": "OpenAI-generation",
        "traceName": "answer-question",
        "startTime": "2026-01-01T00:00:00.000Z",
        "endTime": "2026-01-01T00:00:02.000Z",
        "model": "gpt-5",
        "modelParameters": {"temperature": "0.2", "max_tokens": "inf", "top_p": 1},
        "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        "output": {"role": "assistant", "content": "Hello"},
        "usageDetails": {"input": 3, "input_cached_tokens": 1, "output": 2, "total": 6},
        "level": "DEFAULT",
        "statusMessage": None,
        "environment": "production",
        "promptName": "answer",
        "promptVersion": 4,
        "userId": "u",
        "metadata": {"tier": "gold"},
        "latency": 2,
        "totalCost": 0.01,
    }


def enriched_observation(text: str) -> Json:
    """A record of Langfuse's export to blob storage: snake_case, and JSON as text."""
    return {
        "id": "00000000000000cc",
        "trace_id": "0102030405060708090a0b0c0d0e0f10",
        "project_id": "p",
        "type": "GENERATION",
        "name": "call",
        "trace_name": "call",
        "start_time": "2026-01-01 00:00:00.250000",
        "end_time": None,
        "provided_model_name": "gpt-5",
        "model_parameters": '{"temperature":0.2}',
        "input": json.dumps({"messages": [{"role": "user", "content": text}], "tools": []}),
        "output": "Hello",
        "usage_details": {"input": 3, "output": 2},
        "level": "ERROR",
        "status_message": "too long",
        "session_id": "s",
        "user_id": "",
        "tool_definitions": {"find": '{"description":"Finds","parameters":{"type":"object"}}'},
        "metadata": {},
        "tags": ["a"],
    }


def spans(text: str) -> Json:
    """A line of the collector's file exporter."""
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.input.messages": messages,
        "promptlode.path": "/chat",
    }
    span = {
        "traceId": "0102030405060708090a0b0c0d0e0f10",
        "spanId": "00000000000000aa",
        "name": "chat gpt-5",
        "startTimeUnixNano": "1767225600000000000",
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


# Detected format -> record.
KINDS: list[tuple[str, Callable[[str], Json]]] = [
    ("promptlode", promptlode),
    ("openai", chat_completion),
    ("openai", response),
    ("anthropic", message),
    ("langfuse", generation),
    ("langfuse", enriched_observation),
    ("otlp", spans),
]
