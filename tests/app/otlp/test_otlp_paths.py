"""The path of a span: the call site that the span belongs to."""

from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.config import Settings
from app.store.projects import Project
from app.web import create_app
from tests.app.api_helpers import client_with, know, metric, new_key
from tests.app.otlp_helpers import CALL, rejected, send, span, stored, traces


def test_the_attribute_of_the_span_comes_first(client: FlaskClient) -> None:
    trace = stored(client, span({}, 9, name="handle mail"), span(CALL | {"promptlode.path": "/mail"}, parent=9))
    assert trace["path"] == "/mail"
    assert "promptlode.path" not in trace["metadata"]


def test_an_attribute_of_a_span_further_out_serves_those_within(client: FlaskClient) -> None:
    outer, between = span({"promptlode.path": "/mail"}, 8), span({}, 9, parent=8)
    assert stored(client, outer, between, span(CALL, parent=9))["path"] == "/mail"


def test_an_attribute_of_the_resource_serves_all_spans_of_the_service(client: FlaskClient) -> None:
    assert stored(client, span(CALL), resource={"promptlode.path": "/mail"})["path"] == "/mail"


def test_without_the_attribute_it_is_the_name_of_the_span_that_made_the_call(client: FlaskClient) -> None:
    assert stored(client, span(CALL, parent=9), span({}, 9, name="handle mail"))["path"] == "handle mail"


def test_without_a_parent_it_is_the_service_and_the_operation_whatever_the_model(client: FlaskClient) -> None:
    send(client, span(CALL, 1, name="chat gpt-4o"), span(CALL, 2, name="chat gpt-5", parent=77))
    assert [trace["path"] for trace in traces(client)] == ["shop/chat", "shop/chat"]


def test_a_blank_name_is_none(client: FlaskClient) -> None:
    blank = CALL | {"promptlode.path": " ", "code.function.name": "\t"}
    assert stored(client, span(blank, parent=9), span({}, 9, name="  "))["path"] == "shop/chat"


def test_without_an_operation_it_is_the_service_and_the_name_of_the_span(client: FlaskClient) -> None:
    attributes = {name: value for name, value in CALL.items() if name != "gen_ai.operation.name"}
    assert stored(client, span(attributes, name="openai.chat"))["path"] == "shop/openai.chat"


def test_a_span_that_says_nothing_has_a_path_all_the_same(client: FlaskClient) -> None:
    attributes = {name: value for name, value in CALL.items() if name != "gen_ai.operation.name"}
    assert stored(client, span(attributes, name=""), resource={})["path"] == "unnamed"


def test_a_path_that_is_too_long_is_cut(client: FlaskClient) -> None:
    assert stored(client, span({}, 9, name="x" * 600), span(CALL, parent=9))["path"] == "x" * 512


def test_spans_that_are_each_others_parent_end_somewhere(client: FlaskClient) -> None:
    assert stored(client, span(CALL, 1, parent=2), span({}, 2, name="ring", parent=1))["path"] == "ring"


def test_the_attribute_of_the_path_can_be_set(settings: Settings, engine: Engine) -> None:
    app = create_app(settings.model_copy(update={"otlp_path_attribute": "code.function.name"}))
    client = client_with(app, new_key(engine, "shop"))
    assert stored(client, span(CALL | {"code.function.name": "triage"}))["path"] == "triage"


def test_a_known_template_is_matched_at_once(client: FlaskClient, engine: Engine, project: Project) -> None:
    task_id = know(engine, project, "/mail", "", "Where is {{thing}}?")
    trace = stored(client, span(CALL | {"promptlode.path": "/mail"}))
    assert trace["task_id"] == str(task_id)
    assert trace["variables"] == {"thing": "my refund"}


def test_spans_are_counted_by_what_became_of_them(client: FlaskClient, admin: FlaskClient) -> None:
    outcomes = [
        f'promptlode_otlp_spans_total{{outcome="{outcome}"}}'
        for outcome in ("stored", "ignored", "rejected", "without_content")
    ]
    before = [metric(admin, outcome) for outcome in outcomes]
    wrong = span(CALL | {"gen_ai.request.model": ""}, 3)
    assert rejected(send(client, span(CALL), span({}, 2), wrong, span({"gen_ai.system": "x"}, 4)))[0] == 2
    assert [metric(admin, outcome) for outcome in outcomes] == [number + 1 for number in before]
