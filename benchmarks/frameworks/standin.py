"""A stand-in for an OpenAI-compatible server: answers chat completions on 127.0.0.1 and keeps every exchange.

The first parts of a URL name the call site: `http://127.0.0.1:PORT/langchain/stuff/v1/chat/completions` is recorded under
the path `/langchain/stuff`. Answers are picked from the prompt's own text by a hash of the request: they are not random, and
make no sense, but have the lengths, formats and tool calls that a chain expects, so that the chain goes on to its next step.
"""

import json
import re
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any

from benchmarks.serving import LocalServer, serving

Json = dict[str, Any]
SUFFIX = "/v1/chat/completions"

INSTRUCTIONS = r"\n\*\*\s*\n"
"""DeepEval's instructions end with a line of two asterisks."""

FIELDS, FIELD = "Your output fields are:", r"^\d+\. `(\w+)` \((.+?)\):"
"""DSPy's request for its fields."""


class StandIn(LocalServer):
    """Records {"path", "request", "response"} of each exchange, in order of arrival."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.exchanges: list[Json] = []
        self.lock = threading.Lock()

    def url(self, path: str) -> str:
        return f"{self.address}{path}/v1"

    def keep(self, path: str, request: Json) -> Json:
        with self.lock:
            response = _completion(request, len(self.exchanges))
            self.exchanges.append({"path": path, "request": request, "response": response})
        return response


def running() -> AbstractContextManager[StandIn]:
    """A stand-in that answers until the block ends."""
    return serving(StandIn())


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.path.endswith(SUFFIX):
            self.send_error(404, f"only {SUFFIX} is served")
            return
        answer = json.dumps(self.server.keep(self.path.removesuffix(SUFFIX), json.loads(body))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Logs nothing: a thousand lines of access log help nobody."""


