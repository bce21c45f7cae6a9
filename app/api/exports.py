"""GET of a version as a file for other tools, and of its calls as a data set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Response
from pydantic import Field
from sqlalchemy import Row

from app.api import by_id
from app.api.counted_calls import CallsQuery
from app.exporting import FORMATS, ExportedVersion, SampleCall, exported, tables
from app.http.paging import Whole
from app.http.ranges import RangeQuery
from app.http.routes import Routes
from app.http.services import services
from app.reading import datasets
from app.reading.datasets import Example
from app.reading.template_calls import TemplateCalls
from app.store.engine import transaction
from app.store.keys import KeyHolder
from app.store.templates import from_parts
from templating import portable_names

routes = Routes("exports")

CALLS_OF_A_TEST_FILE = 20
"""Real calls in a file with test cases: enough to see a difference, few enough to read."""

FormatName = Literal[
    "jinja2",
    "python",
    "openai",
    "anthropic",
    "langchain",
    "promptfoo",
    "dspy",
    "langfuse",
    "mlflow",
    "phoenix",
    "dotprompt",
]
FILE = {200: "text/plain"}


class ExportQuery(RangeQuery):
    """The format of the file."""

    format: FormatName = Field(description="The tool that reads the file.")


class DatasetQuery(CallsQuery, RangeQuery):
    """The calls, and the format of the file."""

    format: Literal["jsonl", "csv", "parquet"] = Field(
        "jsonl", description="JSON lines and Parquet are exact; CSV is guarded against formulas."
    )
    limit: Annotated[int, Field(ge=1, le=datasets.MOST_CALLS_OF_A_DATASET), Whole] = Field(
        1000, description="The newest so many calls."
    )
    answered: bool = Field(False, description="Only calls with an output and without an error.")


WriteRows = Callable[[Sequence[tables.Row]], bytes]
TABLES: dict[str, tuple[str, WriteRows]] = {
    "jsonl": ("application/jsonl", tables.as_json_lines),
    "csv": ("text/csv", tables.as_csv),
    "parquet": ("application/vnd.apache.parquet", tables.as_parquet),
}


@routes.route(
    "GET",
    "/api/v1/implementations/<uuid:implementation_id>/export",
    scope="read",
    query=ExportQuery,
    answers=FILE,
    owned=by_id.own_implementation,
)
def get_export(holder: KeyHolder, implementation_id: UUID, query: ExportQuery) -> Response:
    """A version as a file of another tool: rendered there with the values of a call, it gives the call back byte for byte."""
    with transaction(services().engine) as connection:
        row = by_id.implementation(connection, holder.project_id, implementation_id)
        calls = TemplateCalls(holder.project_id, row.template_id, row.id)
        samples = list(datasets.examples(connection, calls, query.stated, limit=CALLS_OF_A_TEST_FILE))
        task = by_id.task(connection, holder.project_id, row.task_id)
    form = FORMATS[query.format]
    version = _version(row, task.name, task.path, samples)
    return _file(
        exported(version, form.name).encode(), form.media_type, f"{version.slug}.v{version.version}{form.ending}"
    )


@routes.route(
    "GET", "/api/v1/implementations/<uuid:implementation_id>/dataset", scope="read", query=DatasetQuery, answers=FILE
)
def get_dataset(holder: KeyHolder, implementation_id: UUID, query: DatasetQuery) -> Response:
    """The calls of a version or of all versions with its text, the newest first: a column for each slot, and what the model answered."""
    with transaction(services().engine) as connection:
        row = by_id.implementation(connection, holder.project_id, implementation_id)
        examples = datasets.examples(
            connection, query.calls_of(holder, row), query.stated, limit=query.limit, answered=query.answered
        )
        columns = portable_names(row.slots)
        rows = [_row(example, columns) for example in examples]
    media_type, write = TABLES[query.format]
    return _file(
        write(rows),
        media_type,
        f"calls.v{row.version}{'' if query.of == 'version' else '.all-versions'}.{query.format}",
    )


def _version(row: Row[Any], name: str, path: str, samples: Sequence[Example]) -> ExportedVersion:
    return ExportedVersion(
        name=name,
        path=path,
        version=row.version,
        model=row.model,
        settings=row.settings or {},
        template=from_parts(row.parts, row.slots),
        tools=row.tools,
        samples=[SampleCall(example.variables, datasets.text_of(example.output)) for example in samples],
    )


def _row(example: Example, columns: Mapping[str, str]) -> dict[str, Any]:
    """A row; slot names get a prefix, so that no slot replaces a column of ours."""
    values = {f"slot.{new}": example.variables.get(name, "") for name, new in columns.items()}
    return {
        "trace_id": str(example.id),
        "started_at": example.started_at.isoformat(),
        "model": example.model,
        **values,
        "output": datasets.text_of(example.output),
    }


def _file(content: bytes, media_type: str, name: str) -> Response:
    """An attachment. The name of a task may have any text of a prompt, so the header keeps only its ASCII characters."""
    answer = Response(content, mimetype=media_type)
    safe = name.encode("ascii", "ignore").decode().lstrip(".-") or "export"
    answer.headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    return answer
