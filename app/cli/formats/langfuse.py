"""Observations as Langfuse exports them: from its tables (names in camelCase), to blob storage (snake_case), by its API.

A record is one observation, or holds a list of them: `{"observations": [...]}` (the download of one trace) or
`{"data": [...]}` (an answer of its API). Only generations are calls of a model; spans, events, scores and traces are passed
over. Langfuse counts every usage with `input` in its name as input, and so do we.
"""

from collections.abc import Iterable
from typing import Any

from app.checks import number_of
from app.cli.formats.base import PROMPTS, Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.requests import prompt_of_value
from app.intake.bodies.values import as_object, is_count, parsed, present
from app.otlp.messages import from_parts

_LISTS = ("observations", "data")

_LEFT_OUT = {
    "internal_model", "internal_model_id", "model_id", "project_id", "prompt_id", "created_at", "updated_at", "bookmarked", "public",
    "latency", "time_to_first_token", "completion_start_time", "total_cost", "cost_details", "provided_cost_details", "input_cost",
    "output_cost", "calculated_input_cost", "calculated_output_cost", "calculated_total_cost", "input_price", "output_price", "total_price",
    "usage_pricing_tier_id", "usage_pricing_tier_name", "provided_usage_details", "input_usage", "output_usage", "total_usage", "unit",
    "trace_timestamp", "tool_calls", "tool_call_names", "scores", "comments",
}  # fmt: skip
"""Fields that only Langfuse can use: keys of its tables, prices, and numbers derived from others."""


_SIGNS = {
    "project_id",
    "usage_details",
    "model_parameters",
    "provided_model_name",
    "parent_observation_id",
    "status_message",
    "trace_name",
}
"""Fields that only its observations have, and its names for them."""

_OUR_OWN_NAMES = {"task_id", "implementation_id"}
"""Fields of a call as our API answers it, beside its id and its project's."""

_TYPES = {"GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EMBEDDING", "EVALUATOR", "GUARDRAIL"}


class Langfuse(LogFormat):
    """Its exports as JSON or JSON lines."""

    name = "langfuse"

    def fit(self, value: Body) -> Fit:
        if inner := _listed(value):
            value = as_object(inner[0])
        names = {_snake(name) for name in value}
        is_row = "id" in names and ("trace_id" in names or "project_id" in names)
        if not is_row or "messages" in names or names & _OUR_OWN_NAMES:
            return Fit.NO
        return Fit.CERTAIN if names & _SIGNS or str(value.get("type")).upper() in _TYPES else Fit.POSSIBLE

    def calls(self, value: Body) -> Iterable[LoggedCall | None]:
        observations = _listed(value)
        return [_call(as_object(item)) for item in ([value] if observations is None else observations)]


def _listed(value: Body) -> list[Any] | None:
    return next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)


def _call(observation: Body) -> LoggedCall | None:
    row = {_snake(name): value for name, value in observation.items()}
    model = row.pop("provided_model_name", None) or row.pop("model", None)
    if str(row.pop("type", "GENERATION" if model else None)).upper() != "GENERATION":
        return None
    parameters = {**as_object(parsed(row.pop("model_parameters", None)))}
    body = {
        "model": model or None,
        "path": _path(row),
        "external_id": _external_id(row),
        "usage": _usage(row),
        "output": _output(parsed(row.pop("output", None))),
        "conversation_id": row.pop("session_id", None) or None,
        "user_id": row.pop("user_id", None) or None,
        "started_at": row.pop("start_time", None) or None,
        "completed_at": row.pop("end_time", None) or None,
        "error": _error(row),
    }
    tools = _declared_tools(row.pop("tool_definitions", None))
    input_ = row.pop("input", None)
    prompt = _prompt(parsed(input_))
    if not any(name in prompt for name in PROMPTS):
        prompt = prompt_of_value(input_) or prompt
    further = {"metadata": _metadata(row, prompt.pop("metadata", {}))}
    return LoggedCall(present(tools | _settings(parameters) | parameters | prompt | body | further))