def _completion(request: Json, number: int) -> Json:
    message = _message(request)
    output_tokens, input_tokens = len(str(message)) // 4, len(json.dumps(request["messages"])) // 4
    return {
        "id": f"chatcmpl-{number:05d}", "object": "chat.completion", "created": 1_760_000_000 + 7 * number, "model": request["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}],
        "usage": {"prompt_tokens": input_tokens, "completion_tokens": output_tokens, "total_tokens": input_tokens + output_tokens},
    }  # fmt: skip


def _message(request: Json) -> Json:
    picker = _Picker(request)
    if tools := request.get("tools"):
        function = tools[0]["function"]
        arguments = json.dumps(picker.value(function["parameters"], function["parameters"]))
        call = {
            "id": f"call_{picker.draw():08x}",
            "type": "function",
            "function": {"name": function["name"], "arguments": arguments},
        }
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if schema := request.get("response_format", {}).get("json_schema", {}).get("schema"):
        return {"role": "assistant", "content": json.dumps(picker.value(schema, schema, picker.late_sentence))}
    return {"role": "assistant", "content": picker.answer()}


class _Picker:
    """Draws pieces of the prompt by a hash of the request."""

    def __init__(self, request: Json) -> None:
        self.text = "\n".join(_text(message) for message in request["messages"])
        self.user = _text(request["messages"][-1])
        self.state = sha256(json.dumps(request, sort_keys=True).encode()).digest()

    def draw(self) -> int:
        self.state = sha256(self.state).digest()
        return int.from_bytes(self.state[:4], "big")

    def pick(self, choices: list[str]) -> str:
        return choices[self.draw() % len(choices)]

    def sentence(self) -> str:
        """A sentence from the middle of the prompt, where the chain put its values."""
        return self._sentence_of(self.text[len(self.text) // 4 : -len(self.text) // 6 or None])

    def late_sentence(self) -> str:
        """A sentence of the judged text, which follows the instructions. Lines that end with a colon are labels, so they are skipped."""
        context = re.split(INSTRUCTIONS, self.user.partition("\n\nRespond with")[0])[-1]
        return self._sentence_of("\n".join(line for line in context.splitlines() if not line.endswith(":")))

    def _sentence_of(self, text: str) -> str:
        sentences = re.findall(r"[A-Z][^.!?\n]{30,220}[.!?]", " ".join(text.split()))
        return self.pick(sentences or ["The text does not say."])

    def words(self) -> str:
        return self.pick(re.findall(r"\b[A-Za-z_]{4,}(?: [a-z]{4,})?", self.user) or ["nothing"])

    def answer(self) -> str:
        """An answer in the form that the prompt asks for."""
        if fields := re.findall(FIELD, self.text.partition(FIELDS)[2].partition("\nAll interactions")[0], re.MULTILINE):
            return "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in self._fields(fields).items())
        if "json markdown" in self.text:
            tools = re.findall(r'^ {4}"(\w+)":', self.text.rpartition("<Tools>")[2], re.MULTILINE)
            questions = [
                {"sub_question": f"What is said on {self.words()}?", "tool_name": self.pick(tools)} for _ in range(2)
            ]
            return "```json\n" + json.dumps({"items": questions}, indent=4) + "\n```"
        if '"question": "$YOUR_QUESTION_HERE"' in self.text:
            return json.dumps({"question": f"What about {self.words()}?", "answer": self.sentence()})
        if marks := re.findall(r'"(?:Rating: )?\[\[(?:A|5)\]\]"', self.text):
            return marks[0][1:-1]
        if "in a line with only the score" in self.text:
            return f"{1 + self.draw() % 5}.0\n{self.sentence()}"
        if "Score: [score between 0 and 100]" in self.text:
            return f" {self.sentence()}\nScore: {self.draw() % 101}"
        if "separated by newlines" in self.text:
            return "\n".join(
                f"{self.pick(['How', 'Why', 'When'])} {self.words()} and {self.words()}?" for _ in range(3)
            )
        if "comma separated" in self.text:
            return ", ".join(self.words() for _ in range(5))
        if self.text.rstrip().endswith("Title:"):
            return (
                self.pick(["{0} and {1}", "On {0}", "{0}: {1}", "{1}, {0}"]).format(self.words(), self.words()).title()
            )
        if "standalone question" in self.text:
            return f"{self.pick(['Is it true that', 'Why does', 'How is it that'])} {self.words()} {self.words()}?"
        return " ".join(self.sentence() for _ in range(1 + self.draw() % 2))

    def _fields(self, kinds: list[tuple[str, str]]) -> dict[str, str]:
        """Values of DSPy's fields, whose kinds are Python types; the tool that ends a run takes no arguments."""
        values: dict[str, str] = {}
        for name, kind in kinds:
            if kind.startswith("Literal"):
                values[name] = self.pick(re.findall(r"'(\w+)'", kind))
            elif kind.startswith("dict"):
                values[name] = json.dumps({} if "finish" in values.values() else {"name": self.words()})
            else:
                values[name] = self.pick(["True", "False"]) if kind == "bool" else self.late_sentence()
        return values

    def value(self, schema: Json, root: Json, text: Callable[[], str] | None = None) -> Any:
        """A value that fits a JSON schema, as far as tools and judges use it. text: what a string is made by."""
        if "$ref" in schema:
            return self.value(root["$defs"][schema["$ref"].rpartition("/")[2]], root, text)
        if "anyOf" in schema:
            return self.value(schema["anyOf"][0], root, text)
        if "enum" in schema:
            return self.pick(schema["enum"])
        match schema.get("type"):
            case "object":
                return {name: self.value(inner, root, text) for name, inner in schema.get("properties", {}).items()}
            case "array":
                return [self.value(schema["items"], root, text) for _ in range(1 + self.draw() % 3)]
            case "integer":
                return self.draw() % 100
            case "boolean":
                return self.draw() % 2 == 0
        return (text or self.words)()


def _text(message: Json) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
