"""`promptlode import`, against real servers."""

import gzip
import io
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console
from sqlalchemy import Engine, select, text

from app.cli.checkpoint import Checkpoint, ImportProgress, digest
from app.cli.progress import ProgressLines
from app.store import projects, tables
from app.store.engine import transaction
from app.store.projects import Project
from tests.app import log_records
from tests.app.api_helpers import know, stored, wait_for
from tests.app.cli_helpers import Cli, call, log_of
from tests.app.log_records import KINDS

ROOT = Path(__file__).parents[3]


def test_a_log_is_imported_and_grouping_is_asked_for(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    result = cli("import", log_of(tmp_path, *map(call, range(1200))))
    assert result.returncode == 0, result.stderr
    assert b"1,200 traces stored in project default" in result.stderr
    assert b"will be grouped" in result.stderr
    assert stored(engine) == 1200


def test_an_import_that_names_no_project_says_which_others_there_are(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        projects.get_or_create(connection, "demo")
    log = log_of(tmp_path, call(1))
    report = cli("import", log).stderr.replace(b"\n", b" ")
    assert b"The calls are in the project default. --project NAME imports into another project: demo." in report
    assert b"promptlode keys create --project default --scope admin, then promptlode tasks --key KEY" in report
    assert b"another project" not in cli("import", log, "--project", "demo").stderr


def test_an_import_that_stored_nothing_says_nothing_of_where_calls_are(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    with transaction(engine) as connection:
        projects.get_or_create(connection, "demo")
    result = cli("import", log_of(tmp_path, {"model": "m", "input": "Hi"}))
    assert result.returncode == 1
    assert b"The calls are in" not in result.stderr


def test_importing_a_file_again_stores_nothing_twice(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    repeated_call = call(1)  # two calls may be alike, so both are kept
    file = log_of(tmp_path, repeated_call, repeated_call, call(2, external_id="mine"))
    cli("import", file)
    second_result = cli("import", file)
    assert b"0 traces stored in project default, 3 were known already" in second_result.stderr
    assert stored(engine) == 3


def test_bad_lines_are_reported_by_number_and_the_good_ones_kept(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    bad = [b"{", b"[]", {"model": "m"}, call(1, usage={"input_tokens": -1}), b'{"a": "\\ud800"}', b"\xff"]
    result = cli("import", log_of(tmp_path, call(0), *bad, b"", b"   ", call(2)))
    assert result.returncode == 1
    for number in range(2, 8):
        assert f"line {number}:".encode() in result.stderr
    assert b"line 4: path: Is required. Give one for all with --path." in result.stderr
    assert b"line 5: usage.input_tokens" in result.stderr
    assert b"6 lines were refused" in result.stderr
    assert stored(engine) == 2


def test_bad_lines_never_show_what_they_hold(cli: Cli, database_url: str, tmp_path: Path) -> None:
    result = cli("import", log_of(tmp_path, b'{"input": "secret', call(1, started_at="secret")))
    assert b"2 lines were refused" in result.stderr
    assert b"secret" not in result.stderr + result.stdout


def test_calls_without_a_path_get_the_one_of_the_command(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    request = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}
    result = cli("import", log_of(tmp_path, {"request": request}), "--path", "/given", "--project", "other")
    assert result.returncode == 0, result.stderr
    with transaction(engine) as connection:
        assert connection.execute(select(tables.grouping_key.c.path)).scalar_one() == "/given"
        assert projects.find(connection, "other") is not None


def test_a_compressed_file_and_standard_input_are_read(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl.gz"
    file.write_bytes(gzip.compress(orjson.dumps(call(1))))
    assert cli("import", str(file)).returncode == 0
    assert cli("import", "-", stdin=orjson.dumps(call(2))).returncode == 0
    assert stored(engine) == 2


@pytest.mark.parametrize("good_lines", [0, 600])
def test_a_damaged_gz_is_reported_and_what_comes_before_is_kept(
    cli: Cli, engine: Engine, tmp_path: Path, good_lines: int
) -> None:
    compressed = gzip.compress(b"\n".join(orjson.dumps(call(n)) for n in range(good_lines)) + b"\n")
    file = tmp_path / "calls.jsonl.gz"
    file.write_bytes(compressed[:-8] if good_lines else b"no gzip")
    result = cli("import", str(file))
    assert result.returncode == 1
    assert f"line {good_lines + 1}: From here on the file is not valid gzip".encode() in result.stderr
    assert stored(engine) == good_lines


def test_calls_of_a_known_template_are_matched(cli: Cli, engine: Engine, project: Project, tmp_path: Path) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    result = cli("import", log_of(tmp_path, call(1)), "--project", project.name)
    assert b"1 matched a known template" in result.stderr


def test_calls_that_were_known_are_counted_once(cli: Cli, engine: Engine, project: Project, tmp_path: Path) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    for calls, words in ((range(1), b"1 matched a known template"), (range(3), b"2 matched a known template")):
        result = cli("import", log_of(tmp_path, *map(call, calls)), "--project", project.name)
        assert words in result.stderr
    assert b"2 traces stored in project shop, 1 were known already." in result.stderr
    last_result = cli("import", log_of(tmp_path, *map(call, range(3))), "--project", project.name)
    assert b"3 were known already." in last_result.stderr
    assert b"matched" not in last_result.stderr


def test_an_empty_file_imports_nothing(cli: Cli, database_url: str, tmp_path: Path) -> None:
    assert cli("import", log_of(tmp_path)).returncode == 0


# --- kinds of log


@pytest.mark.parametrize(("name", "record"), KINDS)
def test_every_kind_of_log_is_imported_once(cli: Cli, engine: Engine, tmp_path: Path, name: str, record: Any) -> None:
    file = log_of(tmp_path, record("Hi"))
    result = cli("import", file)
    assert (result.returncode, stored(engine)) == (0, 1), result.stderr
    assert f"Format: {name}.".encode() in result.stderr
    assert b"1 were known already" in cli("import", str(file)).stderr
    assert stored(engine) == 1


def test_a_wrong_format_is_refused_before_anything_is_stored(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    result = cli("import", log_of(tmp_path, log_records.message("Hi")), "--format", "openai")
    assert result.returncode == 2
    assert b"The file has the format anthropic, not openai. Leave --format out." in result.stderr
    assert stored(engine) == 0


def test_lines_of_another_kind_than_the_file_are_read_as_what_they_are(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    log = log_of(tmp_path, *(log_records.chat_completion(f"Hi {n}") for n in range(3)), log_records.promptlode("Ho"))
    assert cli("import", log).returncode == 0
    assert stored(engine) == 4


def test_the_list_that_langfuse_exports_is_imported_and_spans_are_passed_over(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    span = log_records.generation("Hi") | {"id": "00000000000000dd", "type": "SPAN"}
    file = tmp_path / "export.json"
    file.write_bytes(orjson.dumps([log_records.generation("Hi"), span], option=orjson.OPT_INDENT_2))
    result = cli("import", str(file))
    assert (result.returncode, stored(engine)) == (0, 1), result.stderr
    assert b"Passed over: 1 record without a call of a model." in result.stderr


def test_bad_items_of_a_list_are_reported_by_number(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_bytes(b"[" + orjson.dumps(log_records.generation("Hi")) + b', {"id": "1"}, 3, {"traceId": ')
    result = cli("import", str(file))
    assert (result.returncode, stored(engine)) == (1, 1)
    for message in (
        b"item 2: model: Is required.",
        b"item 3: Must be",
        b"item 4: Is cut off: the file ends in the middle",
    ):
        assert message in result.stderr


def test_a_last_line_that_is_half_written_is_said_to_be_cut_off(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(orjson.dumps(call(1)) + b"\n" + orjson.dumps(call(2))[:-5])
    result = cli("import", str(file))
    assert b"line 2: Is cut off: the file ends in the middle of it." in result.stderr
    assert (result.returncode, stored(engine)) == (1, 1)


def test_spans_without_content_are_refused_with_the_switch_to_turn(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    record = log_records.spans("Hi")
    record["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"].pop(2)
    result = cli("import", log_of(tmp_path, record))
    assert result.returncode == 1
    assert b"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in result.stderr


def test_a_file_that_is_no_text_is_refused(cli: Cli, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.parquet"
    file.write_bytes(b"PAR1\x00\x00")
    result = cli("import", str(file))
    assert result.returncode == 1
    assert result.stderr.startswith(b"Error: calls.parquet is not a whole Parquet file")


def test_an_empty_file_is_said_to_be_empty(cli: Cli, database_url: str, tmp_path: Path) -> None:
    assert b"The file is empty." in cli("import", log_of(tmp_path)).stderr


def test_a_header_alone_is_a_table_without_rows(cli: Cli, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("model,path,input\n")
    assert b"a header and no rows" in cli("import", str(file)).stderr


def test_two_columns_of_one_name_are_refused_by_their_name(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("model,path,input,input\nm,/p,one,two\n")
    result = cli("import", str(file))
    assert (result.returncode, stored(engine)) == (1, 0)
    assert b"'input'" in result.stderr


# --- stopped, and gone on


@pytest.fixture
def slow_copies(engine: Engine) -> Iterator[Callable[[], None]]:
    """Every batch takes a second until the returned function is called: no import ends before a test interrupts the
    import.
    """
    statements = (
        "CREATE FUNCTION take_a_second() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$",
        "CREATE TRIGGER slow AFTER INSERT ON trace FOR EACH STATEMENT EXECUTE FUNCTION take_a_second()",
    )
    with transaction(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))

    def end() -> None:
        with transaction(engine) as connection:
            connection.execute(text("DROP FUNCTION IF EXISTS take_a_second CASCADE"))

    yield end
    end()


def test_after_ctrl_c_the_same_command_goes_on(
    cli: Cli, engine: Engine, tmp_path: Path, environment: dict[str, str], slow_copies: Callable[[], None]
) -> None:
    log = log_of(tmp_path, {"model": "m"}, *(call(number, metadata={"pad": "x" * 900}) for number in range(4000)))
    cli.environment["PROMPTLODE_DATA_DIR"] = str(tmp_path / "data")
    notes = tmp_path / "data" / "imports"
    importing = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "import", log],
        cwd=ROOT,
        env=environment | {"PROMPTLODE_DATA_DIR": str(tmp_path / "data")},
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: any(notes.glob("*.json")))
    importing.send_signal(signal.SIGINT)
    _, report = importing.communicate(timeout=180)
    assert importing.returncode == 1
    assert b"The same command continues from there." in report
    assert b"Traceback" not in report
    assert 0 < stored(engine) < 4000
    slow_copies()
    result = cli("import", log)
    assert b"Continuing after line" in result.stderr
    assert b"1 line was refused." in result.stderr  # the refused line of the first run, which reported that line
    assert (result.returncode, stored(engine), list(notes.iterdir())) == (1, 4000, [])


@pytest.fixture
def half_done(cli: Cli, tmp_path: Path, environment: dict[str, str]) -> str:
    """A log of two calls whose first is noted as imported."""
    log = log_of(tmp_path, call(1), call(2))
    head = Path(log).read_bytes()
    cli.environment["PROMPTLODE_DATA_DIR"] = str(tmp_path / "data")
    note = Checkpoint(tmp_path / "data", environment["DATABASE_URL"], "default", log, None, "auto")
    note.write(ImportProgress(1, head.index(b"\n") + 1, "lines", "promptlode", len(head), digest(head)))
    return log


def test_an_import_goes_on_behind_the_line_that_was_noted(cli: Cli, engine: Engine, half_done: str) -> None:
    assert b"Continuing after line 1" in cli("import", half_done).stderr
    assert stored(engine) == 1


def test_an_import_goes_on_in_a_log_that_grew(cli: Cli, engine: Engine, half_done: str) -> None:
    with Path(half_done).open("ab") as log:
        log.write(orjson.dumps(call(3)))
    cli("import", half_done)
    assert stored(engine) == 2


def test_restart_begins_with_the_first_line(cli: Cli, engine: Engine, half_done: str) -> None:
    assert b"Going on" not in cli("import", half_done, "--restart").stderr
    assert stored(engine) == 2


def test_another_file_of_that_name_begins_with_its_first_line(cli: Cli, engine: Engine, half_done: str) -> None:
    Path(half_done).write_bytes(b"\n".join(orjson.dumps(call(number)) for number in range(5, 8)))
    assert b"Going on" not in cli("import", half_done).stderr
    assert stored(engine) == 3


def test_a_folder_that_cannot_be_written_to_does_not_stop_an_import(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")  # a file, where the folder should be
    cli.environment["PROMPTLODE_DATA_DIR"] = str(tmp_path / "data")
    assert cli("import", log_of(tmp_path, call(1))).returncode == 0
    assert stored(engine) == 1


# --- progress


def test_without_a_terminal_rate_and_time_left_are_said_now_and_then() -> None:
    terminal, now = io.StringIO(), iter([0.0, 1.0, 20.0, 21.0])  # the time at the start, and at each call
    lines = ProgressLines(Console(file=terminal), total=1000, clock=lambda: next(now))
    for read, traces in ((100, 10), (200, 400), (300, 500)):
        lines(read, traces)
    assert terminal.getvalue() == "400 traces, 20/s, about 80 s left\n"


# --- tables, batches and logs of others


def test_a_table_is_imported_with_its_columns_named_by_flags(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text('site,question,answer\n/a,"Where, is\nit?",There\n/b,"",There\n', encoding="utf-8")
    named = ("--column", "input=question", "--column", "output=answer", "--model", "m", "--path-field", "site")
    result = cli("import", str(file), *named)
    assert result.returncode == 1
    assert b"row 2: No prompt was found" in result.stderr
    with transaction(engine) as connection:
        assert connection.execute(select(tables.trace.c.prompt_parts, tables.trace.c.model)).all() == [
            (["", "Where, is\nit?"], "m")
        ]
        assert connection.execute(select(tables.grouping_key.c.path)).scalar_one() == "/a"


def test_calls_of_a_table_whose_cells_are_blank_have_what_the_command_says_and_are_stored_once(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "log.csv"
    file.write_text('model,path,question,id\n" ",\u200b,First,\u00a0\n" "," ",Second," "\n')
    named = ("--column", "input=question", "--column", "external_id=id", "--model", "m", "--path", "/p")
    assert b"2 traces stored" in cli("import", str(file), *named).stderr
    assert b"2 were known already" in cli("import", str(file), *named).stderr
    assert stored(engine) == 2


def test_a_column_that_a_table_does_not_have_is_wrong_usage(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("model,question,answer\nm,Where?,There\n", encoding="utf-8")
    result = cli("import", str(file), "--path", "/x", "--column", "input=nosuch")
    assert result.returncode == 2
    assert b"no column nosuch. Its columns: model, question, answer." in result.stderr


def test_the_first_line_without_a_prompt_names_its_fields(cli: Cli, tmp_path: Path) -> None:
    result = cli("import", log_of(tmp_path, *2 * [{"model": "m", "question": "Where?"}]), "--path", "/x")
    report = b" ".join(result.stderr.split())
    assert report.count(b"Its fields are model, question: name the one of the prompt, --column input=FIELD.") == 1


def test_a_field_that_no_first_line_has_is_a_warning(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    result = cli("import", log_of(tmp_path, call(1)), "--column", "error=fault")
    assert result.returncode == 0
    assert b"None of the first 1 lines has the field fault." in b" ".join(result.stderr.split())
    assert stored(engine) == 1


@pytest.mark.parametrize("record", [call(1) | {"metadata": {"site": "/mail"}}, call(1) | {"site": "/mail"}])
def test_a_field_of_the_path_that_no_first_line_has_is_a_warning(cli: Cli, tmp_path: Path, record: Any) -> None:
    warning = b"None of the first 1 lines has the field sight."
    assert warning in b" ".join(cli("import", log_of(tmp_path, record), "--path-field", "sight").stderr.split())
    assert b"None of the first" not in cli("import", log_of(tmp_path, record), "--path-field", "site").stderr


def test_parquet_is_imported(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    import pyarrow.parquet

    file = tmp_path / "calls.parquet"
    rows = [{"model": "m", "path": "/p", "messages": [{"role": "user", "content": f"Hi {n}"}]} for n in range(3)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    result = cli("import", str(file))
    assert result.returncode == 0, result.stderr
    assert stored(engine) == 3


def test_parquet_without_pyarrow_names_the_remedy(
    cli: Cli, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "calls.parquet"
    file.write_bytes(b"PAR1\x00\x00")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = cli("import", str(file))
    assert result.returncode == 1
    assert b"pip install 'promptlode[parquet]'" in result.stderr


def test_answers_of_a_batch_find_their_requests_in_another_file(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    answer = {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}
    request = {"custom_id": "1", "url": "/v1/chat/completions", "body": {"model": "m", "messages": messages}}
    for name, line in (("in", request), ("out", {"custom_id": "1", "response": {"status_code": 200, "body": answer}})):
        (tmp_path / f"{name}.jsonl").write_bytes(orjson.dumps(line))
    result = cli("import", str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"), "--path", "/p")
    assert result.returncode == 0, result.stderr
    with transaction(engine) as connection:
        assert connection.execute(select(tables.trace.c.output)).scalar_one() == [answer["choices"][0]["message"]]
    alone = cli("import", str(tmp_path / "out.jsonl"), "--path", "/p", "--restart")
    assert alone.returncode == 1
    assert b"line 1: The answer alone holds no prompt: import it together" in alone.stderr


def test_an_unknown_file_says_what_it_looks_like_and_what_is_read(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    result = cli("import", log_of(tmp_path, {"foo": 1, "bar": "secret"}))
    assert result.returncode == 1
    report = b" ".join(result.stderr.split())
    for part in (b"fields foo, bar", b"litellm", b"langsmith", b"--column input=FIELD", b"line 1:"):
        assert part in report
    assert b"secret" not in report


def test_a_column_of_no_field_is_wrong_usage(cli: Cli, tmp_path: Path) -> None:
    result = cli("import", log_of(tmp_path, call(1)), "--column", "text=body")
    assert result.returncode == 2
    assert b"'text=body' must be FIELD=COLUMN" in result.stderr


def test_a_body_with_several_traces_is_imported_as_the_api_takes_it(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    batch = {"traces": [call(1), call(2), call(2), call(3, external_id="mine")]}
    result = cli("import", log_of(tmp_path, batch, {"traces": [call(4)]}))
    assert result.returncode == 0, result.stderr
    assert b"5 traces stored in project default" in result.stderr
    assert stored(engine) == 5


def test_a_field_beside_traces_counts_for_each_call_of_the_file_that_lacks_it(cli: Cli, tmp_path: Path) -> None:
    bare_calls = [{"input": "Q: 0"}, {"input": "Q: 1", "path": None}]
    result = cli("import", log_of(tmp_path, {"model": "gpt-5", "path": "/shared", "traces": [*bare_calls, call(3)]}))
    assert result.returncode == 0, result.stderr
    assert b"3 traces stored in project default" in result.stderr


def test_a_file_of_one_body_over_several_lines_is_imported_and_known_the_next_time(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "batch.json"
    contents = {"model": "gemini-2.5", "path": "/p", "contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    file.write_bytes(orjson.dumps({"traces": [call(1), contents]}, option=orjson.OPT_INDENT_2))
    assert b"2 traces stored" in cli("import", str(file)).stderr
    assert b"0 traces stored in project default, 2 were known already" in cli("import", str(file)).stderr
    assert stored(engine) == 2


def test_a_bad_trace_of_a_body_with_several_is_named_by_its_place_and_the_others_are_kept(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    batch = {"traces": [call(1), 7, {"model": "m", "input": "Hi"}, call(2, usage={"input_tokens": -1}), call(3)]}
    result = cli("import", log_of(tmp_path, batch, {"traces": []}))
    assert result.returncode == 1
    report = result.stderr.replace(b"\n", b" ")
    assert b"line 1: traces.1: Must be a JSON object. traces.2.path: Is required." in report
    assert b"traces.3.usage.input_tokens: Must be greater than or equal to 0. Give one for all with --path." in report
    assert b"line 2: traces: Must be a list of one trace or more." in report
    assert stored(engine) == 2


def test_of_a_body_with_hundreds_of_bad_traces_the_first_problems_are_shown(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    result = cli("import", log_of(tmp_path, {"traces": [call(1)] + [None] * 500}))
    report = result.stderr.replace(b"\n", b" ")
    assert b"And 480 further problems." in report
    assert b"traces.21:" not in report
    assert stored(engine) == 1
