"""Turns a call into the body of POST /api/v1/traces: the app's request, the model's answer or error, times and tokens."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from app.sample import material as m
from app.sample.prompts import TOOLS, Prompt
from app.sample.values import as_json, restock_step, several, spin

Body = dict[str, Any]
Message = dict[str, Any]

Texts = list[tuple[str, str]]
"""(role, text) of each part."""


@dataclass(frozen=True)
class Call:
    """One call to a model. `history` holds the messages after the prompt: earlier answers, tool calls and tool results."""

    prompt: Prompt | None  # None: free chat
    texts: Texts
    at: datetime
    variables: Mapping[str, str]
    output: list[Message]
    history: tuple[Message, ...] = ()
    error: Mapping[str, str] | None = None
    conversation: str | None = None


def _messages(texts: Texts) -> Body:
    return {"messages": [{"role": role, "content": text} for role, text in texts]}


def _instructions(texts: Texts) -> Body:
    (_, system), (_, user) = texts
    return {"instructions": system, "input": user}


def _input(texts: Texts) -> Body:
    ((_, user),) = texts
    return {"input": user}


def _content_parts(texts: Texts) -> Body:
    return {
        "input": [
            {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]} for role, text in texts
        ]
    }


def _agent(texts: Texts) -> Body:
    return _messages(texts) | {"tools": list(TOOLS)}


SHAPES: dict[str, Callable[[Texts], Body]] = {
    "messages": _messages,
    "instructions": _instructions,
    "input": _input,
    "content-parts": _content_parts,
    "agent": _agent,
    "steps": _messages,
    "batch": _input,
}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def tool_call(r: Random, name: str, order: str) -> Message:
    """A message whose content is null, as models send it with a tool call."""
    call = {
        "id": f"call_{r.getrandbits(64):016x}",
        "type": "function",
        "function": {"name": name, "arguments": as_json({"order": order})},
    }
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def tool_result(call: Message, result: object) -> Message:
    return {"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": as_json(result)}


def answer(r: Random, task: str, variables: Mapping[str, str]) -> str:
    """The model's answer, in the form that the task asks for."""
    return ANSWERS.get(task, _prose)(r, variables)


def _prose(r: Random, _: Mapping[str, str]) -> str:
    return " ".join(several(r, m.AGENDA, 1, 3))


def _triage(r: Random, variables: Mapping[str, str]) -> str:
    team = r.choice(("returns", "delivery", "payments", "repairs", "other"))
    return as_json({"team": team, "urgency": r.randint(1, 5), "language": "en", "summary": variables["subject"]})


def _help(r: Random, variables: Mapping[str, str]) -> str:
    if not variables["articles"]:
        return "Our articles do not say. Please use the contact form."
    title, text = r.choice(m.ARTICLES)
    return f"{text.split('. ')[0]}. [{title}]"


def _grade(r: Random, _: Mapping[str, str]) -> str:
    return r.choice(("verdict: supported\nmissing: -", "verdict: unsupported\nmissing: the length of time"))


def _sql(r: Random, _: Mapping[str, str]) -> str:
    columns = r.choice(("country", "plan", "city"))
    return f"SELECT {columns}, count(*) FROM orders GROUP BY {columns} LIMIT 500"  # noqa: S608 (an answer, run by nobody)


def _invoice(r: Random, _: Mapping[str, str]) -> str:
    net = r.randint(20, 4000)
    return as_json(
        {
            "vendor": {"name": r.choice(m.COMPANIES), "vat": None},
            "number": spin(r, "{order}"),
            "lines": [],
            "total": {"net": net, "gross": round(net * 1.19, 2), "currency": "EUR"},
        }
    )


ANSWERS: dict[str, Callable[[Random, Mapping[str, str]], str]] = {
    "triage": _triage,
    "help-answer": _help,
    "help-grade": _grade,
    "sql": _sql,
    "invoice": _invoice,
    "label": lambda r, _: r.choice(m.LABELS),
    "code-review": lambda r, _: "\n".join(f"- {text}" for text in several(r, m.FINDINGS, 1, 3)),
    "translate": lambda r, _: spin(r, r.choice(m.TRANSLATIONS)),
    "copy": lambda r, v: (
        f"{v['product']}: for every {r.choice(m.JOBS)}.\n\n" + ", ".join(v["features"].splitlines()) + "."
    ),
    "greeting": lambda r, _: spin(r, "[Welcome|Come in], the kettle in {city} is on."),
    "ja-reply": lambda r, v: f"{v['customer']}様、お問い合わせありがとうございます。{v['policy']}でございます。",
    "mail": lambda r, v: f"Thank you for writing. {spin(r, r.choice(m.DETAILS))}\n\nKind regards\n{v['agent']}",
    "restock": lambda r, _: restock_step(r),
    "attributes": lambda r, _: r.choice(("unknown", spin(r, "{n}"), spin(r, "{city}"), "yes", "no")),
    "spelling": lambda r, v: v["search"].strip(),
    "search": lambda r, v: "\n".join([v["search"].strip(), *several(r, m.SEARCHES, 2, 2)]),
}


def tokens(texts: Iterable[str]) -> int:
    """The estimated number of tokens: a token has about four characters. Nobody is billed by this figure."""
    return sum(len(text) // 4 + 3 for text in texts)


def _usage(r: Random, call: Call, model: str) -> Body:
    input_tokens = tokens([text for _, text in call.texts] + [str(message) for message in call.history])
    output_tokens = tokens(str(item.get("content") or item.get("tool_calls")) for item in call.output)
    reasoning_tokens = 64 * r.randint(0, 9) if model == "gpt-5" else 0
    cached = input_tokens // 128 * 128 if call.history else 0
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens + reasoning_tokens,
        "total_tokens": input_tokens + output_tokens + reasoning_tokens,
        "cached_tokens": cached,
        "reasoning_tokens": reasoning_tokens,
    }


def _outcome(r: Random, call: Call, model: str) -> Body:
    """Output and usage, or the error: a rate limit is answered in under half a second, a time-out takes a minute."""
    if call.error:
        seconds = 60.0 if call.error["type"] == "timeout" else r.uniform(0.05, 0.4)
        return {"error": dict(call.error), "completed_at": _stamp(call.at + timedelta(seconds=seconds))}
    usage = _usage(r, call, model)
    seconds = r.lognormvariate(-0.7, 0.4) + usage["output_tokens"] / r.uniform(45, 110)
    return {"output": call.output, "usage": usage, "completed_at": _stamp(call.at + timedelta(seconds=seconds))}


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def body(call: Call, r: Random, *, path: str, model: str) -> Body:
    """The body without its external_id: `traces` numbers the calls in time order."""
    prompt = call.prompt
    prompt_fields = SHAPES[prompt.shape if prompt else "messages"](call.texts)
    if call.history:
        prompt_fields["messages"] = [*prompt_fields["messages"], *call.history]
    fields: Body = {"path": path, "model": model, **prompt_fields, **(prompt.settings if prompt else {})}
    if prompt and prompt.temperature is not None:
        fields["temperature"] = prompt.temperature
    if call.conversation:
        fields["conversation_id"] = call.conversation
    fields |= {"started_at": _stamp(call.at), **_outcome(r, call, model), "user_id": f"u{r.randint(1, 400):04d}"}
    return fields | {
        "metadata": {
            "service": path.split("/")[1],
            "release": f"2026.{call.at:%V}",
            "region": r.choice(("eu-north", "eu-west")),
        }
    }
