"""Results of promptfoo: the file that `promptfoo eval -o results.json` or `.jsonl` writes, or `promptfoo export` does.

Each result holds the prompt as it was sent (`prompt.raw`: a text, or messages as JSON), its provider, and the answer. Each of its prompts is a
call site, and its variables are kept as metadata.
"""

from collections.abc import Iterable
from typing import Any

from app.cli.formats.base import Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.answers import answer_of
from app.intake.bodies.requests import prompt_of_value
from app.intake.bodies.usage import usage_of
from app.intake.bodies.values import as_object, filled, member, objects, parsed, present


class Promptfoo(LogFormat):
    """Results of promptfoo."""

    name = "promptfoo"

    def fit(self, value: Body) -> Fit:
        row = next(iter(_rows(value)), {})
        return Fit.CERTAIN if "provider" in row and isinstance(member(row, "prompt.raw"), str) else Fit.NO

    def calls(self, value: Body) -> Iterable[LoggedCall | None]:
        config = as_object(value.get("config"))
        return [_call(row, config, index) for index, row in enumerate(_rows(value))]


def _rows(value: Body) -> list[Body]:
    """The results; the file nests a second `results` in the first."""
    inner = value.get("results")
    return objects(as_object(inner).get("results") if isinstance(inner, dict) else inner) or (
        [value] if "prompt" in value else []
    )


def _call(row: Body, config: Body, index: int) -> LoggedCall:
    provider = row.get("provider")
    provider_fields = as_object(provider)
    model = str(provider_fields.get("id") or provider or "")
    response = as_object(row.get("response"))
    prompt = prompt_of_value(str(member(row, "prompt.raw")))
    answer = _answer(response.get("output", row.get("output")))
    body = prompt | as_object(member(row, "prompt.config")) | present(_beside(row, response)) | answer
    body["model"] = model.rpartition(":")[2] or None
    return LoggedCall(body, row.get("id"), _usual_path(config, row))


def _answer(output: Any) -> Body:
    return (
        {"output": [{"role": "assistant", "content": output}]} if isinstance(output, str) else answer_of(parsed(output))
    )


def _beside(row: Body, response: Body) -> Body:
    usage = as_object(response.get("tokenUsage") or row.get("tokenUsage"))
    counts = {
        "prompt_tokens": usage.get("prompt"),
        "completion_tokens": usage.get("completion"),
        "total_tokens": usage.get("total"),
    }
    error = response.get("error") or (row.get("error") if not response.get("output") else None)
    variables = {f"promptfoo.vars.{name}": value for name, value in as_object(row.get("vars")).items()}
    return {
        "usage": usage_of(filled(present(counts))),
        "error": {"message": str(error)} if error else None,
        "metadata": filled(
            {"promptfoo.label": member(row, "prompt.label"), "promptfoo.success": row.get("success"), **variables}
        )
        or None,
    }


def _usual_path(config: Body, row: Body) -> str:
    evaluation = config.get("description") or "promptfoo"
    return f"{evaluation}/prompt-{row.get('promptIdx', 0)}"
