"""match: the shortest values from the left, anchored at both ends, or None."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from template_strategies import filled, plain, templates, texts

from templating import Template, match


def every_fit(literals, prompt):
    """Slow oracle: every way to write the prompt with these literals, the shortest values from the left first."""
    if not prompt.startswith(literals[0]):
        return
    remaining = prompt[len(literals[0]) :]
    if len(literals) == 1:
        if not remaining:
            yield ()
        return
    for length in range(len(remaining) + 1):
        for tail in every_fit(literals[1:], remaining[length:]):
            yield (remaining[:length], *tail)


def first_fit(template, prompt):
    """Slow oracle of match."""
    fits = (values for values in every_fit(template.literals, prompt) if not any("\x00" in value for value in values))
    values = next(fits, None)
    if values is None or any(values[place] != values[first] for place, first in template.repeats):
        return None
    return values


class TestGoldenExamples:
    @pytest.mark.parametrize(
        ("text", "prompt", "values"),
        [
            ("Q: {{q}}\nA: {{a}}", "Q: why?\nA: so", ("why?", "so")),
            ("Q: {{q}}\nA: {{a}}", "Q: \nA: ", ("", "")),
            ("{{x}}-{{x}}-{{x}}", "a-a-a", ("a", "a", "a")),
            ("{{x}}-{{x}}-{{x}}", "a-a-b", None),  # the last place of the name differs, not the second
            ("Q: {{q}}\nA: {{a}}", "Q: a\r\nb\nA: \nA: c", ("a\r\nb", "\nA: c")),
            ("Q: {{q}}\nA: {{a}}", "Q: why?", None),
            ("Q: {{q}}\nA: {{a}}", " Q: why?\nA: so", None),
            ("hello", "hello", ()),
            ("hello", "hello ", None),
            ("{{a}},{{b}}.", "1,2,3..", ("1", "2,3.")),
            ("{{a}}b", "ab b", ("ab ",)),
            ("ab{{x}}bc", "abc", None),
            ("ab{{x}}bc", "abbc", ("",)),
            ("a{{x}}b{{y}}b", "ab", None),
            ("{{x}} is {{x}}", "a is a", ("a", "a")),
            ("{{x}} is {{x}}", "a is b", None),
            ("{{x}} is {{x}}", "a is b is a is b", None),
            ("S\x00U {{x}}", "S\x00U 1", ("1",)),
            ("S {{x}}", "S 1\x00U", None),
            ("S {{x}}\x00U {{y}}", "S a\x00U b", ("a", "b")),
            ("S {{x}}\x00U {{y}}", "S a\x00b\x00U c", None),
            ("S {{x}}U{{y}}", "S \x00U", None),
            ("质{{x}}答", "质问题答", ("问题",)),
        ],
    )
    def test_each(self, text, prompt, values):
        assert match(Template.parse(text), prompt) == values

    def test_given_another_barrier_i_expect_that_one_to_bind(self):
        template = Template.parse("S {{x}}")
        assert match(template, "S a|b", barrier="|") is None
        assert match(template, "S a\x00b", barrier="|") == ("a\x00b",)


class TestProperties:
    @given(st.data(), templates(literal=plain | texts), plain | texts)
    def test_given_any_prompt_it_is_the_first_of_all_fits(self, data, template, noise):
        prompt = data.draw(st.sampled_from([noise, template.render(data.draw(filled(template)))]))
        assert match(template, prompt) == first_fit(template, prompt)

    @given(st.data(), templates(), texts)
    def test_values_of_a_match_render_back(self, data, template, noise):
        prompt = data.draw(st.sampled_from([noise, template.render(data.draw(filled(template, texts)))]))
        values = match(template, prompt)
        assert values is None or template.render(values) == prompt

    @given(st.data(), templates(literal=plain))
    def test_when_names_differ_whatever_it_renders_it_matches(self, data, template):
        distinct = Template(template.literals, tuple(f"v{place}" for place in range(len(template.slots))))
        assert match(distinct, distinct.render(data.draw(filled(distinct)))) is not None

    def test_if_the_prompt_is_no_str_i_expect_a_type_error(self):
        with pytest.raises(TypeError, match="prompt"):
            match(Template(("a",)), b"a")

    @pytest.mark.timeout(60)
    def test_a_text_made_to_backtrack_is_refused_in_linear_time(self):
        template = Template(tuple(itertools.repeat("a", 31)), tuple(f"v{place}" for place in range(30)))
        assert match(template, "a" * 1_000_000 + "b") is None
