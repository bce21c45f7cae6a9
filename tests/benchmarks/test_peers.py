"""The counting of the comparison with other products; `python -m benchmarks.peers` runs the products themselves."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks import environments
from benchmarks.ingest import traffic
from benchmarks.ingest.tables import table
from benchmarks.peers.__main__ import _candidate, _hundreds
from benchmarks.peers.figures import HEAD, Figures, accepted, row, row_without_figures
from benchmarks.peers.products import open_inference, pages, size_of

FIGURES = Figures(
    sent=2_000,
    accepted=1_900,
    seconds=2.0,
    visible=1_900,
    cpu_seconds=3.8,
    accepted_before_kill=1_800,
    visible_after_kill=300,
    bytes_on_disk=4_600_000,
    stored=2_300,
)


def test_spans_count_as_accepted_where_their_export_was_answered_2xx() -> None:
    assert accepted({200: 3, 202: 1, 429: 5, 500: 2}, 100) == 400


def test_lost_calls_are_accepted_ones_that_are_not_there_after_the_restart() -> None:
    assert FIGURES.lost == 1_500


def test_a_row_has_rates_and_costs_of_accepted_calls() -> None:
    cells = ["MLflow", "3.1", 100, "1,900 of 2,000", "950", "1,900", "1,500 of 1,800", "2.00", "2,000"]
    assert row("MLflow", "3.1", 100, FIGURES) == cells


def test_a_product_that_accepts_nothing_has_no_cost_a_call() -> None:
    cells = replace(FIGURES, accepted=0, stored=0).cells()
    assert (cells[1], cells[-2:]) == ("0", ["", ""])


def test_a_product_that_is_not_installed_stays_in_the_table() -> None:
    lines = table(HEAD, [row_without_figures("Phoenix", "not installed")]).splitlines()
    assert lines[2].startswith("| Phoenix | not installed |")
    assert len({line.count("|") for line in lines}) == 1


def test_a_product_that_is_not_installed_is_named_with_the_command_that_installs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = argparse.Namespace(environments=tmp_path, install=False)
    assert _candidate("MLflow", options) is None
    command = f"python -m benchmarks.peers MLflow --install --environments {tmp_path}"
    assert command in capsys.readouterr().err


def test_all_pages_are_counted_to_the_last_one() -> None:
    book = {None: {"items": [1, 2], "next": "b"}, "b": {"items": [3], "next": None}}
    assert list(pages(book.__getitem__, "items", "next")) == [[1, 2], [3]]


def test_an_empty_list_may_lack_its_field() -> None:
    assert list(pages(lambda _: {}, "items", "next")) == [[]]


def test_the_size_of_data_is_without_the_write_ahead_log_of_postgresql(tmp_path: Path) -> None:
    for name in ("base/1", "pg_wal/1"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x" * 8192)
    assert size_of(tmp_path) == (tmp_path / "base/1").stat().st_blocks * 512


@pytest.mark.parametrize("text", ["0", "-100", "150"])
def test_a_number_of_calls_must_fill_the_exports(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="multiple of 100"):
        _hundreds(text)


def test_every_product_gets_the_prompt_of_a_call_in_its_own_conventions() -> None:
    call = traffic.Call("/peers", "Translate the text.")
    for conventions in (traffic.gen_ai, open_inference):
        export = ExportTraceServiceRequest.FromString(traffic.export([call], conventions))
        span = export.resource_spans[0].scope_spans[0].spans[0]
        assert any("Translate the text." in attribute.value.string_value for attribute in span.attributes)


def test_a_foreign_program_inherits_no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ours")
    assert "DATABASE_URL" not in environments.inherited()
    assert "PATH" in environments.inherited()
