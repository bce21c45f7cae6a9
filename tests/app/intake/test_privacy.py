"""Text that a project forbids is stored by no way in, in no field, table, key or log."""

import io
from pathlib import Path
from typing import Any

import orjson
import psycopg2
import pytest
import redis
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import DateTime, Engine, Uuid, select, text

from app.checks import MAX_NAME
from app.cli.main import main as promptlode
from app.config import Settings
from app.intake.privacy import Policies, Policy, PrivacySettings
from app.intake.trace import settings_digest
from app.intake.trace_fields import TraceIn
from app.store import privacy
from app.store.engine import transaction
from app.store.projects import Project
from app.store.tables import trace
from app.web import create_app
from tests.app.api_helpers import client_with, know, new_key

URL = "/api/v1/traces"
KEY = "sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2"
CARD = "4111 1111 1111 1111"
WORD = "correct-horse-battery"

EVERYWHERE = {
    "model": f"m {KEY}",
    "path": f"/p/{KEY}",
    "external_id": f"e {KEY}",
    "conversation_id": f"c {KEY}",
    "user_id": f"u {KEY}",
    "messages": [
        {"role": "system", "content": f"Use {KEY}."},
        {"role": "user", "content": [{"type": "text", "text": f"Pay with {CARD}"}], "name": KEY},
        {"role": "assistant", "tool_calls": [{"function": {"arguments": f'{{"password": "{WORD}"}}'}}]},
    ],
    "output": [{"role": "assistant", "content": f"I used {KEY}."}],
    "tools": [
        {"function": {"name": "pay", "description": KEY, "parameters": {"properties": {KEY: {"default": CARD}}}}}
    ],
    "response_format": {"type": "json_schema", "json_schema": {"description": KEY}},
    "reasoning": KEY,
    "usage": {"input_tokens": 3, "note": KEY},
    "error": f"refused {KEY}",
    "metadata": {"headers": {"X-Api-Key": WORD}, "deep": [[{KEY: CARD}]]},
    "further": {"db_password": WORD, "max_words": 5},
}
PLANTED = (KEY, CARD, WORD)


def dump(url: str) -> str:
    """Every row of every table."""
    connection = psycopg2.connect(url.replace("postgresql+psycopg2", "postgresql"))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = []
        for (table,) in cursor.fetchall():
            out = io.StringIO()
            cursor.copy_expert(f"COPY (SELECT * FROM {table}) TO STDOUT", out)
            rows.append(out.getvalue())
    connection.close()
    return "\n".join(rows)


def everything_in(client: redis.Redis) -> str:
    kinds = {
        "hash": client.hgetall,
        "string": client.get,
        "set": client.smembers,
        "list": lambda key: client.lrange(key, 0, -1),
    }
    return repr(
        [(key, kinds.get(client.type(key), lambda key: client.zrange(key, 0, -1))(key)) for key in client.scan_iter()]
    )


def wish(engine: Engine, project: Project, **wishes: Any) -> None:
    with transaction(engine) as connection:
        privacy.save(connection, project.id, PrivacySettings(**wishes).model_dump())