def _snake(name: str) -> str:
    """`traceName` as `trace_name`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _path(row: Body) -> str | None:
    """The path: the trace names the action of the app, the observation one of its calls."""
    metadata = as_object(parsed(row.get("metadata")))
    if isinstance(path := metadata.get("promptlode.path"), str):
        return path
    names = [name for name in (row.get("trace_name"), row.get("name")) if isinstance(name, str) and name]
    return "/".join(dict.fromkeys(names)) or None


def _external_id(row: Body) -> str | None:
    """`traceId:spanId`, the id of the same span when it comes by OpenTelemetry."""
    trace_id, own_id = row.pop("trace_id", None), row.pop("id", None)
    return f"{trace_id}:{own_id}" if isinstance(own_id, str) and isinstance(trace_id, str) else None


def _prompt(value: Any) -> Body:
    """The request, in the form in which its integration wrote it; an unknown form is kept under metadata."""
    if isinstance(value, str):
        return {"input": value} if value else {}
    if isinstance(value, list):
        return _from_list(value)
    if isinstance(value, dict):
        return _from_object(value)
    return {}


def _from_list(value: list[Any]) -> Body:
    if len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # LangChain sends a batch with one conversation
    if all(isinstance(item, str) for item in value):
        return {"messages": [{"role": "user", "content": text} for text in value]}
    if all(isinstance(item, dict) for item in value):
        return {"messages": [message for item in value for message in _message(item)]}
    return {"metadata": {"langfuse.input": value}}


def _from_object(value: Body) -> Body:
    if "role" in value and "content" in value:
        return {"messages": [value]}
    if isinstance(value.get("prompt"), str):
        return {"input": value["prompt"]}
    texts = next((name for name in ("messages", "input") if isinstance(value.get(name), list | str)), None)
    if texts is None:
        return {"metadata": {"langfuse.input": value}}
    inner = _prompt(value[texts])
    declared = {"instructions": value.get("instructions") or value.get("system"), "tools": value.get("tools")}
    return inner | {name: value for name, value in declared.items() if value}


def _message(item: Body) -> list[Body]:
    """The message, from typed parts of OpenTelemetry's conventions, else as the client sent it."""
    return from_parts([item]) if isinstance(item.get("parts"), list) else [item]


def _output(value: Any) -> Any:
    if isinstance(value, str):
        return [{"role": "assistant", "content": value}] if value else None
    return [value] if isinstance(value, dict) and "role" in value else value


def _settings(parameters: Body) -> Body:
    """Settings with a field of their own, taken out of the parameters."""
    limits = [
        parameters.pop(name, None) for name in ("max_output_tokens", "max_completion_tokens", "max_tokens", "maxTokens")
    ]
    limit = next((limit for limit in limits if _is_number(limit)), None)
    effort = parameters.pop("reasoning_effort", None)
    return {
        "temperature": _number(parameters.pop("temperature", None)),
        "max_output_tokens": None if limit is None else int(_number(limit) or 0),
        "reasoning": {"effort": effort} if effort else None,
    }


def _is_number(value: Any) -> bool:
    return _number(value) is not None


def _number(value: Any) -> float | None:
    """A number; Langfuse sometimes stores parameters as texts, and a limit may be "inf"."""
    number = number_of(value) if isinstance(value, str) else float(value) if isinstance(value, int | float) else None
    return number if number is not None and 0 <= number < 2**53 else None


def _declared_tools(value: Any) -> Body:
    """Tools by name with their schemas, which may be JSON texts."""
    if not isinstance(parsed(value), dict):
        return {}
    tools = [as_object(parsed(schema)) | {"name": name} for name, schema in parsed(value).items()]
    return {"tools": [{"type": "function", "function": tool} for tool in tools]} if tools else {}


def _usage(row: Body) -> Body | None:
    usage, details = row.pop("usage", None), as_object(parsed(row.pop("usage_details", None)))
    flat = {"input": "prompt_tokens", "output": "completion_tokens", "total": "total_tokens"}
    old = {name: row.pop(field, None) for name, field in flat.items()}
    counts = {name: count for name, count in (details or as_object(usage) or old).items() if is_count(count)}
    if not counts:
        return None
    fields = {
        "input_tokens": _sum(counts, "input"),
        "output_tokens": _sum(counts, "output"),
        "total_tokens": counts.get("total"),
        "cached_tokens": next((n for name, n in counts.items() if "cache" in name and "creation" not in name), None),
        "reasoning_tokens": next((n for name, n in counts.items() if "reasoning" in name), None),
    }
    return present(fields) or None


def _sum(counts: Body, word: str) -> int | None:
    counts_of_word = [count for name, count in counts.items() if word in name]
    return sum(counts_of_word) if counts_of_word else None


def _error(row: Body) -> Body | None:
    message = row.pop("status_message", None)
    if row.pop("level", None) != "ERROR":
        return None
    return {"message": message if isinstance(message, str) and message else "The observation's level is ERROR."}


def _metadata(row: Body, kept_metadata: Body) -> Body | None:
    """The caller's metadata with Langfuse's own fields: environment, release, tags, prompt."""
    own_metadata = parsed(row.pop("metadata", None))
    metadata = (
        own_metadata if isinstance(own_metadata, dict) else {"langfuse.metadata": own_metadata} if own_metadata else {}
    )
    beside = {
        f"langfuse.{name}": value
        for name, value in row.items()
        if name not in _LEFT_OUT and value is not None and value not in ("", [], {})
    }
    return (beside | kept_metadata | metadata) or None
