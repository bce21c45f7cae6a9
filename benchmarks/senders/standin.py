"""A stand-in for the servers of models, on 127.0.0.1: records each call and answers in the form that the client needs.

Speaks Chat Completions, Responses, embeddings, Anthropic's Messages, Gemini's generateContent and Bedrock's Converse; the first three
and Anthropic's and Gemini's stream where they are asked to. Every answer and every count differs, so that
stored calls can be told apart.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from benchmarks.serving import LocalServer, serving

Json = dict[str, Any]
Text = tuple[str, str]
"""A role and a text."""

FIELDS = r"\[\[ ## (\w+) ## \]\]"
"""DSPy's marks of fields, in prompt and answer."""

CREATED = 1_760_000_000


@dataclass(frozen=True)
class Exchange:
    """One call over the wire: the texts of its messages, and the answer."""

    model: str
    texts: list[Text]
    answer: str
    input_tokens: int
    output_tokens: int


class StandIn(LocalServer):
    """Records every call of a model that writes text, in order of arrival."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.exchanges: list[Exchange] = []
        self._lock = threading.Lock()

    def keep(self, model: str, texts: list[Text]) -> Exchange:
        with self._lock:
            number = len(self.exchanges) + 1
            prompt = "\n".join(text for _, text in texts)
            exchange = Exchange(model, texts, _answer(number, prompt), 100 + number, 10 + number)
            self.exchanges.append(exchange)
        return exchange


def standing_in() -> AbstractContextManager[StandIn]:
    """A stand-in that answers until the block ends."""
    return serving(StandIn())


def _answer(number: int, prompt: str) -> str:
    """An answer in the form that the framework needs to continue."""
    text = f"Answer {number}: billing."
    if fields := re.findall(FIELDS, prompt):
        names = [name for name in dict.fromkeys(fields) if name not in ("mail", "completed")]
        return "\n\n".join([f"[[ ## {name} ## ]]\n{text}" for name in names] + ["[[ ## completed ## ]]"])
    return f"Thought: I know it.\nFinal Answer: {text}" if "Final Answer" in prompt else text


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        for pattern, answer in _ROUTES.items():
            if re.search(pattern, self.path):
                self._send(*answer(self.server, self.path, body))
                return
        self._send("application/json", b"{}")

    def do_GET(self) -> None:
        self._send("application/json", b'{"data": []}')

    def _send(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Logs nothing: the table shows the calls."""


Answer = tuple[str, bytes]


def _json(body: Json) -> Answer:
    return "application/json", json.dumps(body).encode()


def _events(pieces: list[Json], *, has_names: bool = False, has_end: bool = False) -> Answer:
    lines = [(f"event: {piece['type']}\n" if has_names else "") + f"data: {json.dumps(piece)}\n\n" for piece in pieces]
    return "text/event-stream", "".join([*lines, "data: [DONE]\n\n" if has_end else ""]).encode()


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _texts(role: str, content: Any) -> Iterator[Text]:
    """The texts of a content, whatever name its provider has for parts."""
    for part in content if isinstance(content, list) else [content]:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            yield same_role(role), text


def same_role(role: str) -> str:
    """The role with "system" for "developer": OpenAI's newer models renamed it, most instrumentations did not."""
    return "system" if role == "developer" else role


def _of_messages(messages: list[Json]) -> list[Text]:
    return [text for message in messages for text in _texts(message.get("role", "user"), message.get("content"))]


# --- OpenAI


