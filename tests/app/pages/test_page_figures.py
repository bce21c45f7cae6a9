"""Ranges, charts, costs and comparisons as pages show them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from app.pages import ranging
from app.pages.charts import HEIGHT, spark, stack
from app.pages.history import marks_of
from app.pages.scoreboard import scoreboard
from app.reading.bill import reordered
from app.reading.pieces import Part, Piece, template_text
from app.reading.prices import Cost, Price, blended, input_dollars
from app.reading.spending import Spending
from app.reading.usage import Range
from app.store.call_facts import Usage
from app.words import dollars, enumerated, signed, sum_texts


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ([1, 13], ["v1", "v2"]),
        ([1, 1.5], ["v1, v2"]),
        ([1 + number / 60 for number in range(50)], ["50 versions"]),
        ([9 + number * 0.13 for number in range(50)], ["31 versions", "19 versions"]),
    ],
)
def test_versions_that_began_close_together_share_a_mark_with_their_number(
    hours: list[float], words: list[str]
) -> None:
    begin = datetime(2026, 3, 10, tzinfo=UTC)
    shown = ranging.ShownRange("own", begin, begin + timedelta(days=1), timedelta(hours=1), Range(None, None))
    versions = [
        SimpleNamespace(version=number, first_seen=begin + timedelta(hours=hour))
        for number, hour in enumerate(hours, 1)
    ]
    assert [word for _, word in marks_of(versions, shown)] == words


NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "begin", "stretches"),
    [
        ({}, "2026-03-03 16:00", 42),
        ({"range": "24h"}, "2026-03-09 15:00", 24),
        ({"range": "30d"}, "2026-02-09 00:00", 30),
        ({"since": "2026-03-01", "until": "2026-03-01"}, "2026-03-01 00:00", 24),
        ({"since": "2026-03-01"}, "2026-03-01 00:00", 10),
        ({"since": "14d"}, "2026-02-24 00:00", 15),
        ({"since": "2025-01-01", "until": "2026-01-01"}, "2025-01-01 00:00", 53),
    ],
)
def test_a_range_begins_with_a_full_stretch(query: dict[str, str], begin: str, stretches: int) -> None:
    shown = ranging.range_of(query, NOW)
    assert (f"{shown.begin:%Y-%m-%d %H:%M}", shown.stretches, shown.problem) == (begin, stretches, "")
    assert shown.range.since == shown.begin


@pytest.mark.parametrize(
    ("since", "until", "problem"),
    [
        ("2026-03-02", "2026-03-01", "must not be after"),
        ("yesterday", "", "written like"),
        ("2026-02-30", "", "written like"),
        ("999999w", "", "written like"),
        ("0001-01-01", "", "from 1970 to 8999"),
        ("9999-12-31", "", "from 1970 to 8999"),
        ("2027-01-01", "", "must not be after"),
    ],
)
def test_a_range_that_makes_no_sense_says_why_and_shows_the_last_week(since: str, until: str, problem: str) -> None:
    shown = ranging.range_of({"since": since, "until": until}, NOW)
    assert problem in shown.problem
    assert shown.end - shown.begin == timedelta(days=7)


def test_layers_stand_on_each_other_and_the_axis_ends_with_a_round_number() -> None:
    chart = stack({"v1": [1.0, 0.0], "v2": [2.0, 4.5]})
    assert chart is not None
    assert [tick.value for tick in chart.ticks] == [0, 3, 6]
    assert [layer.total for layer in chart.layers] == [1, 6.5]
    assert f" {HEIGHT * (1 - 3 / 6):.1f}" in chart.layers[1].path


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0]])
def test_nothing_draws_no_chart(values: list[float]) -> None:
    assert spark(values) is None
    assert stack({"v1": values}) is None
    assert stack({}) is None


@pytest.mark.parametrize("most", [1e-9, 0.5, 1, 10**12, 9e18])
def test_any_size_fits_in_a_chart(most: float) -> None:
    chart = stack({"v1": [most, most / 2]})
    assert chart is not None
    assert most <= chart.ticks[-1].value * 1.01 <= most * 2.6


def test_faster_and_cheaper_is_better_once_there_are_enough_calls() -> None:
    old = Spending(
        Usage(calls=100, timed=100, fastest_ms=2000, slowest_ms=2000, latency=[0] * 12 + [100] + [0] * 15), Cost(2.0)
    )
    new = Spending(
        Usage(calls=100, timed=100, fastest_ms=1000, slowest_ms=1000, latency=[0] * 9 + [100] + [0] * 18), Cost(3.0)
    )
    verdicts = {row.title: row.verdict for row in scoreboard(old, new).rows}
    assert verdicts["Half took at most"] == "better"
    assert verdicts["Cost a call"] == "worse"
    assert scoreboard(old, Spending()).few


@pytest.mark.parametrize(
    ("before", "after", "verdict"), [((1, 90), (1, 80), ""), ((1, 90), (20, 80), "worse"), ((0, 90), (20, 80), "worse")]
)
def test_more_failures_are_worse_only_beyond_chance(
    before: tuple[int, int], after: tuple[int, int], verdict: str
) -> None:
    old, new = (Spending(Usage(calls=calls, failures=failures)) for failures, calls in (before, after))
    assert {row.title: row.verdict for row in scoreboard(old, new).rows}["Failed"] == verdict


def test_a_version_is_not_dearer_than_one_whose_price_nobody_knows() -> None:
    unpriced, priced = (Spending(Usage(calls=50), cost) for cost in (Cost(0.0, estimated=True), Cost(3.0)))
    (cost,) = (row for row in scoreboard(unpriced, priced).rows if row.title == "Cost a call")
    assert (cost.old, cost.verdict) == ("–", "")


@pytest.mark.parametrize(
    ("names", "sentence"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_are_enumerated_with_one_and(names: list[str], sentence: str) -> None:
    assert enumerated(names) == sentence


def test_a_few_calls_make_no_version_better() -> None:
    board = scoreboard(Spending(Usage(calls=2), Cost(2.0)), Spending(Usage(calls=200), Cost(3.0)))
    assert board.few
    assert {row.verdict for row in board.rows} == {""}


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (0.0, "$0"), (12.345, "$12.35"), (0.00123, "$0.0012"), (1e-9, "< $0.0001"), (41_234.5, "$41,234")],
)
def test_dollars_say_no_more_than_they_know(value: float | None, words: str) -> None:
    assert dollars(value) == words


def test_the_parts_of_a_bill_add_up() -> None:
    assert sum_texts(0.0734, 0.0561) == ("$0.0734", "$0.0173", "$0.0561")
    assert sum_texts(12.25, 2.0) == ("$12.25", "$10.25", "$2.00")
    assert sum_texts(0.0, 0.0)[0] == "$0.00"


def test_calls_of_several_models_cost_together_what_they_cost_apart() -> None:
    cheap, dear = Price(1.0, 4.0, 0.5), Price(10.0, 40.0, 1.0)
    usages = [
        Usage(calls=1, input_tokens=1_000, output_tokens=200, cached_tokens=400),
        Usage(calls=3, input_tokens=9_000, output_tokens=100),
    ]
    one_price = blended(zip((cheap, dear), usages, strict=True))
    assert one_price
    assert input_dollars(one_price, usages[0] + usages[1]) == pytest.approx(
        input_dollars(cheap, usages[0]) + input_dollars(dear, usages[1])
    )
    assert blended([(None, usages[0])]) is None
    assert blended([(cheap, usages[0]), (cheap, usages[1])]) == cheap


def test_a_young_task_is_billed_by_its_own_days() -> None:
    shown = ranging.range_of({"range": "7d"}, datetime(2026, 3, 8, 11, 0, tzinfo=UTC))
    assert shown.days_since(None) == shown.days_since(datetime(2026, 1, 1, tzinfo=UTC)) == 7
    assert shown.days_since(shown.end - timedelta(hours=36)) == 1.5
    assert shown.days_since(shown.end - timedelta(hours=3)) == 1


def test_a_change_has_a_sign() -> None:
    assert [signed(change) for change in (0.123, -0.5, 0.001, None)] == ["+12 %", "−50 %", "± 0 %", "–"]


def test_paragraphs_that_vary_stand_behind_those_that_stay() -> None:
    parts = [
        Part(
            "system",
            [Piece("You are "), Piece("", "name"), Piece(".\n\nBe brief.\n\nUse "), Piece("", "unit"), Piece("s.")],
        ),
        Part("user", [Piece("Question: "), Piece("", "question")]),
    ]
    assert [(part.role, template_text(part)) for part in reordered(parts, {"name", "question"})] == [
        ("system", "Be brief.\n\nUse {{unit}}s."),
        ("user", "You are {{name}}.\n\nQuestion: {{question}}"),
    ]


def test_lines_that_vary_leave_the_long_text_of_their_paragraph() -> None:
    rules, more = "Be kind to guests. " * 12, "Answer in their language. " * 9
    lines = f"\n{rules}\n{more}\nQuestion:\n", f"\n</question>\n{more}"
    pieces = [Piece("Request "), Piece("", "id"), Piece(lines[0]), Piece("", "question"), Piece(lines[1])]
    assert [(part.role, template_text(part)) for part in reordered([Part("system", pieces)], {"id", "question"})] == [
        ("system", f"{rules}\n{more}\n\n{more}"),
        ("user", "Request {{id}}\n\nQuestion:\n{{question}}\n</question>"),
    ]


def test_a_part_that_is_all_slot_has_a_text() -> None:
    assert template_text(Part("user", [Piece("", "mail")])) == "{{mail}}"
    assert template_text(Part("user", [Piece("a {{b}} c")])) == r"a \{{b}} c"
