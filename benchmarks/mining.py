"""Template mining: Promptlode beside other tools that a team could use, on corpora whose templates are known.

    python -m benchmarks.mining [--scenario small ...] [--seed 1 ...] [--no-peers]

Prints one Markdown table. The corpora are made by `benchmarks.corpora` from this project's own prompts, the figures are
those of `benchmarks.score`. Each miner runs in a process of its own, so that its time and memory are
measured alone. Times are CPU times; compare them within one run only.
"""

import argparse
import multiprocessing
import resource
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import process_time

import templating
from benchmarks import mining_peers
from benchmarks.corpora import BARRIER, SCENARIOS, Corpus, corpus
from benchmarks.score import Group, Score, score

Miner = Callable[[Sequence[str]], list[Group]]

TIME_LIMIT = 900.0
"""Seconds for one miner on one corpus."""

BATCHES = 50

FIRST_LOOK = 2_000
"""Traces that a warm start mines before it matches the rest."""


@dataclass(frozen=True)
class Cost:
    cpu_seconds: float
    megabytes: float  # peak memory less the memory of the process with its input


@dataclass(frozen=True)
class Row:
    scenario: str
    miner: str
    traces: int
    templates: int
    score: Score
    cost: Cost


# ---- Promptlode's ways to run ----


def cold(texts: Sequence[str]) -> list[Group]:
    """One call of the miner with all texts and no known template."""
    return [Group(mined.template.literals, mined.members, mined.values) for mined in templating.mine(texts)]


def warm(texts: Sequence[str]) -> list[Group]:
    """Mine the first traces, match all, mine the unmatched: a new installation that imports its history."""
    known_templates = _learn(texts[:FIRST_LOOK], [])
    return _groups_matched(_learn(_unmatched(texts, known_templates), known_templates), texts)


