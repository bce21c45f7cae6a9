"""Exports and data sets over HTTP."""

import csv
import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, update

from app.config import Settings
from app.exporting import FORMATS
from app.reading.template_calls import MOST_VERSIONS_COUNTED
from app.store.projects import Project
from app.store.tables import template
from benchmarks.installation import Installation
from tests.app.api_helpers import assert_problem
from tests.app.grouping_world import triage, words


@pytest.fixture
def version(client: FlaskClient, engine: Engine, settings: Settings, project: Project) -> dict[str, Any]:
    installation = Installation(engine, settings, project)
    calls = [{"model": "gpt-5", "path": "/mail", "input": triage(n), "output": f"=label {n}"} for n in range(5)]
    installation.take([*calls, {**calls[0], "input": triage(5), "output": None, "error": "timeout"}])
    installation.work()
    (task,) = client.get("/api/v1/tasks").json["items"]
    (implementation,) = client.get(f"/api/v1/tasks/{task['id']}/implementations").json["items"]
    return implementation  # type: ignore[no-any-return]


def test_every_format_is_a_file_to_save(client: FlaskClient, version: dict[str, Any]) -> None:
    for name, form in FORMATS.items():
        answer = client.get(f"/api/v1/implementations/{version['id']}/export?format={name}")
        assert answer.status_code == 200
        assert answer.mimetype == form.media_type
        assert answer.headers["Content-Disposition"].endswith(f'.v1{form.ending}"')
        assert "ticket" in answer.text


def test_test_cases_are_real_calls(client: FlaskClient, version: dict[str, Any]) -> None:
    answer = client.get(f"/api/v1/implementations/{version['id']}/export?format=promptfoo")
    cases = json.loads(answer.text)["tests"]
    assert {case["vars"]["ticket"] for case in cases} == {words(number) for number in range(6)}
    assert cases[1]["metadata"] == {"output": "=label 4"}


def test_a_data_set_has_values_and_answers(client: FlaskClient, version: dict[str, Any]) -> None:
    url = f"/api/v1/implementations/{version['id']}/dataset"
    rows = [json.loads(line) for line in client.get(url).text.splitlines()]
    assert [row["slot.ticket"] for row in rows] == [words(number) for number in (5, 4, 3, 2, 1, 0)]
    assert rows[1]["output"] == "=label 4"
    assert len(client.get(f"{url}?answered=true&limit=3").text.splitlines()) == 3
    assert client.get(f"{url}?until=2020-01-01").text == ""


def test_a_data_set_of_a_template_has_the_calls_of_all_its_versions(
    client: FlaskClient, engine: Engine, settings: Settings, project: Project, version: dict[str, Any]
) -> None:
    call = {"model": "gpt-6", "path": "/mail", "input": triage(6), "output": "=label 6"}
    Installation(engine, settings, project).take([call])
    url = f"/api/v1/implementations/{version['id']}/dataset"
    models = {
        query: [json.loads(line)["model"] for line in client.get(f"{url}{query}").text.splitlines()]
        for query in ("", "?of=template", "?of=template&model=gpt-6")
    }
    assert models == {
        "": ["gpt-5"] * 6,
        "?of=template": ["gpt-6", *["gpt-5"] * 6],
        "?of=template&model=gpt-6": ["gpt-6"],
    }
    assert_problem(client.get(f"{url}?model=gpt-6"), 422)


def test_a_data_set_of_a_range_has_the_calls_of_more_versions_than_figures_count(
    client: FlaskClient, engine: Engine, settings: Settings, project: Project, version: dict[str, Any]
) -> None:
    calls = [{"model": f"m{n}", "path": "/mail", "input": triage(7)} for n in range(MOST_VERSIONS_COUNTED)]
    Installation(engine, settings, project).take(calls)
    url = f"/api/v1/implementations/{version['id']}/dataset?of=template&limit=1000"
    for query in ("", "&since=2020-01-01"):
        models = [json.loads(line)["model"] for line in client.get(f"{url}{query}").text.splitlines()]
        assert sorted(models) == sorted([*(call["model"] for call in calls), *["gpt-5"] * 6])


def test_a_data_set_names_its_columns_as_exports_name_the_slots(
    client: FlaskClient, engine: Engine, version: dict[str, Any]
) -> None:
    with engine.begin() as connection:
        connection.execute(update(template).values(slots=["class"]))
    url = f"/api/v1/implementations/{version['id']}"
    assert "messages(*, class_: str)" in client.get(f"{url}/export?format=python").text
    row = json.loads(client.get(f"{url}/dataset").text.splitlines()[0])
    assert row["slot.class_"] == words(5)


def test_a_data_set_in_csv_holds_no_formula(client: FlaskClient, version: dict[str, Any]) -> None:
    answer = client.get(f"/api/v1/implementations/{version['id']}/dataset?format=csv&answered=true")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 5
    assert rows[0]["output"] == "'=label 4"


def test_a_data_set_in_parquet_is_exact(client: FlaskClient, version: dict[str, Any]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    answer = client.get(f"/api/v1/implementations/{version['id']}/dataset?format=parquet")
    rows = parquet.read_table(io.BytesIO(answer.data)).to_pylist()
    assert rows[1]["output"] == "=label 4"


def test_another_project_s_version_is_not_there(other_client: FlaskClient, version: dict[str, Any]) -> None:
    for resource in ("export?format=jinja2", "dataset"):
        assert_problem(other_client.get(f"/api/v1/implementations/{version['id']}/{resource}"), 404)


def test_a_format_that_there_is_not_is_refused_with_those_that_there_are(
    client: FlaskClient, version: dict[str, Any]
) -> None:
    answer = client.get(f"/api/v1/implementations/{version['id']}/export?format=word")
    assert_problem(answer, 422)
    assert "jinja2" in answer.text
