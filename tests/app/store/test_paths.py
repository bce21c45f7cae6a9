"""Paths with ids in them are one call site."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.paths import folded


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/users/123/chat", "/users/{id}/chat"),
        ("/users/8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60/chat", "/users/{id}/chat"),
        ("/files/9e107d9d372bb6826bd81d3542a419d6", "/files/{id}"),
        ("/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/steps/7/", "/runs/{id}/steps/{id}/"),
        ("/reports/2026-11-29/summary", "/reports/{id}/summary"),
        ("batch/20261129", "batch/{id}"),
    ],
)
def test_an_id_is_folded(path: str, expected: str) -> None:
    assert folded(path) == expected


@pytest.mark.parametrize(
    "path",
    ["/chat", "/v1/chat", "/gpt-4/route", "/2026-99-99/x", "/deadbeefdeadbeef/x", "/123", "123", "", "//", "/a/١٢٣", "/défi/x1"],
)  # fmt: skip
def test_everything_else_stays(path: str) -> None:
    assert folded(path) == path


@given(st.text() | st.lists(st.text(alphabet="0123456789abcdef-/", max_size=40)).map("/".join))
def test_folding_a_folded_path_changes_nothing(path: str) -> None:
    assert folded(folded(path)) == folded(path)
