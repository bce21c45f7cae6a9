"""Texts made to be costly: the contract holds and the work stays bounded.

Work is counted; time is for the benchmark.
"""

import os
import subprocess
import sys
from itertools import chain, pairwise
from random import Random

import pytest

from templating import Options, mine
from templating.mining import search, skeleton
from templating.mining.alignment import Aligner
from templating.mining.sampling import Samples
from templating.mining.sieve import Sieve
from tests.templating.test_mine_contract import assert_contract

DICE = Random(1)
WORDS = ["".join(DICE.choices("aehilnorstu", k=DICE.randint(2, 9))) for _ in range(60)]
WORST = {
    "one token of a megabyte": ["x" * 1_000_000, "y" * 10, "x" * 1_000_000 + "y"],
    "10,000 identical prompts": ["Name one colour of the rainbow."] * 10_000,
    "10,000 unique prompts": [f"{i * 7919 % 10_007} {i * 104_729 % 7_919} {i}" for i in range(10_000)],
    "two templates that differ in one character": [
        f"Rate the {a} text from 1 to 5 and say nothing else{c}\n{i}"
        for i in range(40)
        for a, c in (("new", "."), ("new", "!"))
    ],
    "prompts of one character": list("abcdefghij") * 30,
    "only white space": [" " * i + "\n" * (i % 7) for i in range(200)],
    "200,000 lines": ["\n".join(str(i) for i in range(100_000))] * 2 + ["\n".join("ab" for _ in range(100_000))],
    "6,000 numbered lines, another number in each text": [
        "\n".join(f"line {line} {text}" for line in range(2_000)) for text in range(3)
    ],
    "all values empty": ["Summarize this text in one sentence: "] * 50,
    "one word for ever": ["a " * n for n in range(1, 300)],
    "every gram is common": [" ".join("abcdefgh"[(i >> k) & 7] for k in range(24)) for i in range(1500)],
    "lone surrogates": [f"Explain the sign \ud800{i} to a child of six" for i in range(20)],
    "nothing but barriers": ["\x00" * (i % 4) for i in range(40)],
    "long free texts over sixty words": [" ".join(DICE.choices(WORDS, k=2_000)) for _ in range(60)],
    "few prompts that end in the middle of a character": ["é" * i + "\u0301" for i in range(20)],
}


@pytest.fixture
def work(monkeypatch):
    """The number of times that a template was built from texts."""
    built = []

    def counted(pool, members):
        built.append(len(members))
        return skeleton.skeleton(pool, members)

    monkeypatch.setattr(search, "skeleton", counted)
    return built


@pytest.mark.parametrize("name", WORST)
def test_the_contract_holds_and_few_templates_are_tried(name, work):
    prompts = WORST[name]
    assert_contract(prompts, mine(prompts))
    assert len(work) <= 50 + len(prompts) // 5


def test_each_piece_of_shared_text_is_weighed_a_few_times_however_many_fall_out(monkeypatch):
    weighed, worth = [], Aligner.worth

    def counted(self, anchor):
        weighed.append(1)
        return worth(self, anchor)

    monkeypatch.setattr(Aligner, "worth", counted)
    lines = 2_000
    mine(["\n".join(f"line {line} {text}" for line in range(lines)) for text in range(3)])
    assert lines <= len(weighed) <= 20 * lines


def test_looking_for_templates_where_there_are_none_is_linear_in_the_prompts(monkeypatch):
    """One pass over the prompts takes samples, one gives the answer; none of the twenty rounds makes a pass of its
    own.
    """
    sieved, fit = [], Sieve.fit

    def counted(self, text):
        sieved.append(1)
        return fit(self, text)

    monkeypatch.setattr(Sieve, "fit", counted)
    result = mine(WORST["10,000 unique prompts"] + [f"{i} {i * i}" for i in range(10_000)])
    assert not result
    assert len(sieved) == 20_000


def test_every_prompt_is_dealt_once_and_those_of_one_template_lie_evenly_over_time():
    texts = [str(i) for i in range(5_000)]
    samples = Samples(texts, {text: [0] for text in texts})
    dealt = list(iter(lambda: samples.deal(set(texts)), []))
    assert sorted(chain(*dealt), key=int) == texts
    for sample in dealt:
        steps = [int(b) - int(a) for a, b in pairwise(sorted(sample, key=int))]
        assert max(steps) <= 13  # 5 on average


def test_a_call_ends_soon_after_the_caller_wants_it_to_in_the_middle_of_an_alignment():
    questions = []
    texts = ["\n".join(f"line {line} {text}" for line in range(4_000)) for text in range(3)]
    result = mine(texts, Options(should_stop=lambda: bool(questions.append(1)) or len(questions) > 2))
    assert not result.complete
    assert len(questions) == 3


def test_the_caller_is_asked_before_anything_is_searched():
    questions = []
    mine(WORST["10,000 unique prompts"], Options(should_stop=lambda: bool(questions.append(1))))
    assert questions


def test_no_more_prompts_are_looked_at_than_allowed_and_all_are_matched():
    prompts = [f"Translate the following sentence to French: number {i}" for i in range(60)]
    result = mine(prompts, Options(max_prompts=20))
    assert len(result[0].members) == 60
    assert not result.complete


def test_a_call_that_may_take_no_time_places_nothing_and_says_so():
    result = mine([f"Translate the following sentence to French: {i}" for i in range(9)], Options(max_seconds=0))
    assert not result.complete
    assert set(result.ungrouped.values()) == {"unseen"}


def test_every_process_finds_the_same():
    code = (
        "from templating import mine\n"
        "prompts = [f'You grade essays on {t}.\\nEssay: {i * 7919 % 997} words{i}\\nGrade:' for i in range(90) for t in ('art', 'law')]\n"
        "print([(g.template.to_text(), g.members, g.values) for g in mine(prompts)])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
