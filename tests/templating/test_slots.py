"""slot_kind: the kind of a slot, told from its values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templating import Kind, SlotKind, slot_kind

UUIDS = ["8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60", "c4ca4238-a0b9-4382-8dcc-509a6f75849b"]


class TestKinds:
    """Golden examples: product pages and API show these words."""

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            (["1", "-20", "1500"], Kind.INTEGER),
            (["1", "2.5", "-1e3"], Kind.NUMBER),
            (["$9.99", "12 %", "1,500.00", "3,14"], Kind.NUMBER),
            (["2024-05-01", "2024-05-02"], Kind.DATE_TIME),
            (["2024-05-01T10:00:00Z", "2024-05-01 10:00"], Kind.DATE_TIME),
            (["10:30", "9:05 PM"], Kind.DATE_TIME),
            (["May 1, 2024", "Friday, May 3, 2024"], Kind.DATE_TIME),
            (["01.05.2024", "2024年5月1日"], Kind.DATE_TIME),
            (UUIDS, Kind.ID),
            (["ORD-1042", "ORD-1043"], Kind.ID),
            (["007", "008"], Kind.ID),
            (["ada@example.org", "bob+x@mail.example.com"], Kind.EMAIL),
            (["https://example.org/a?b=1", "s3://bucket/key"], Kind.URL),
            (["French", "german", "日本語"], Kind.LANGUAGE),
            (["en", "pt-BR", "zh_Hant"], Kind.LANGUAGE),
            (['{"a": 1}', "[1, 2]"], Kind.JSON),
            (["def f(x):\n    return x\n", "let a = 1;\nlet b = 2;"], Kind.CODE),
            (["SELECT id FROM users WHERE age >= 3;", "```\nls\n```"], Kind.CODE),
            (["- milk\n- eggs", "1. one\n2. two"], Kind.LIST),
            (["red, green, blue", "salt, pepper, olive oil"], Kind.LIST),
            (["Where is my parcel?", "It works."], Kind.TEXT),
            (["Paris, France", "Rome, Italy"], Kind.TEXT),
            (["Let me know if it works for you", "from now on I want that"], Kind.TEXT),
            ([], Kind.TEXT),
            (["", " \n"], Kind.TEXT),
        ],
    )
    def test_each(self, values, kind):
        assert slot_kind(values).kind is kind

    def test_few_values_met_often_are_an_enum_with_the_most_frequent_first(self):
        assert slot_kind(["low", "high", "low", "low", "high", "low", "low", "high"]) == SlotKind(
            Kind.ENUM, ("low", "high")
        )

    def test_given_fewer_than_four_calls_a_value_i_expect_no_enum(self):
        assert slot_kind(["low", "high", "low", "low", "high", "low", "low"]).kind is Kind.TEXT

    def test_few_numbers_met_often_stay_numbers(self):
        assert slot_kind(["1", "2", "3"] * 10).kind is Kind.INTEGER

    def test_white_space_around_a_value_is_no_part_of_its_kind(self):
        assert slot_kind([" 12\n", "7 "]).kind is Kind.INTEGER

    def test_an_empty_value_makes_the_slot_optional_and_leaves_its_kind(self):
        assert slot_kind(["2024-05-01", ""]) == SlotKind(Kind.DATE_TIME, (), optional=True)

    def test_one_odd_value_in_twenty_leaves_the_kind(self):
        assert slot_kind([*map(str, range(1, 20)), "n/a"]).kind is Kind.INTEGER
        assert slot_kind([*map(str, range(1, 19)), "n/a"]).kind is not Kind.INTEGER

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            (SlotKind(Kind.DATE_TIME), "date/time"),
            (SlotKind(Kind.ENUM, ("low", "high")), "one of: low, high"),
            (SlotKind(Kind.TEXT, optional=True), "free text, may be empty"),
        ],
    )
    def test_a_kind_says_itself_in_words(self, kind, words):
        assert str(kind) == words


class TestBadInput:
    @given(st.lists(st.text() | st.text(alphabet='0123456789+-.,eE:/@{}[]"\ud800 年', max_size=40)))
    def test_given_any_strings_it_answers(self, values):
        assert isinstance(slot_kind(values), SlotKind)

    @given(st.lists(st.text(max_size=5)), st.randoms(use_true_random=False))
    def test_the_order_of_the_calls_does_not_change_the_kind(self, values, chance):
        shuffled = list(values)
        chance.shuffle(shuffled)
        assert slot_kind(shuffled).kind is slot_kind(values).kind

    def test_if_it_is_one_str_i_expect_a_type_error(self):
        with pytest.raises(TypeError, match="sequence"):
            slot_kind("12")

    @pytest.mark.timeout(60)
    @pytest.mark.parametrize(
        "value", ["[" * 500_000 + "]", "9" * 900_000, "a," * 400_000, "x = 1\n" * 100_000, "1." * 400_000]
    )
    def test_a_slot_of_huge_values_gets_a_kind_before_the_test_is_ended(self, value):
        assert isinstance(slot_kind([value] + [value + "1"] * 1000), SlotKind)
