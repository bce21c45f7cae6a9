"""Runs of LangSmith: its exports, its API's answers, and the CSV of its pages, which holds the same as JSON texts.

A run of type `llm` is a call; chains, tools and prompts are none. A run may hold its `child_runs`.
"""

from collections.abc import Iterable, Iterator

from app.cli.formats.base import Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.answers import answer_of
from app.intake.bodies.requests import prompt_of_value, settings_by_our_names
from app.intake.bodies.usage import usage_of
from app.intake.bodies.values import as_object, filled, objects, parsed, present

_LISTS = ("runs", "data")
_CONVERSATION = ("session_id", "thread_id", "conversation_id")
_PARAMETERS = ("invocation_params", "ls_invocation_params")
_NO_SETTING = ("_type", "model", "model_name", "stream", "n", "stop")
_MODEL = ("model", "model_name", "azure_deployment", "model_id")
_KEPT = ("name", "tags", "status", "session_name", "feedback_stats", "total_cost", "parent_run_id")


class LangSmith(LogFormat):
    """Runs of LangSmith."""

    name = "langsmith"

    def fit(self, value: Body) -> Fit:
        return Fit.CERTAIN if any("run_type" in run for run in [value, *_listed(value)[:1]]) else Fit.NO

    def calls(self, value: Body) -> Iterable[LoggedCall | None]:
        return [_call(run) for top in (_listed(value) or [value]) for run in _with_child_runs(top)]


def _listed(value: Body) -> list[Body]:
    return next((items for name in _LISTS if (items := objects(value.get(name)))), [])


def _with_child_runs(run: Body) -> Iterator[Body]:
    yield run
    for child in objects(run.get("child_runs")):
        yield from _with_child_runs(child)


def _call(run: Body) -> LoggedCall | None:
    if run.get("run_type") != "llm":
        return None
    extra = as_object(parsed(run.get("extra")))
    metadata = as_object(extra.get("metadata")) | as_object(parsed(run.get("metadata")))
    inputs, outputs = parsed(run.get("inputs")), parsed(run.get("outputs"))
    parameters = next(
        (params for name in _PARAMETERS if (params := as_object(extra.get(name) or metadata.get(name)))), {}
    )
    answer = answer_of(outputs)
    body = (
        _settings(parameters) | prompt_of_value(inputs) | answer | present(_beside(run, metadata, parameters, answer))
    )
    return LoggedCall(body, run.get("id"), _usual_path(run))


def _settings(parameters: Body) -> Body:
    return settings_by_our_names({name: value for name, value in parameters.items() if name not in _NO_SETTING})


def _beside(run: Body, metadata: Body, parameters: Body, answer: Body) -> Body:
    inputs = as_object(parsed(run.get("inputs")))
    counts = as_object(as_object(parsed(run.get("outputs"))).get("usage_metadata")) or as_object(
        metadata.get("usage_metadata")
    )
    own_counts = present(
        {name: run.get(name) or None for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    )
    models = [source.get(name) for source in (parameters, inputs) for name in _MODEL]
    return {
        "model": next((model for model in [*models, metadata.get("ls_model_name")] if model), None),
        "path": metadata.get("promptlode.path"),
        "external_id": f"{run['trace_id']}:{run['id']}" if run.get("trace_id") and run.get("id") else None,
        "temperature": metadata.get("ls_temperature") if "temperature" not in parameters else None,
        "usage": usage_of(counts) or answer.get("usage") or usage_of(own_counts),
        "conversation_id": next((str(metadata[name]) for name in _CONVERSATION if metadata.get(name)), None),
        "user_id": _text(metadata.get("user_id")),
        "started_at": run.get("start_time"),
        "completed_at": run.get("end_time"),
        "error": {"message": str(run["error"])} if run.get("error") else None,
        "metadata": filled({f"langsmith.{name}": run.get(name) for name in _KEPT} | metadata) or None,
    }


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def _usual_path(run: Body) -> str:
    """The project, which LangSmith calls a session, and the run's own name."""
    names = [name for name in (run.get("session_name"), run.get("name")) if isinstance(name, str) and name]
    return "/".join(dict.fromkeys(names)) or "langsmith"
