"""Examples for fine-tuning: the last answer of each conversation is the output, all before it the prompt.

`{"messages": [...]}`, `{"prompt": "...", "completion": "..."}`, `{"contents": [...]}` of Gemini, and preferences
(`{"input": {...}, "preferred_output": [...]}`). They name no model, so it is given by `--model`.
"""

from collections.abc import Iterable
from typing import Any

from app.cli.formats.base import Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.messages import messages_of
from app.intake.bodies.requests import from_request
from app.intake.bodies.values import as_object, objects

_ANSWERS = ("completion", "preferred_output", "chosen", "response", "output")


class FineTuning(LogFormat):
    """Lines of training files."""

    name = "fine-tuning"

    def fit(self, value: Body) -> Fit:
        if value.get("model") or "path" in value:
            return Fit.NO
        has_pair = isinstance(value.get("prompt"), str) and isinstance(value.get("completion"), str)
        if has_pair or "preferred_output" in value:
            return Fit.CERTAIN
        return Fit.CERTAIN if _ends_with_answer(value) else Fit.NO

    def calls(self, value: Body) -> Iterable[LoggedCall]:
        inner = as_object(value.get("input"))
        request = {
            name: field for name, field in (value | inner).items() if name not in _ANSWERS and field is not inner
        }
        body = from_request(request) or {}
        answer = next((value[name] for name in _ANSWERS if value.get(name)), None)
        messages = body.get("messages")
        if answer is None and messages and messages[-1].get("role") == "assistant":
            body["messages"], answer = messages[:-1], [messages[-1]]
        return [LoggedCall(body | ({"output": _output(answer)} if answer else {}), usual_path="fine-tuning")]


def _ends_with_answer(value: Body) -> bool:
    turns = objects(value.get("messages") or value.get("contents"))
    return bool(turns) and turns[-1].get("role") in ("assistant", "model")


def _output(answer: Any) -> Any:
    return [{"role": "assistant", "content": answer}] if isinstance(answer, str) else messages_of(answer) or answer