def _chat(server: StandIn, _: str, body: Json) -> Answer:
    exchange = server.keep(body["model"], _of_messages(body["messages"]))
    head = {"id": f"chatcmpl-{exchange.input_tokens}", "created": CREATED, "model": exchange.model}
    usage = {
        "prompt_tokens": exchange.input_tokens,
        "completion_tokens": exchange.output_tokens,
        "total_tokens": exchange.input_tokens + exchange.output_tokens,
    }
    if not body.get("stream"):
        message = {"role": "assistant", "content": exchange.answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return _json(head | {"object": "chat.completion", "choices": [choice], "usage": usage})
    head["object"] = "chat.completion.chunk"
    deltas: list[Json] = [
        {"role": "assistant", "content": ""},
        *({"content": half} for half in _halves(exchange.answer)),
    ]
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append(head | {"choices": [], "usage": usage})
    return _events(chunks, has_end=True)


def _response(server: StandIn, _: str, body: Json) -> Answer:
    input_ = body["input"]
    instructions = list(_texts("system", body.get("instructions")))
    exchange = server.keep(
        body["model"], instructions + (_of_messages(input_) if isinstance(input_, list) else [("user", input_)])
    )
    part = {"type": "output_text", "text": exchange.answer, "annotations": [], "logprobs": []}
    item = {
        "id": f"msg_{exchange.input_tokens}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    response = {
        "id": f"resp_{exchange.input_tokens}", "object": "response", "created_at": CREATED, "status": "completed", "model": exchange.model,
        "output": [item], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None,
        "instructions": body.get("instructions"), "metadata": {}, "temperature": 1.0, "top_p": 1.0,
        "usage": {
            "input_tokens": exchange.input_tokens, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": exchange.output_tokens, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": exchange.input_tokens + exchange.output_tokens,
        },
    }  # fmt: skip
    if not body.get("stream"):
        return _json(response)
    started = response | {"status": "in_progress", "output": [], "usage": None}
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    steps: list[Json] = [
        {"type": "response.created", "response": started},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": item | {"content": [], "status": "in_progress"},
        },
        {"type": "response.content_part.added", **place, "part": part | {"text": ""}},
        *(
            {"type": "response.output_text.delta", **place, "delta": half, "logprobs": []}
            for half in _halves(exchange.answer)
        ),
        {"type": "response.output_text.done", **place, "text": exchange.answer, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]
    return _events([step | {"sequence_number": number} for number, step in enumerate(steps)], has_names=True)


def _embeddings(_: StandIn, __: str, body: Json) -> Answer:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": number, "embedding": [0.5] * 8} for number in range(len(texts))]
    return _json(
        {"object": "list", "model": body["model"], "data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    )


# --- Anthropic


def _message(server: StandIn, _: str, body: Json) -> Answer:
    exchange = server.keep(body["model"], list(_texts("system", body.get("system"))) + _of_messages(body["messages"]))
    head = {
        "id": f"msg_{exchange.input_tokens}", "type": "message", "role": "assistant", "model": exchange.model, "stop_sequence": None,
    }  # fmt: skip
    usage = {"input_tokens": exchange.input_tokens, "output_tokens": exchange.output_tokens}
    message = head | {"content": [{"type": "text", "text": exchange.answer}], "stop_reason": "end_turn", "usage": usage}
    if not body.get("stream"):
        return _json(message)
    started = head | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    deltas = [{"type": "text_delta", "text": half} for half in _halves(exchange.answer)]
    steps = [
        {"type": "message_start", "message": started},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    return _events(steps, has_names=True)


# --- Gemini


def _generate(server: StandIn, path: str, body: Json) -> Answer:
    system = list(_texts("system", (body.get("systemInstruction") or {}).get("parts", [])))
    turns = [text for turn in body["contents"] for text in _texts(turn.get("role", "user"), turn.get("parts", []))]
    exchange = server.keep(path.rpartition("/")[2].partition(":")[0], system + turns)
    usage = {
        "promptTokenCount": exchange.input_tokens,
        "candidatesTokenCount": exchange.output_tokens,
        "totalTokenCount": exchange.input_tokens + exchange.output_tokens,
    }
    head = {"modelVersion": exchange.model, "responseId": f"r-{exchange.input_tokens}", "usageMetadata": usage}
    if ":stream" not in path:
        return _json(head | {"candidates": [_candidate(exchange.answer, "STOP")]})
    first, second = _halves(exchange.answer)
    return _events([head | {"candidates": [_candidate(first)]}, head | {"candidates": [_candidate(second, "STOP")]}])


def _candidate(text: str, reason: str | None = None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    return candidate | ({"finishReason": reason} if reason else {})


# --- Bedrock


def _converse(server: StandIn, path: str, body: Json) -> Answer:
    texts = list(_texts("system", body.get("system", []))) + _of_messages(body["messages"])
    exchange = server.keep(path.split("/")[2], texts)
    usage = {
        "inputTokens": exchange.input_tokens,
        "outputTokens": exchange.output_tokens,
        "totalTokens": exchange.input_tokens + exchange.output_tokens,
    }
    message = {"role": "assistant", "content": [{"text": exchange.answer}]}
    return _json(
        {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 5}}
    )


_ROUTES: dict[str, Callable[[StandIn, str, Json], Answer]] = {
    r"/chat/completions$": _chat,
    r"/responses$": _response,
    r"/embeddings$": _embeddings,
    r"/messages$": _message,
    r":(stream)?[gG]enerateContent": _generate,
    r"/model/[^/]+/converse$": _converse,
}
