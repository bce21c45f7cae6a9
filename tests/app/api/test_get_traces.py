"""GET of traces: lists, filters, pages, and everything that was sent."""

from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.store.projects import Project
from tests.app.api_helpers import assert_problem, know

URL = "/api/v1/traces"
WHOLE: dict[str, Any] = {
    "model": "gpt-5",
    "path": "/chat",
    "external_id": "e-1",
    "instructions": " Be brief.\r\n",
    "messages": [{"role": "user", "content": "A {x} {{y}} 🎉\t日本語\n\n"}],
    "output": [{"type": "message", "content": [{"text": "é"}]}],
    "tools": [{"type": "function", "function": {"name": "search", "parameters": {"z": 1, "a": 2}}}],
    "tool_choice": "auto",
    "temperature": 0.5,
    "max_output_tokens": 100,
    "reasoning": {"effort": "low"},
    "response_format": {"type": "json_object"},
    "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "cached_tokens": 0, "reasoning_tokens": 0},
    "conversation_id": "c-1",
    "user_id": "u-1",
    "started_at": "2026-01-02T03:04:05Z",
    "completed_at": "2026-01-02T03:04:06.500000Z",
    "error": {"code": "rate_limit"},
    "metadata": {"team": "a"},
}


def post(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    answer = client.post(URL, json={"model": "m", "path": "/chat", "input": "Hi"} | fields)
    assert answer.status_code == 201
    return answer.json


def ids(client: FlaskClient, **query: Any) -> list[str]:
    return [item["id"] for item in client.get(URL, query_string=query).json["items"]]


def test_a_trace_is_given_back_as_it_was_sent(client: FlaskClient) -> None:
    data = orjson.dumps(WHOLE)  # the test client's own JSON sorts keys
    trace_id = client.post(URL, data=data, content_type="application/json").json["id"]
    answer = client.get(f"{URL}/{trace_id}").json
    assert {name: answer[name] for name in WHOLE} == WHOLE
    assert list(answer["tools"][0]["function"]["parameters"]) == ["z", "a"]


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"input": "Hi"}, "input"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages"),
        ({"instructions": "Be brief.", "input": "Hi"}, "instructions+input"),
        ({"instructions": "Be brief."}, "instructions"),
        ({"input": None}, ""),
    ],
)
def test_a_trace_tells_which_fields_its_prompt_was_taken_from(
    client: FlaskClient, fields: dict[str, Any], source: str
) -> None:
    answer = client.post(URL, json={"model": "m", "path": "/chat"} | fields).json
    assert client.get(f"{URL}/{answer['id']}").json["prompt_source"] == source


def test_the_prompt_of_a_trace_is_shown_byte_for_byte(client: FlaskClient) -> None:
    trace_id = client.post(URL, json=WHOLE).json["id"]
    assert client.get(f"{URL}/{trace_id}").json["prompt"] == [
        {"role": "system", "text": WHOLE["instructions"]},
        {"role": "user", "text": WHOLE["messages"][0]["content"]},
    ]


def test_of_two_members_of_one_name_the_last_one_counts(client: FlaskClient) -> None:
    body = b'{"model": "m", "path": "/chat", "input": "first", "input": "last"}'
    trace_id = client.post(URL, data=body, content_type="application/json").json["id"]
    assert client.get(f"{URL}/{trace_id}").json["input"] == "last"


def test_further_fields_come_back_under_metadata(client: FlaskClient) -> None:
    trace_id = post(client, seed=3)["id"]
    assert client.get(f"{URL}/{trace_id}").json["metadata"] == {"seed": 3}