def stream(texts: Sequence[str]) -> list[Group]:
    """The miner on batches, each with the unmatched texts of earlier batches; at the end every text is matched."""
    known_templates: list[templating.Template] = []
    unmatched: list[str] = []
    size = -(-len(texts) // BATCHES)
    for start in range(0, len(texts), size):
        unmatched = _unmatched([*unmatched, *texts[start : start + size]], known_templates)
        known_templates = _learn(unmatched, known_templates)
        unmatched = _unmatched(unmatched, known_templates)
    return _groups_matched(known_templates, texts)


def installation(texts: Sequence[str]) -> list[Group]:
    """Batches sent to an installation: ingest, runs and reviews of templates, on a real PostgreSQL."""
    from app.store.templates import from_parts
    from benchmarks.installation import installed

    size = -(-len(texts) // BATCHES)
    bodies = [_body(number, text) for number, text in enumerate(texts)]
    members = defaultdict(list)
    with installed() as running:
        for start in range(0, len(bodies), size):
            running.take(bodies[start : start + size])
            running.work()
        for number, call in enumerate(running.calls()):
            if call.template_id:
                members[from_parts(call.parts, call.slots).literals].append((number, call.variables))
    return [_as_texts(literals, members_of_template) for literals, members_of_template in members.items()]


def _body(number: int, text: str) -> dict[str, object]:
    """The request body of a prompt, each part in the product's field for it."""
    system, _, user = text.rpartition(BARRIER)
    return {"external_id": f"{number:07d}", "path": "/", "model": "m", "input": user} | (
        {"instructions": system} if system else {}
    )


def _as_texts(literals: Sequence[str], members: Sequence[tuple[int, Sequence[str]]]) -> Group:
    """Removes the empty system part that the product writes before a lone user part and the corpora do not."""
    first = literals[0].removeprefix(BARRIER)
    return Group((first, *literals[1:]), [number for number, _ in members], [row for _, row in members])


def _unmatched(texts: Sequence[str], known_templates: Sequence[templating.Template]) -> list[str]:
    matcher = templating.Matcher(known_templates)
    return [text for text in texts if matcher.match(text) is None]


def _learn(texts: Sequence[str], known_templates: Sequence[templating.Template]) -> list[templating.Template]:
    """The known templates after mining unmatched texts; a widened template replaces the narrower ones."""
    mined = templating.mine(texts, known=known_templates)
    superseded = {index for group in mined for index in group.supersedes}
    return [t for index, t in enumerate(known_templates) if index not in superseded] + [
        group.template for group in mined
    ]


def _groups_matched(known_templates: Sequence[templating.Template], texts: Sequence[str]) -> list[Group]:
    matcher = templating.Matcher(known_templates)
    members: dict[int, list[int]] = {}
    rows: dict[int, list[Sequence[str]]] = {}
    for i, text in enumerate(texts):
        if match := matcher.match(text):
            members.setdefault(match.index, []).append(i)
            rows.setdefault(match.index, []).append(match.values)
    return [Group(known_templates[index].literals, members[index], rows[index]) for index in members]


# ---- one run ----


def measured(miner: Miner, texts: Sequence[str]) -> tuple[list[Group], Cost]:
    """Runs a miner in a forked child, so that its memory is measured alone and a hang can be ended."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_run, args=(miner, texts, sender))
    child.start()
    sender.close()
    try:
        if not receiver.poll(TIME_LIMIT):
            raise TimeoutError(f"no answer within {TIME_LIMIT:.0f} s")
        return receiver.recv()
    finally:
        child.kill()
        child.join()


def _run(miner: Miner, texts: Sequence[str], answer: Connection) -> None:
    before, started = _peak_megabytes(), process_time()
    groups = miner(texts)
    cost = Cost(process_time() - started, _peak_megabytes() - before)
    answer.send((groups, cost))


def _peak_megabytes() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


OURS: dict[str, Miner] = {"Promptlode": cold}
STREAM: dict[str, Miner] = {"mine() of what is left": stream, "Promptlode": installation}
WARM: dict[str, Miner] = {"Promptlode, warm": warm}
PEERS: dict[str, Miner] = {
    "drain3": mining_peers.drain3,
    "token LCS": mining_peers.token_lcs,
    "exact match": mining_peers.exact_match,
}

SLOW = {"token LCS": mining_peers.LCS_LIMIT}
"""Most traces; more than 3 MB of text counts as too much as well."""

SLOW_BYTES = 3_000_000


def miners(scenario: str, corpus_mined: Corpus, *, with_peers: bool) -> Iterator[tuple[str, Miner]]:
    """(name, miner) of those that run on a corpus; each miner left out is named on standard error with the reason."""
    ours = STREAM if scenario.startswith("stream") else OURS | (WARM if scenario == "large" else {})
    yield from ours.items()
    peers_here = with_peers and not scenario.startswith("stream")  # other tools do not work in batches
    for name, miner in PEERS.items() if peers_here else ():
        size = sum(len(trace.text) for trace in corpus_mined.traces)
        if name in SLOW and (len(corpus_mined.traces) > SLOW[name] or size > SLOW_BYTES):
            print(f"{name} is left out of {scenario}: quadratic in the words, {size / 1e6:.0f} MB", file=sys.stderr)
        else:
            yield name, miner


CORPUS_OF = {name: name for name in SCENARIOS} | {"stream-medium": "medium", "stream-versions": "versions"}


def rows(scenario: str, seed: int, *, with_peers: bool) -> Iterator[Row]:
    corpus_mined = corpus(CORPUS_OF[scenario], seed)
    texts = [trace.text for trace in corpus_mined.traces]
    for name, miner in miners(scenario, corpus_mined, with_peers=with_peers):
        groups, cost = measured(miner, texts)
        yield Row(scenario, name, len(texts), len(corpus_mined.literals), score(corpus_mined, groups), cost)


# ---- the table ----

HEAD = ("scenario", "traces", "templates", "miner", "round trip", "pair F1", "template F1", "coverage", "noise recall",
        "CPU ms/trace", "x drain3", "peak MB")  # fmt: skip


def table(measured_rows: Sequence[Row]) -> Iterator[str]:
    """One line for each scenario and miner: medians over the seeds."""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---|' * len(HEAD)}"
    for scenario, miner in dict.fromkeys((row.scenario, row.miner) for row in measured_rows):
        rows_of_cell = [row for row in measured_rows if row.scenario == scenario and row.miner == miner]
        drain = [row for row in measured_rows if row.scenario == scenario and row.miner == "drain3"]
        yield f"| {' | '.join(_cells(rows_of_cell, drain))} |"


def _cells(rows_of_cell: Sequence[Row], drain: Sequence[Row]) -> Iterable[str]:
    first = rows_of_cell[0]
    seconds = statistics.median(row.cost.cpu_seconds for row in rows_of_cell)
    by_drain = statistics.median(row.cost.cpu_seconds for row in drain) if drain else None
    yield from (first.scenario, f"{first.traces:,}", str(first.templates), first.miner)
    yield from (
        f"{statistics.median(figures):.3f}" for figures in zip(*(row.score for row in rows_of_cell), strict=True)
    )
    yield f"{1000 * seconds / first.traces:.3f}"
    yield f"{seconds / by_drain:.2f}" if by_drain else "-"
    yield f"{statistics.median(row.cost.megabytes for row in rows_of_cell):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", nargs="+", choices=CORPUS_OF, default=list(CORPUS_OF))
    parser.add_argument("--seed", nargs="+", type=int, default=[1])
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    measured_rows = [
        row
        for scenario in options.scenario
        for seed in options.seed
        for row in rows(scenario, seed, with_peers=not options.no_peers)
    ]
    print("\n".join(table(measured_rows)))


if __name__ == "__main__":
    main()
