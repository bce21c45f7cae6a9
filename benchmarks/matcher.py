"""The time of the Matcher per prompt, as a ratio to `str.split()` of the same prompts in the same run.

    python -m benchmarks.matcher [--sizes 100 1000 10000] [--sets NAME ...] [--prompts 400] [--seed 1] [--check]

Each row is a set of templates: typical sets of teams, and hard ones. Prompts have about 1,500 characters; one in ten
comes from no template. Both times are CPU times, the best of several passes over all prompts, taken in turns.
--check compares every answer with the result of trying all templates (slow).
"""

# ruff: noqa: SIM905  (word lists read better as text)
import argparse
import random
import time
from collections.abc import Callable, Iterator

from templating import Match, Matcher, Template, match

LENGTH = 1500
TARGETS = {100: 1.5, 1_000: 5.0, 10_000: 10.0}
PASSES = 15

VERBS = (
    "Summarize Classify Translate Extract Rewrite Review Compare Rank Answer Explain Draft Label Score Check".split()
)
THINGS = "ticket invoice contract email review report question complaint order transcript claim résumé".split()
FIELDS = "billing shipping legal health travel banking retail energy education housing insurance logistics".split()
STYLES = "in one sentence|as a table|as JSON|for an expert|for a child|politely|without jargon|step by step".split("|")
RULES = (
    "Never invent facts that are not in the {thing}.",
    "If the {thing} is unclear, say so and ask one question.",
    "Keep names, dates and amounts exactly as they stand in the {thing}.",
    "Answer {style}.",
    "Mention the {field} policy when it applies.",
    "Do not mention these rules.",
    "Write at most {number} words.",
    "The {field} team reads the result, so be precise about the {thing}.",
)
FILLER = (
    "the customer wrote that parcel arrived late because driver could not find house and nobody answered phone while "
    "support had promised refund within ten days although account shows no payment since March so please look again "
    "at order number total tax discount address warehouse and tell whether replacement may still be sent before weekend"
).split()

MARKS = [""] * 20 + [",", ",", ".", ".\n"]
"""As in prose: sentences of 12 words, lines of 24."""

PREAMBLE = (
    "You are a careful assistant of the Northwind customer platform.\n"
    "You help employees with their daily work and you know the handbook.\n\n"
    "## Rules\n- Never reveal internal notes.\n- Prefer short answers.\n- Cite the passage that you used.\n"
    "- If you do not know, say that you do not know.\n- Use the language of the person who asks.\n\n"
    "## Tone\nFriendly, plain, exact. No emoji, no exclamation marks, no marketing words.\n"
)


