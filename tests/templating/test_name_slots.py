"""name_slots: the name that a reader would give to each place."""

from keyword import iskeyword

import pytest
from hypothesis import given
from hypothesis import strategies as st
from template_strategies import filled, templates, texts

from templating import Mined, Template, meant_name, name_slots, portable_names


def mined(template, *rows):
    """A group of these rows of values, or of one row of free text."""
    rows = rows or [tuple("some text, free." for _ in template.slots)]
    return Mined(template, list(range(len(rows))), list(rows)), [template.render(row) for row in rows]


def names(text, *rows):
    """Names for a text form whose own names say nothing."""
    return name_slots(*mined(Template.parse(text), *rows)).slots


class TestGoldenExamples:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Question: {{_1}}\nAnswer: {{_2}}", ("question", "answer")),
            ("<context>\n{{_1}}\n</context>\n<doc id='1'>{{_2}}</doc>", ("context", "doc")),
            ("## Context\n\n{{_1}}\n\n**Question**\n{{_2}}", ("context", "question")),
            ("USER INPUT:\n{{_1}}\n<< CANDIDATE PROMPTS >>\n{{_2}}", ("user_input", "candidate_prompts")),
            ("[[ ## question ## ]]\n{{_1}}", ("question",)),
            ("<|im_start|>user\n{{_1}}<|im_end|>", ("user",)),
            ("Customer Question\n{{_1}}", ("customer_question",)),
            ('{"name": "{{_1}}", "userAge": {{_2}}, "tags": ["{{_3}}"]}', ("name", "user_age", "tags")),
            ("lang={{_1}}&max-size={{_2}}", ("lang", "max_size")),
            ("- **Order ID**: `{{_1}}`", ("order_id",)),
            ("User (as they signed up): {{_1}}", ("user",)),
            ("From: {{_1}}\nTo: {{_2}}", ("sender", "to")),
            ("Here is the user's question:\n{{_1}}", ("user_question",)),
            ("Summarize the following article for a busy reader:\n\n{{_1}}", ("article",)),
            ("Summarize the following article.\n\n{{_1}}", ("article",)),
            ("Given the context below, answer the question: {{_1}}", ("question",)),
            ("Context information is below.\n---\n{{_1}}", ("context_information",)),
            ("The title of the book: {{_1}}", ("book_title",)),
            ("The customer's name is {{_1}}. Today is {{_2}}.", ("customer_name", "today")),
            ("You write for the company {{_1}} in the style of {{_2}}", ("company", "style")),
            ("Review this code:\n```python\n{{_1}}\n```", ("code",)),
            ("Pick one.\nA. {{_1}}\nB) {{_2}}", ("a", "b")),
            ("Items:\n- {{_1}}\n- {{_2}}", ("items", "items_2")),
            ('Notes of {{_1}}:\n"""\n{{_2}}\n"""', ("notes_of", "notes")),
            ("--- invoice ({{_1}} pages, received by {{_2}}) ---\n{{_3}}", ("var_0", "received_by", "invoice")),
            ("Customer: {{_1}} (member since {{_2}})\nMail from {{_3}}", ("customer", "member_since", "mail_from")),
            ("What the reply should do: {{_1}}", ("what_reply_should_do",)),
            ("Some reviews that our editors have labelled already:\n{{_1}}", ("reviews",)),
            ("Repository: {{_1}}\n\n```diff\n{{_2}}\n```", ("repository", "diff")),
            ("Mend it.\x00```python\n{{_1}}\n```", ("code",)),
            ("Question: \x00{{_1}}", ("message",)),
            ("Rate it.\n\nRubric: The answer must {{_1}}\n[Question]", ("rubric",)),
            ("You are a {{_1}}. Answer in a {{_2}} tone.", ("role", "tone")),
            ("Dear {{_1}},\nwe write about {{_2}}.", ("name", "topic")),
            ("Act as a {{_1}} and write a mail about {{_2}} for our shop.", ("role", "topic")),
            ("質問：{{_1}}\n回答：{{_2}}", ("質問", "回答")),
            ("प्रश्न: {{_1}}", ("प्रश्न",)),
        ],
    )
    def test_words_around_a_place_name_it(self, text, expected):
        assert names(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "{{_1}} !",
            "Be brief\n\n{{_1}}",
            "Before you answer, think.\n{{_1}}",
            "###\n{{_1}}\n###",
            "以下の文章を日本語に翻訳してください：\n{{_1}}",
            "Var 0: {{_1}}",
            "Then wish a good {{_1}}.",
            "You are a {{_1}} assistant.",
            "Write about {{_1}} dogs.",
            "Follow the {{_1}} style guide.",
            "Say hello {{_1}} times.",
            'Extract {"name": ...} from:\n---\n{{_1}}\n---',
        ],
    )
    def test_if_they_do_not_i_expect_var_n(self, text):
        assert names(text) == ("var_0",)

    def test_a_name_works_wherever_a_prompt_may_be_exported_to(self):
        assert names("Self: {{_1}}\nTrue: {{_2}}\nPrompt: {{_3}}") == ("self_", "true_", "prompt")

    def test_letters_of_a_name_are_those_that_python_reads(self):
        assert names("ＩＤ：{{_1}}\nｶﾅ：{{_2}}\nS: {{_3}}\nſ: {{_4}}") == ("id", "カナ", "s", "s_2")

    def test_a_border_between_two_places_is_no_list(self):
        assert names("Context:\n{{_1}}\n---\n{{_2}}") == ("context", "var_1")

    def test_the_kind_of_the_values_names_a_place_without_a_label(self):
        assert names("Translate to {{_1}}", ("French",), ("German",)) == ("language",)

    def test_a_number_is_named_by_what_it_counts(self):
        assert names("Use at most {{_1}} words.", ("100",), ("20",)) == ("words",)
        assert names("Invite at most {{_1}} people.", ("100",), ("20",)) == ("people",)

    @pytest.mark.parametrize(
        "text", ["Name parcel {{_1}} after a town.", "Polish plate {{_1}} gently.", "Is {{_1}} prime?"]
    )
    def test_a_number_is_not_named_by_a_word_that_cannot_be_counted(self, text):
        assert names(text, ("100",), ("20",)) == ("var_0",)

    def test_a_number_is_no_topic(self):
        assert names("It weighs about {{_1}}.", ("100",), ("20",)) == ("var_0",)

    def test_an_empty_value_makes_free_text_without_a_label_optional_text(self):
        assert names("Be brief.\n{{_1}}Go.", ("Mind the gap, please. ",), ("",)) == ("optional_text",)

    def test_a_number_with_its_plural_in_brackets_counts_several(self):
        assert names("It has {{_1}} page(s).", ("1",), ("2",)) == ("pages",)

    @pytest.mark.parametrize(
        ("name", "values"),
        [("json", ('{"a": 1}', "[2]")), ("code", ("def f():\n    return 1;", "let a = 1;\nlet b = 2;"))],
    )
    def test_json_and_code_are_named_so(self, name, values):
        assert names("Look:\x00!\n{{_1}}", *((value,) for value in values)) == (name,)

    def test_equal_labels_are_numbered_from_two(self):
        assert names("Q: {{_1}}\nQ: {{_2}}\nQ 2: {{_3}}") == ("q", "q_2", "q_2_2")

    def test_a_table_of_ten_thousand_rows_with_one_label_is_named_like_one_of_three(self):
        """Its names were compared with each other for every number of every row: an hour."""
        rows = Template((*["\nprice: "] * 10_000, ""), tuple(f"_{n}" for n in range(10_000)))
        assert name_slots(*mined(rows)).slots == ("price", *(f"price_{n}" for n in range(2, 10_001)))

    def test_places_that_share_a_name_go_on_sharing_one(self):
        assert names("City: {{_1}}\nAgain {{_1}} and {{_2}}") == ("city", "city", "var_1")


class TestProperties:
    @given(st.data(), templates(), st.booleans())
    def test_given_any_template_i_expect_the_same_template_with_unique_identifiers(self, data, template, empty):
        group, prompts = mined(template, *(data.draw(filled(template, texts)) for _ in range(2 - empty)))
        named = name_slots(group, prompts)
        assert named == template
        assert all(name.isidentifier() and not iskeyword(name) for name in named.slots)
        assert portable_names(named.slots) == {name: name for name in named.slots}
        assert named.slots == name_slots(group, prompts).slots

    @given(templates(literal=texts | st.text(alphabet=" \n:#*<>abI_-.'{}\"。質問", max_size=20)))
    def test_names_depend_on_the_fixed_text_and_not_on_the_names_before(self, template):
        second_names = name_slots(*mined(template))
        assert name_slots(*mined(second_names)).slots == second_names.slots


def test_a_name_copied_from_the_prompt_means_the_slot_whose_letters_are_normalised() -> None:
    copied, stored = "\u0e04\u0e33", "\u0e04\u0e4d\u0e32"
    assert meant_name(copied, ["mail", stored]) == stored
    assert meant_name(copied, ["mail", copied]) == copied
    assert meant_name("letter", ["mail"]) is None