@pytest.mark.parametrize("way", ["single", "batch", "otlp", "import"])
def test_nothing_that_was_planted_is_anywhere(
    way: str,
    settings: Settings,
    engine: Engine,
    redis_client: redis.Redis,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    client = client_with(create_app(settings.model_copy(update={"log_level": "DEBUG"})), new_key(engine, "shop"))
    send = {"single": _single, "batch": _batch, "otlp": _otlp, "import": _import}[way]
    send(client, settings, tmp_path)
    stored = dump(settings.database_url)
    assert "[redacted:api_key]" in stored
    logged = "".join(capfd.readouterr())
    for secret in PLANTED:
        assert secret not in stored
        assert secret not in everything_in(redis_client)
        assert secret not in logged


FORMS: list[Any] = [f"x {KEY}", [{"role": "user", "content": KEY}], {"note": KEY}]
NO_TEXT = {"temperature", "max_output_tokens", "started_at", "completed_at"}


def test_no_field_of_the_schema_keeps_a_secret(client: FlaskClient, settings: Settings) -> None:
    """Sends the text in every form that the field accepts. Fields that accept none are numbers and times."""
    smallest = {"model": "m", "path": "/p"}
    taken = {
        field
        for field in [*TraceIn.model_fields, "unknown"]
        for form in FORMS
        if client.post(URL, json=smallest | {field: form}).status_code == 201
    }
    assert {*TraceIn.model_fields, "unknown"} - taken == NO_TEXT
    assert KEY not in dump(settings.database_url)


@pytest.mark.parametrize("name", [*trace.c.keys(), "a_column_of_tomorrow"])
def test_a_column_is_redacted_unless_it_is_marked(name: str) -> None:
    """Ids and times hold no text and are marked safe; derived columns are made of the other columns."""
    kind = trace.c[name].type if name in trace.c else None
    mark = trace.c[name].info.get("redaction") if name in trace.c else None
    if mark == "none":
        assert isinstance(kind, Uuid | DateTime)
    elif mark == "derived":
        assert name in {"prompt_parts", "prompt_source", "follow_up", "settings_digest", "variables"}
    else:
        assert KEY not in str(Policy(PrivacySettings(), "secret").cleaned_values({name: f"x {KEY}"}))


def _single(client: FlaskClient, settings: Settings, folder: Path) -> None:
    answer = client.post(URL, json=EVERYWHERE)
    assert answer.status_code == 201
    assert not any(secret in answer.text for secret in PLANTED)


def _batch(client: FlaskClient, settings: Settings, folder: Path) -> None:
    other_bodies = [EVERYWHERE | {"external_id": f"{KEY}-{number}"} for number in range(30)]
    assert {
        result["status"] for result in client.post(URL, json={"traces": [EVERYWHERE, *other_bodies]}).json["results"]
    } == {201}


def _otlp(client: FlaskClient, settings: Settings, folder: Path) -> None:
    fields = {
        "promptlode.path": f"/p/{KEY}",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": orjson.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": f"{KEY} {CARD}"}]}]
        ).decode(),
        "db_password": WORD,
    }
    attributes = [{"key": name, "value": {"stringValue": value}} for name, value in fields.items()]
    span = {"traceId": "01" * 16, "spanId": "02" * 8, "name": f"chat {KEY}", "attributes": attributes}
    export = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert client.post("/v1/traces", json=export).status_code == 200


def _import(client: FlaskClient, settings: Settings, folder: Path) -> None:
    log = folder / "calls.jsonl"
    log.write_bytes(orjson.dumps(EVERYWHERE) + b"\n")
    environment = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    result = CliRunner().invoke(promptlode, ["import", str(log), "--project", "shop"], env=environment)
    assert result.exit_code == 0, result.output


def test_prompts_that_differ_in_a_secret_alone_become_one_text(client: FlaskClient) -> None:
    for number in range(3):
        client.post(URL, json={"model": "m", "path": "/p", "input": f"Use sk-a1B2c3D4e5F6g7H8i9J0-{number}"})
    inputs = {client.get(f"{URL}/{item['id']}").json["input"] for item in client.get(URL).json["items"]}
    assert inputs == {"Use [redacted:api_key]"}


def test_ids_that_differ_in_a_secret_alone_stay_two_and_one_stays_one(client: FlaskClient) -> None:
    def send(external_id: str) -> int:
        return client.post(URL, json={"model": "m", "path": "/p", "external_id": external_id}).status_code

    cards = ("4111 1111 1111 1111", "4242 4242 4242 4242")
    assert [send(card) for card in (*cards, *cards)] == [201, 201, 200, 200]


def test_long_ids_that_differ_in_a_secret_alone_stay_two() -> None:
    policy = Policy(PrivacySettings(), "secret")
    cards = ("4111 1111 1111 1111", "4242 4242 4242 4242")
    stored = {policy.as_stored("conversation_id", f"{'x ' * 300}{card}") for card in cards}
    assert len(stored) == 2
    assert all(len(conversation_id or "") <= MAX_NAME for conversation_id in stored)


def test_the_digest_of_settings_is_one_of_what_is_stored(client: FlaskClient, engine: Engine) -> None:
    """A digest of a secret could be compared with the digests of guesses."""
    for word in (WORD, "another-secret"):
        tools = [{"type": "function", "function": {"name": "pay", "password": word}}]
        body = {"model": "m", "path": "/p", "input": "Hi", "tools": tools, "further": {"db_password": word}}
        assert client.post(URL, json=body).status_code == 201
    with engine.connect() as connection:
        rows = connection.execute(select(trace.c.settings, trace.c.tools, trace.c.settings_digest)).all()
    assert [row.settings_digest for row in rows] == [settings_digest(row.settings, row.tools) for row in rows]
    assert rows[0] == rows[1]