def test_a_matched_trace_names_its_task_version_and_variables(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    task_id = know(engine, project, "/chat", "", "Q: {{question}}")
    trace_id = post(client, input="Q: Who?")["id"]
    answer = client.get(f"{URL}/{trace_id}").json
    assert (answer["task_id"], answer["version"], answer["variables"]) == (str(task_id), 1, {"question": "Who?"})


def test_a_list_shows_the_beginning_of_the_prompt_of_a_call_without_a_template(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    for fields in ({"input": "Q: Who?"}, {"instructions": "Be brief.", "input": "x" * 500}, {"input": None}):
        post(client, **fields)
    starts = [item["prompt_start"] for item in client.get(URL).json["items"]]
    system, user = {"role": "system", "text": "Be brief."}, {"role": "user", "text": "x" * 400}
    assert starts == [[], [system, user], None]


def test_lists_show_the_newest_first(client: FlaskClient) -> None:
    posted = [post(client)["id"] for _ in range(3)]
    assert ids(client) == posted[::-1]


def test_pages_follow_each_other_without_gap_or_repeat(client: FlaskClient) -> None:
    posted = [post(client)["id"] for _ in range(7)]
    listed, cursor = [], None
    for _ in range(4):
        page = client.get(URL, query_string={"limit": 2} | ({"cursor": cursor} if cursor else {})).json
        listed += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert listed == posted[::-1]
    assert cursor is None


def test_a_trace_that_arrives_between_two_pages_shifts_nothing(client: FlaskClient) -> None:
    posted = [post(client)["id"] for _ in range(4)]
    first = client.get(URL, query_string={"limit": 2}).json
    post(client)
    assert ids(client, limit=2, cursor=first["next_cursor"]) == posted[1::-1]


def test_a_list_that_ends_on_a_full_page_has_no_next_one(client: FlaskClient) -> None:
    post(client)
    assert client.get(URL, query_string={"limit": 1}).json["next_cursor"] is None


def test_filters_choose_path_task_and_what_is_ungrouped(client: FlaskClient, engine: Engine, project: Project) -> None:
    task_id = know(engine, project, "/chat", "", "Q: {{question}}")
    grouped, loose, elsewhere = post(client, input="Q: 1"), post(client, input="x"), post(client, path="/other")
    assert ids(client, path="/other") == [elsewhere["id"]]
    assert ids(client, task_id=str(task_id)) == [grouped["id"]]
    assert ids(client, implementation_id=grouped["implementation_id"]) == [grouped["id"]]
    assert ids(client, ungrouped="true") == [elsewhere["id"], loose["id"]]
    assert ids(client, path="/chat", ungrouped="true") == [loose["id"]]
    assert ids(client, ungrouped="false", path="") == [elsewhere["id"], loose["id"], grouped["id"]]


def test_a_path_that_nobody_named_has_no_traces(client: FlaskClient) -> None:
    post(client)
    assert ids(client, path="/nothing") == []


def test_lists_do_not_show_inputs_and_outputs(client: FlaskClient) -> None:
    client.post(URL, json=WHOLE)
    (item,) = client.get(URL).json["items"]
    assert not {"messages", "output", "tools", "prompt"} & set(item)


def test_a_trace_of_another_project_is_not_found(client: FlaskClient, other_client: FlaskClient) -> None:
    trace_id = post(client)["id"]
    assert_problem(other_client.get(f"{URL}/{trace_id}"), 404)
    assert ids(other_client) == []


def test_a_path_of_the_same_name_in_two_projects_is_two_paths(client: FlaskClient, other_client: FlaskClient) -> None:
    ours, theirs = post(client)["id"], post(other_client)["id"]
    for query in ({"path": "/chat"}, {"path": "/chat", "ungrouped": "true"}, {"ungrouped": "true"}):
        assert ids(client, **query) == [ours]
        assert ids(other_client, **query) == [theirs]


@pytest.mark.parametrize("trace_id", ["1", "x", "bb72b06f-ac8e-4aa9-a436-c7335d7c928b"])
def test_a_trace_that_does_not_exist_is_not_found(client: FlaskClient, trace_id: str) -> None:
    assert_problem(client.get(f"{URL}/{trace_id}"), 404)
