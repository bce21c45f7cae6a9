"""Matcher: the most specific of many templates, the same as trying them all, with few tries."""

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from template_strategies import filled, plain, templates, texts

from templating import Match, Matcher, Template, match
from templating.key_index import Endings, Entry, TemplateIndex
from templating.trie import PrefixSet

GREETING = Template.parse("Hello {{name}}, welcome")
FORMAL = Template.parse("Hello Dr {{name}}, welcome")

similar = templates(literal=st.lists(st.sampled_from(["a", "bb", " ", "\n", "abab", "\x00"]), max_size=4).map("".join))
"""Templates of so few fragments that they share beginnings, endings, lines and words."""


def slow_match(alive, prompt):
    """Slow oracle: try every template, the most specific first. alive: {index: template}."""
    for index in sorted(alive, key=lambda index: (-alive[index].fixed, -index)):
        values = match(alive[index], prompt)
        if values is not None:
            return Match(index, values)
    return None


class TestMatch:
    def test_given_no_template_fits_i_expect_none(self):
        assert Matcher([GREETING]).match("Bye") is None
        assert Matcher().match("") is None

    def test_the_most_literal_characters_win_whatever_the_order(self):
        assert Matcher([FORMAL, GREETING]).match("Hello Dr Who, welcome") == Match(0, ("Who",))
        assert Matcher([GREETING, FORMAL]).match("Hello Dr Who, welcome") == Match(1, ("Who",))

    def test_of_equal_ones_the_last_added_wins_and_then_the_one_before(self):
        matcher = Matcher([GREETING, GREETING])
        assert matcher.match("Hello Ada, welcome") == Match(1, ("Ada",))
        matcher.discard(1)
        assert matcher.match("Hello Ada, welcome") == Match(0, ("Ada",))

    @pytest.mark.parametrize("order", [1, -1])
    def test_templates_whose_ends_differ_in_length_are_all_found(self, order):
        templates = [Template.parse("{{a}}" + chr(ord("a") + n) * 2**n) for n in range(8)][::order]
        matcher = Matcher(templates)
        for index, template in enumerate(templates):
            assert matcher.match(template.render(("x y",))) == Match(index, ("x y",))

    def test_a_slot_never_crosses_the_barrier(self):
        assert Matcher([GREETING]).match("Hello Ada\x00, welcome") is None
        assert Matcher([GREETING], barrier="|").match("Hello Ada\x00, welcome") == Match(0, ("Ada\x00",))

    def test_if_places_of_one_name_differ_i_expect_the_next_template(self):
        matcher = Matcher([Template.parse("{{a}} or {{b}}"), Template.parse("{{a}} or {{a}}")])
        assert matcher.match("x or x") == Match(1, ("x", "x"))
        assert matcher.match("x or y") == Match(0, ("x", "y"))

    def test_if_the_prompt_is_no_str_i_expect_a_type_error(self):
        with pytest.raises(TypeError, match="prompt"):
            Matcher([GREETING]).match(b"Hello")


class TestAddAndDiscard:
    def test_ids_count_up_and_are_never_used_again(self):
        matcher = Matcher([GREETING])
        matcher.discard(0)
        assert matcher.add(FORMAL) == 1
        assert len(matcher) == 1

    def test_discarding_an_unknown_id_changes_nothing(self):
        matcher = Matcher([GREETING])
        matcher.discard(7)
        matcher.discard(-1)
        assert len(matcher) == 1


class TestThreads:
    def test_a_match_beside_changes_in_another_thread_raises_nothing_and_finds_what_does_not_change(self):
        matcher = Matcher([FORMAL])
        churning = [
            Template.parse(text.format(n=n))
            for n in range(200)
            for text in ("Hello {n} {{{{a}}}}", "{{{{a}}}}<{n}>{{{{b}}}}")
        ]
        stop = threading.Event()

        def change():
            while not stop.is_set():
                for index in [matcher.add(template) for template in churning]:
                    matcher.discard(index)

        changing = threading.Thread(target=change)
        changing.start()
        try:
            for number in range(2000):
                assert matcher.match(f"Hello Dr {number}, welcome") == Match(0, (str(number),))
        finally:
            stop.set()
            changing.join()