def test_a_known_template_matches_what_is_left(client: FlaskClient, engine: Engine, project: Project) -> None:
    know(engine, project, "/p", "", "Pay with {{card}} now")
    answer = client.post(URL, json={"model": "m", "path": "/p", "input": f"Pay with {CARD} now"}).json
    assert answer["variables"] == {"card": "[redacted:card]"}


def test_a_text_without_secrets_is_kept_as_it_was_sent(client: FlaskClient) -> None:
    body = {
        "model": "m",
        "path": "/p",
        "input": "The token of the day",
        "max_words": 5,
        "metadata": {"token": "x", "n": 4111},
    }
    stored = client.get(f"{URL}/{client.post(URL, json=body).json['id']}").json
    assert stored["input"] == body["input"]
    assert stored["metadata"] == {"max_words": 5, "token": "x", "n": 4111}


def test_a_project_that_wants_everything_has_everything(settings: Settings, engine: Engine, project: Project) -> None:
    wish(engine, project, redact=False)
    client = client_with(create_app(settings), new_key(engine, project.name))
    stored = client.get(f"{URL}/{client.post(URL, json={'model': 'm', 'path': '/p', 'input': KEY}).json['id']}").json
    assert stored["input"] == KEY


def test_a_projects_wishes_are_its_own(settings: Settings, engine: Engine, project: Project) -> None:
    wish(engine, project, email=True, patterns={"customer": r"\bKD-\d{6}\b"})
    app = create_app(settings)
    texts = {}
    for name in ("shop", "another"):
        client = client_with(app, new_key(engine, name))
        answer = client.post(URL, json={"model": "m", "path": "/p", "input": "KD-123456 a@example.com"}).json
        texts[name] = client.get(f"{URL}/{answer['id']}").json["input"]
    assert texts == {"shop": "[redacted:customer] [redacted:email]", "another": "KD-123456 a@example.com"}


def test_a_change_holds_as_soon_as_what_is_remembered_is_old(engine: Engine, project: Project) -> None:
    without_cache, with_cache = Policies(engine, cache_seconds=0), Policies(engine, cache_seconds=60)
    assert [policies.of(project.id).wishes.email for policies in (without_cache, with_cache)] == [False, False]
    wish(engine, project, email=True)
    assert [policies.of(project.id).wishes.email for policies in (without_cache, with_cache)] == [True, False]


# --- the command


def command(settings: Settings, *arguments: str) -> Any:
    environment = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    return CliRunner().invoke(promptlode, ["privacy", *arguments], env=environment)


def test_the_command_shows_and_changes_what_a_project_wants(
    settings: Settings, engine: Engine, project: Project
) -> None:
    assert "email: no" in command(settings, "shop").output
    shown = command(settings, "shop", "--email", "--pattern", r"customer=\bKD-\d{6}\b").output
    assert "email: yes" in shown
    assert r"customer = \bKD-\d{6}\b" in shown
    assert command(settings, "shop").output == shown
    assert "patterns: none" in command(settings, "shop", "--without-pattern", "customer").output
    assert orjson.loads(command(settings, "shop", "--json").output)["email"] is True
    with transaction(engine) as connection:
        actions = connection.execute(text("SELECT action, details FROM audit_entry ORDER BY id")).all()
    assert [(action, details["fields"]) for action, details in actions] == [
        ("set_privacy", ["email", "patterns"]),
        ("set_privacy", ["patterns"]),
    ]


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        (("shop", "--pattern", "a=("), "no RE2 pattern", 1),
        (("shop", "--pattern", "a"), "NAME=PATTERN", 2),
        (("shop", "--without-pattern", "a"), "no pattern 'a'", 1),
        (("nobody",), "no project 'nobody'", 1),
    ],
)
def test_a_wrong_wish_is_refused_with_a_reason(
    settings: Settings, project: Project, arguments: tuple[str, ...], reason: str, code: int
) -> None:
    result = command(settings, *arguments)
    assert (result.exit_code, reason in result.output) == (code, True), result.output


def test_stored_settings_stay_readable_whatever_number_an_earlier_command_took() -> None:
    """The command has a limit, the settings have none: a project whose settings cannot be read takes no call."""
    assert PrivacySettings.model_validate({"min_distinct": 3_000_000_000}).min_distinct == 3_000_000_000
