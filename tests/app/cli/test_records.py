"""Files are cut into records, in any layout of the file."""

import gzip
import io
import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli.records import Layout, UnreadableFileError, items, layout_of, open_source, records

OBJECTS = [{"a": 'x, ]}[{ \\" y'}, {"b": [1, {"c": []}]}, {}, {"d": "ü🙂\n"}]


def stream(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data), 64)  # type: ignore[arg-type]


def read(data: bytes, longest: int = 10_000) -> list[bytes]:
    source = io.BufferedReader(io.BytesIO(data), 64 * 1024)  # type: ignore[arg-type]
    return [record.data for record in records(source, layout_of(source), longest)]


@pytest.mark.parametrize("option", [0, orjson.OPT_INDENT_2])
def test_a_list_is_read_item_by_item(option: int) -> None:
    assert list(map(orjson.loads, read(orjson.dumps(OBJECTS, option=option)))) == OBJECTS


def test_objects_over_several_lines_are_read_one_after_the_other() -> None:
    data = b"\n".join(orjson.dumps(item, option=orjson.OPT_INDENT_2) for item in OBJECTS)
    assert list(map(orjson.loads, read(data))) == OBJECTS


@pytest.mark.parametrize("between", [b"", b" ", b"\r", b"\r\r"])
def test_objects_without_line_ends_are_read_one_after_the_other(between: bytes) -> None:
    data = between.join(map(orjson.dumps, OBJECTS)) + between
    assert list(map(orjson.loads, read(data))) == OBJECTS


def test_several_objects_in_a_later_line_are_read_and_one_that_is_no_json_costs_no_other() -> None:
    data = b'{"a": "} {"}\n{"b": 1}{"c": 2} {"d" 3}\n{"e": 4}\n'
    assert read(data) == [b'{"a": "} {"}', b'{"b": 1}', b'{"c": 2}', b'{"d" 3}', b'{"e": 4}']


def test_reading_goes_on_in_the_middle_of_a_line() -> None:
    data = b'{"a": 1}\n{"b": 1}{"c": 2}\n{"d": 3}\n'
    every = list(records(stream(data), "lines", 100))
    for record in every:
        remaining = records(stream(data[record.end :]), "lines", 100, record.number, record.end)
        assert [(record.number, record.data) for record in remaining] == [
            (record.number, record.data) for record in every[record.number :]
        ]


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (b'{"a": 1}\n{"b": 1}', "lines"),
        (b"", "lines"),
        (b'[{"a": 1}]', "list"),
        (b'\n [\n  {"a": 1}\n]', "list"),
        (b'\xef\xbb\xbf[{"a": 1}]', "list"),
        (b'{\n"a": 1}', "objects"),
        (b'{"a": 1}{"b": 1}', "objects"),
        (b'{"a": 1}\r{"b": 1}\r', "objects"),
        (b'{"a": "}{"}\n', "lines"),
        (b'[]\n{"a": 1}', "lines"),
        (b'[{}]\n{"a": 1}', "lines"),
        (b'[oops\n{"a": 1}', "lines"),
    ],
)
def test_the_layout_is_told_by_the_beginning(data: bytes, layout: Layout) -> None:
    assert layout_of(io.BufferedReader(io.BytesIO(data), 64 * 1024)) == layout  # type: ignore[arg-type]


def test_the_mark_that_some_editors_write_first_is_no_part_of_a_record() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}\n') == [b'{"a": 1}']


def test_a_list_that_is_cut_off_keeps_what_is_whole() -> None:
    assert read(b'[{"a": 1}, {"b": 2}, {"c": ') == [b'{"a": 1}', b'{"b": 2}', b'{"c":']


def test_of_an_item_that_is_too_long_only_the_start_is_kept() -> None:
    long = b'[{"a": "' + b"x" * 100_000 + b'"}, {"b": 2}]'
    first, second = read(long, longest=50)
    assert (len(first), second) == (51, b'{"b": 2}')


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.dictionaries(st.text('a"\\[]{},'), st.text('b"\\[]{},\n') | st.lists(st.integers()), max_size=3)),
    st.integers(1, 9),
)
def test_the_items_of_a_list_are_the_same_wherever_its_pieces_end(values: list[object], size: int) -> None:
    data = json.dumps(values).encode()
    pieces = io.BufferedReader(io.BytesIO(data), size)  # type: ignore[arg-type]
    assert [json.loads(record.data) for record in items(pieces, 10_000)] == values


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.integers(), max_size=2), min_size=1), st.data())
def test_reading_goes_on_behind_any_item(values: list[object], data: st.DataObject) -> None:
    text = json.dumps(values).encode()
    items = list(records(stream(text), "list", 10_000))
    item = data.draw(st.sampled_from(items))
    remaining = stream(text)
    remaining.seek(item.end)
    assert list(records(remaining, "list", 10_000, item.number, item.end)) == items[item.number :]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_cut_into_empty_records(data: bytes) -> None:
    for layout in ("lines", "list", "objects"):
        assert all(record.data for record in records(stream(data), layout, 20))


# --- files


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (b"\x00\x01\x02", "is not text"),
        ('{"a": 1}'.encode("utf-16"), "is not text"),
        (b"PK\x03\x04rest", "zip"),
        (b"\x28\xb5\x2f\xfdrest", "zstd -d"),
        (b"PAR1rest", "not a whole Parquet file"),
        (gzip.compress(b"ab\x00cd"), "is not text"),
    ],
)
def test_a_file_that_is_no_text_is_refused_with_the_remedy(tmp_path: Path, data: bytes, remedy: str) -> None:
    file = tmp_path / "log"
    file.write_bytes(data)
    with pytest.raises(UnreadableFileError, match=remedy), open_source(file):
        pass


@pytest.mark.parametrize("name", ["log.gz", "log"])
def test_gzip_is_inflated_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    data = b'{"a": 1}\n' * 50_000
    file.write_bytes(gzip.compress(data[:9000]) + gzip.compress(data[9000:]) + b"\x00" * 10)
    with open_source(file) as source:
        assert source.stream.read() == data
