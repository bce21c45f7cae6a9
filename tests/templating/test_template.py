"""Template: valid templates, their rendering, and a text form that loses nothing."""

import pickle

import pytest
from hypothesis import given
from template_strategies import templates, texts

from templating import Template

ASK = Template(("Q: ", "\nA: ", ""), ("question", "answer"))


class TestConstruction:
    def test_a_static_text_is_a_template(self):
        assert Template(("hello",)).slots == ()

    def test_lists_become_tuples_so_that_every_template_can_be_hashed(self):
        assert hash(Template(["Q: ", ""], ["q"])) == hash(Template(("Q: ", ""), ("q",)))

    def test_a_name_may_come_in_any_script(self):
        assert Template(("質問: ", ""), ("質問",)).slots == ("質問",)

    @pytest.mark.parametrize(
        ("literals", "slots"),
        [
            ((), ()),
            (("a",), ("x",)),
            (("a", "b"), ()),
            (("a", "", "b"), ("x", "y")),
            (("", ""), ("x",)),
            ((" \n", "\t"), ("x",)),
            (("a", ""), ("1x",)),
            (("a", ""), ("x y",)),
            (("a", ""), ("",)),
            (("a", ""), ("\ud800",)),
        ],
    )
    def test_if_a_rule_is_broken_i_expect_a_value_error(self, literals, slots):
        with pytest.raises(ValueError, match=r"\w"):
            Template(literals, slots)

    @pytest.mark.parametrize(
        ("literals", "slots"), [("ab", ("x",)), (("a", ""), "x"), (("a", 1), ("x",)), ((b"a",), ())]
    )
    def test_if_it_is_no_sequence_of_str_i_expect_a_type_error(self, literals, slots):
        with pytest.raises(TypeError, match=r"literals|slots"):
            Template(literals, slots)

    def test_the_type_error_names_the_index(self):
        with pytest.raises(TypeError, match=r"literals\[1\]"):
            Template(("a", None), ("x",))

    def test_no_error_quotes_the_text_of_a_prompt(self):
        with pytest.raises(ValueError, match="touch") as caught:
            Template(("secret", "", "secret"), ("x", "y"))
        assert "secret" not in str(caught.value)


class TestEquality:
    def test_given_other_names_i_expect_the_same_template(self):
        assert Template(("Q: ", "\nA: ", ""), ("x", "y")) == ASK
        assert hash(Template(("Q: ", "\nA: ", ""), ("x", "y"))) == hash(ASK)

    def test_given_a_shared_name_i_expect_another_template(self):
        assert Template(("Q: ", "\nA: ", ""), ("x", "x")) != ASK

    def test_given_names_shared_by_the_same_places_i_expect_the_same_template(self):
        shared = Template(("a", "b", "c", ""), ("x", "y", "x"))
        assert shared == Template(("a", "b", "c", ""), ("y", "x", "y"))
        assert shared != Template(("a", "b", "c", ""), ("x", "x", "y"))

    def test_a_template_equals_nothing_else(self):
        assert ASK != "Q: "

    def test_a_template_survives_pickling_with_its_caches_filled(self):
        assert ASK.fixed == 7
        assert pickle.loads(pickle.dumps(ASK)) == ASK


class TestRender:
    def test_a_sequence_is_by_place(self):
        assert ASK.render(["why?", "because"]) == "Q: why?\nA: because"

    def test_a_mapping_is_by_name_and_may_hold_more(self):
        assert ASK.render({"answer": "yes", "question": "so?", "other": "-"}) == "Q: so?\nA: yes"

    def test_a_value_is_never_read_as_text_form(self):
        assert ASK.render(["{{answer}}", "\\{x}"]) == "Q: {{answer}}\nA: \\{x}"

    def test_a_repeated_name_takes_one_value_per_place_in_a_sequence_and_one_in_a_mapping(self):
        twice = Template(("", " is ", ""), ("x", "x"))
        assert twice.render(["a", "a"]) == twice.render({"x": "a"}) == "a is a"

    @pytest.mark.parametrize("values", [[], ["a"], ["a", "b", "c"], {}, {"question": "a"}])
    def test_if_values_do_not_fit_i_expect_a_value_error(self, values):
        with pytest.raises(ValueError, match="value"):
            ASK.render(values)

    def test_if_places_of_one_name_differ_i_expect_a_value_error(self):
        with pytest.raises(ValueError, match="share a name"):
            Template(("", " is ", ""), ("x", "x")).render(["a", "b"])

    @pytest.mark.parametrize("values", ["ab", ["a", 1], {"question": "a", "answer": None}, 7])
    def test_if_it_is_no_row_of_str_i_expect_a_type_error(self, values):
        with pytest.raises(TypeError):
            ASK.render(values)


class TestTextForm:
    """Golden examples: the text form is stored and shown, so it may never change."""

    @pytest.mark.parametrize(
        ("template", "text"),
        [
            (ASK, "Q: {{question}}\nA: {{answer}}"),
            (Template(('{"a": {"b": "', '"}} {x} %s $y'), ("v",)), '{"a": {"b": "{{v}}"}} {x} %s $y'),
            (Template(("{{ z }} {{1}} {{}} \\n ", ""), ("v",)), "{{ z }} {{1}} {{}} \\n {{v}}"),
            (Template(("see {{x}} ", ""), ("x",)), "see \\{{x}} {{x}}"),
            (Template(("a\\{{x}}",)), "a\\\\\\{{x}}"),
            (Template(("a\\", ""), ("x",)), "a\\\\{{x}}"),
            (Template(("\\ a \\\\", "\\"), ("x",)), "\\ a \\\\\\\\{{x}}\\"),
            (Template(("{", "}"), ("x",)), "{{{x}}}"),
            (Template(("", "{{y}}", ""), ("x", "z")), "{{x}}\\{{y}}{{z}}"),
            (Template(("{{y}}\\", ""), ("x",)), "\\{{y}}\\\\{{x}}"),
            (Template(("質問：", "。"), ("質問",)), "質問：{{質問}}。"),
        ],
    )
    def test_each_way(self, template, text):
        assert template.to_text() == text
        assert Template.parse(text) == template
        assert Template.parse(text).slots == template.slots

    @given(templates())
    def test_given_any_template_parse_undoes_to_text(self, template):
        parsed = Template.parse(template.to_text())
        assert parsed == template
        assert parsed.slots == template.slots

    @given(texts)
    def test_given_any_text_that_parses_to_text_undoes_parse(self, text):
        try:
            template = Template.parse(text)
        except ValueError:
            return
        assert template.to_text() == text

    @pytest.mark.parametrize("text", ["", " ", "{{a}}", "{{a}}{{b}}", " {{a}}\n"])
    def test_if_the_text_is_no_template_i_expect_a_value_error(self, text):
        with pytest.raises(ValueError, match=r"template|touch"):
            Template.parse(text)

    @pytest.mark.timeout(60)
    @pytest.mark.parametrize("hostile", ["{", "}", "{{a", "a}}", "{{{{}}}}", "\\", "{{\\"])
    def test_a_long_text_of_braces_is_read_in_linear_time(self, hostile):
        text = hostile * 100_000 + "end"
        assert Template.parse(text).to_text() == text