class TestOracle:
    @given(st.data(), st.lists(similar | templates(), min_size=1, max_size=25), plain | texts)
    def test_given_any_templates_i_expect_what_trying_all_of_them_gives(self, data, templates, noise):
        source = data.draw(st.sampled_from(templates))
        prompt = data.draw(st.sampled_from([noise, source.render(data.draw(filled(source)))]))
        assert Matcher(templates).match(prompt) == slow_match(dict(enumerate(templates)), prompt)

    @given(st.data(), st.lists(similar, min_size=1, max_size=40))
    def test_given_any_additions_and_removals_i_expect_the_same(self, data, templates):
        matcher, alive = Matcher(), {}
        for template in templates:
            alive[matcher.add(template)] = template
            if data.draw(st.booleans()):
                card = data.draw(st.sampled_from(sorted(alive)))
                matcher.discard(card)
                del alive[card]
            prompt = template.render(data.draw(filled(template)))
            assert matcher.match(prompt) == slow_match(alive, prompt)
        assert len(matcher) == len(alive)

    @pytest.mark.parametrize("shape", range(5))
    def test_given_so_many_alike_that_every_kind_of_key_is_crowded_i_expect_the_same(self, shape):
        shapes = (
            lambda n: f"{{{{a}}}}<{n % 20}|{n // 20}>{{{{b}}}}",
            lambda n: f"Same start {{{{a}}}} word{n % 20} other{n // 20} {{{{b}}}} same end.",
            lambda n: f"{{{{a}}}}\nline {n % 20}\nline {n // 20}\n{{{{b}}}}",
            lambda n: f"{'x' * (n % 20 + 1)} {{{{a}}}} {'y' * (n // 20)}",
            lambda n: f"{{{{a}}}}-{{{{b}}}}{'!' * (n % 3)}",
        )
        chance = random.Random(shape)
        alive = {n: Template.parse(shapes[shape](n)) for n in range(400)}
        matcher = Matcher(alive.values())
        for _ in range(100):
            card = chance.choice(list(alive))
            prompt = alive[card].render([chance.choice(["", "1", "a b\nc"])] * len(alive[card].slots))
            assert matcher.match(prompt) == slow_match(alive, prompt)
            matcher.discard(card)
            del alive[card]
            assert matcher.match(prompt) == slow_match(alive, prompt)


def index_of(templates):
    """An index of these templates, and its entries."""
    index = TemplateIndex()
    entries = [Entry(-template.fixed, -number, 0, template) for number, template in enumerate(templates)]
    for entry in entries:
        index.add(entry)
    return index, entries


class TestWork:
    """Tries per prompt, counted: the time of a match is theirs plus a search that does not grow."""

    PREAMBLE = "".join(f"- Rule {number}: be careful with case {number}.\n" for number in range(100))

    @pytest.mark.parametrize(
        "text",
        [
            "You are assistant {n}.\n{{{{question}}}}",
            PREAMBLE + "Task {n}\n{{{{question}}}}",
            "{{{{date}}}}\n" + PREAMBLE + "Task {n}\n\n{{{{question}}}}",
            "{{{{context}}}}\n\nTask {n}",
            "{{{{context}}}} for task number {n} and then {{{{question}}}}",
            "{{{{context}}}}用途{n}番目、{{{{question}}}}",
        ],
    )
    def test_given_500_templates_that_differ_in_one_place_i_expect_a_handful_of_tries(self, text):
        templates = [Template.parse(text.format(n=n)) for n in range(1000, 1500)]
        index, entries = index_of(templates)
        for entry in entries[::50]:
            tried = list(
                index.candidates(entry.template.render(["some value\n of a slot"] * len(entry.template.slots)))
            )
            assert entry in tried
            assert len(tried) <= 16

    def test_an_ending_is_as_long_as_the_last_literal_lets_it(self):
        assert Endings(patience=4).keys(("Hi ", ", and welcome to the shop")) == ["elcome to the shop"[-16:]]
        assert Endings(patience=4).keys(("Hi ", "?")) == []

    def test_given_one_template_many_times_i_expect_each_to_be_found_once_and_sorted(self):
        index, entries = index_of([GREETING] * 300)
        assert list(index.candidates("Hello Ada, welcome")) == sorted(entries)

    @given(st.lists(similar, max_size=30))
    def test_when_all_are_discarded_nothing_is_left_behind(self, templates):
        index, entries = index_of(templates)
        for entry in entries:
            index.remove(entry)
        assert all(not one_kind.posting_lists and not one_kind._having for one_kind in index._indexes)
        assert not index._indexes[0]._heads._root.children


class TestPrefixSet:
    words = st.text(alphabet="ab\ud800", min_size=1, max_size=6)

    @given(st.lists(words), st.lists(words), words)
    def test_it_answers_as_a_plain_set_does(self, added, removed, text):
        prefixes = PrefixSet()
        for word in added:
            prefixes.add(word)
        for word in removed:
            prefixes.remove(word)
        expected = {word for word in set(added) - set(removed) if text.startswith(word)}
        assert prefixes.prefixes(text) == sorted(expected, key=len)

    @given(st.lists(words))
    def test_a_set_emptied_in_any_order_has_no_nodes(self, added):
        prefixes = PrefixSet()
        for word in added:
            prefixes.add(word)
        for word in sorted(added):
            prefixes.remove(word)
        assert not prefixes._root.children

    @pytest.mark.timeout(60)
    def test_a_million_characters_are_no_matter(self):
        prefixes = PrefixSet()
        for end in "xyz":
            prefixes.add("a" * 1_000_000 + end)
        prefixes.add("a")
        assert prefixes.prefixes("a" * 1_000_000 + "y") == ["a", "a" * 1_000_000 + "y"]