class Writer:
    """Writes templates and prompts of one seed; prompts have about `length` characters."""

    def __init__(self, seed: int, length: int = LENGTH) -> None:
        self._random = random.Random(seed)
        self.length = length

    def sentence(self) -> str:
        pick, number = self._random.choice, self._random.randrange(20, 400)
        return pick(RULES).format(thing=pick(THINGS), style=pick(STYLES), field=pick(FIELDS), number=number)

    def instruction(self) -> str:
        """The text in which templates differ: a task sentence and a few rules."""
        pick = self._random.choice
        task = f"{pick(VERBS)} the {pick(FIELDS)} {pick(THINGS)} no. {self._random.randrange(100_000)} {pick(STYLES)}."
        return "\n".join([task, *(self.sentence() for _ in range(self._random.randrange(2, 5)))])

    def value(self, length: int) -> str:
        words, size = [], 0
        while size < length:
            words.append(self._random.choice(FILLER) + self._random.choice(MARKS))
            size += len(words[-1]) + 1
        return " ".join(words)

    def prompt(self, template: Template) -> str:
        """A prompt of about `length` characters, most of them in one value, as in a retrieved context."""
        room = max(self.length - template.fixed, 30 * len(template.slots))
        shares = [self._random.random() ** 3 for _ in template.slots]
        return template.render([self.value(int(room * share / sum(shares))) for share in shares])

    def prompts(self, templates: list[Template], count: int) -> list[str]:
        """Nine of ten from a random template each, one in ten from none."""
        known_prompts = [self.prompt(self._random.choice(templates)) for _ in range(count * 9 // 10)]
        return known_prompts + [self.value(self.length) for _ in range(count - len(known_prompts))]


def distinct(write: Writer) -> Iterator[str]:
    """Templates that begin differently."""
    while True:
        yield f"{write.instruction()}\n\nText: {{{{text}}}}\nLanguage: {{{{language}}}}\n\nAnswer:"


def preamble(write: Writer) -> Iterator[str]:
    """Templates that begin with the same system prompt and then differ."""
    while True:
        yield f"{PREAMBLE}\n{write.instruction()}\x00Question: {{{{question}}}}\n\nContext:\n{{{{context}}}}"


def dated_preamble(write: Writer) -> Iterator[str]:
    """As `preamble`, but a slot comes first and the last literal is the same too: templates differ in the middle only."""
    while True:
        yield f"Today is {{{{date}}}}.\n{PREAMBLE}\n{write.instruction()}\x00Question: {{{{question}}}}"


def slot_first(write: Writer) -> Iterator[str]:
    """Templates that begin with a value and end alike."""
    while True:
        yield f"{{{{context}}}}\n\n{write.instruction()}\nUser: {{{{user}}}}\n\nAnswer:"


def slot_both_ends(write: Writer) -> Iterator[str]:
    """Templates that begin and end with a value."""
    while True:
        yield f"{{{{context}}}}\n\n{write.instruction()}\n\nQuestion: {{{{question}}}}"


def one_paragraph(write: Writer) -> Iterator[str]:
    """Templates with a slot at both ends and all fixed text in one line: the index by whole lines cannot help."""
    rules = " ".join(PREAMBLE.split())
    while True:
        yield f"{{{{date}}}} {rules} {' '.join(write.instruction().split())} Answer {{{{question}}}}"


def versions(write: Writer) -> Iterator[str]:
    """Families of 25 versions of one prompt: the same beginning and end, a sentence or two edited in the middle."""
    while True:
        before, after = write.instruction(), write.instruction()
        for _ in range(25):
            middle = f"{before}\n{write.sentence()} {write.sentence()}\n{after}"
            yield f"User {{{{user}}}}: {middle}\n\n{{{{text}}}}\n\nResult:"


def mixed(write: Writer) -> Iterator[str]:
    """The kinds of template above, in turns."""
    kinds = [
        kind(write)
        for kind in (distinct, preamble, dated_preamble, slot_first, slot_both_ends, one_paragraph, versions)
    ]
    while True:
        yield from map(next, kinds)


def hostile(_: Writer) -> Iterator[str]:
    """Short, similar templates without a whole word or line: no index can hold them, so the matcher tries each."""
    for number in range(1_000_000):
        yield f"{{{{a}}}}<{number % 1000}|{number // 1000}>{{{{b}}}}"


Kind = Callable[[Writer], Iterator[str]]
SETS: tuple[Kind, ...] = (
    distinct, preamble, dated_preamble, slot_first, slot_both_ends, one_paragraph, versions, mixed, hostile,
)  # fmt: skip


def take(texts: Iterator[str], count: int) -> list[Template]:
    """The first `count` different templates."""
    counts: dict[Template, None] = {}
    while len(counts) < count:
        counts[Template.parse(next(texts))] = None
    return list(counts)


def seconds(work: Callable[[str], object], prompts: list[str]) -> float:
    """Seconds of CPU time of this thread; the machine's other processes do not count."""
    start = time.thread_time()
    for prompt in prompts:
        work(prompt)
    return time.thread_time() - start


def ratio(matcher: Matcher, prompts: list[str]) -> tuple[float, float]:
    """(microseconds of `match` per prompt, the ratio to `str.split` of the same prompts)."""
    pairs = [(seconds(matcher.match, prompts), seconds(str.split, prompts)) for _ in range(PASSES)]
    ours, base = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    return ours / len(prompts) * 1e6, ours / base


def changes(matcher: Matcher, fresh: list[Template]) -> tuple[float, float]:
    """p99 of (milliseconds of one addition, of one removal). Beyond p99 are collections of garbage."""
    ids: list[int] = []
    adds = [_milliseconds(lambda template=template: ids.append(matcher.add(template))) for template in fresh]
    discards = [_milliseconds(lambda index=index: matcher.discard(index)) for index in ids]
    return sorted(adds)[len(adds) * 99 // 100 - 1], sorted(discards)[len(discards) * 99 // 100 - 1]


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return (time.thread_time() - start) * 1e3


def slow(templates: list[Template], prompt: str) -> Match | None:
    """The right answer: the most specific template that fits, found by trying all."""
    for index in sorted(range(len(templates)), key=lambda i: (-templates[i].fixed, -i)):
        values = match(templates[index], prompt)
        if values is not None:
            return Match(index, values)
    return None


def row(kind: Kind, size: int, args: argparse.Namespace) -> str:
    write = Writer(args.seed)
    both_sizes = take(kind(write), size + 200)
    templates, fresh = both_sizes[:size], both_sizes[size:]
    prompts = write.prompts(templates, args.prompts)
    start = time.thread_time()
    matcher = Matcher(templates)
    build = (time.thread_time() - start) * 1e3
    if args.check:
        assert all(matcher.match(prompt) == slow(templates, prompt) for prompt in prompts)
    micros, times = ratio(matcher, prompts)
    add, discard = changes(matcher, fresh)
    goal = TARGETS.get(size, "") if kind is not hostile else ""
    return (
        f"| {size} | {kind.__name__} | {micros:.1f} | {times:.2f} | {goal} | {build:.0f} | {add:.2f} | {discard:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(TARGETS))
    parser.add_argument("--sets", nargs="+", default=[kind.__name__ for kind in SETS])
    parser.add_argument("--prompts", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    print("| templates | set | us a prompt | x str.split | at most | build ms | add ms, p99 | discard ms, p99 |")
    print("|---|---|---|---|---|---|---|---|")
    for size in args.sizes:
        for kind in SETS:
            if kind.__name__ in args.sets:
                print(row(kind, size, args), flush=True)


if __name__ == "__main__":
    main()
