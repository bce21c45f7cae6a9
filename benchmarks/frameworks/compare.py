"""The templates mined from the frameworks' requests, beside the frameworks' own templates.

    python -m benchmarks.frameworks.compare [--summary | --differences | --texts [NAME]]

Prints one Markdown table from `recording.jsonl.gz` and `templates.json`: it needs none of the frameworks. Prompts are taken
out of the requests, grouped by call site and mined exactly as in the product; the miner gets no hints. A template
is *exact* when its group holds exactly the calls that the framework made from it, and its fixed text is the framework's (up to
where a slot's border lies, see `benchmarks.score.skeleton`).
"""

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import templating
from app.intake.prompts import prompt_of
from app.sample.parts import part
from benchmarks.score import skeleton

HERE = Path(__file__).parent


@dataclass(frozen=True)
class OwnTemplate:
    """One of a framework's own prompts, and the texts of its call site that were made from the prompt."""

    name: str
    path: str
    template: templating.Template
    members: Sequence[int]
    values: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Verdict:
    own: OwnTemplate
    word: str
    found: templating.Mined | None


def recorded() -> Mapping[str, list[str]]:
    """The prompts of each call site, in order of sending."""
    prompts = defaultdict(list)
    with gzip.open(HERE / "recording.jsonl.gz", "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            prompts[record["path"]].append(prompt_of(record["request"]).text or "")
    return prompts


def own_templates(prompts: Mapping[str, list[str]]) -> Iterator[OwnTemplate]:
    """The frameworks' templates; each text belongs to the most specific template of its call site that fits."""
    entries = json.loads((HERE / "templates.json").read_text(encoding="utf-8"))["templates"]
    for path in dict.fromkeys(entry["path"] for entry in entries):
        entries_here = [entry for entry in entries if entry["path"] == path]
        templates = [_template(entry["parts"]) for entry in entries_here]
        matcher = templating.Matcher(templates)
        hits = [(i, match) for i, text in enumerate(prompts[path]) if (match := matcher.match(text))]
        for index, entry in enumerate(entries_here):
            matching = [(i, match.values) for i, match in hits if match.index == index]
            yield OwnTemplate(
                entry["name"], path, templates[index], [i for i, _ in matching], [values for _, values in matching]
            )


def _template(parts: Sequence[Mapping[str, str]]) -> templating.Template:
    """The parts of a prompt joined as the product joins them; either of the two may be missing."""
    texts = {role: "\n\n".join(part["text"] for part in parts if part["role"] == role) for role in ("system", "user")}
    prompt = part("prompt", f"{texts['system']}{templating.BARRIER}{texts['user']}")
    return templating.Template(prompt.literals, prompt.slots)


def verdicts(prompts: Mapping[str, list[str]]) -> Iterator[Verdict]:
    mined = {path: templating.mine(texts) for path, texts in prompts.items()}
    for own_template in own_templates(prompts):
        yield _judged(own_template, mined[own_template.path])


def _judged(own_template: OwnTemplate, mined: Sequence[templating.Mined]) -> Verdict:
    """The group with most of the prompt's calls, and how that group differs from the framework's template."""
    shared = Counter(
        {number: len(set(own_template.members) & set(group.members)) for number, group in enumerate(mined)}
    )
    number, most_shared = max(shared.items(), key=lambda item: item[1], default=(0, 0))
    if not most_shared:
        return Verdict(own_template, "not found", None)
    group = mined[number]
    if set(group.members) != set(own_template.members):
        other_calls = len(set(group.members) - set(own_template.members))
        return Verdict(
            own_template,
            f"{most_shared} of its calls" + (f", with {other_calls} of others" if other_calls else ""),
            group,
        )
    return Verdict(own_template, _text_verdict(skeleton(group.template.literals, group.values), own_template), group)


def _text_verdict(mined: Sequence[str], own_template: OwnTemplate) -> str:
    theirs = skeleton(own_template.template.literals, own_template.values)
    if mined == theirs:
        return "exact"
    mined_texts = [text for text in mined if text not in theirs]
    shared = all(any(text in value for value in row) for text in mined_texts for row in own_template.values)
    if shared and [text for text in mined if text not in mined_texts] == list(theirs):
        return f"exact, and {', '.join(f'`{json.dumps(text)[1:-1]}`' for text in mined_texts)}, which every value holds"
    return "all its calls, other fixed text"


def table(judged: Sequence[Verdict]) -> Iterator[str]:
    yield "| call site | framework's own prompt | its slots | calls | found | slots found |"
    yield "|---|---|---|---|---|---|"
    for verdict in judged:
        own_template, slots = verdict.own, verdict.found.template.slots if verdict.found else ()
        names = ", ".join(dict.fromkeys(own_template.template.slots))
        cells = (
            f"`{own_template.path}`",
            own_template.name,
            names,
            str(len(own_template.members)),
            verdict.word,
            str(len(set(slots))),
        )
        yield f"| {' | '.join(cells)} |"
    exact = sum(verdict.word == "exact" for verdict in judged)
    calls = sum(len(verdict.own.members) for verdict in judged)
    yield f"\n{exact} of {len(judged)} prompts exact, from {calls} calls."


def summary(judged: Sequence[Verdict]) -> Iterator[str]:
    """A line per framework, and a line for all."""
    yield "| framework | call sites | prompts | calls | exact | exact, and text of every value | other |"
    yield "|---|---|---|---|---|---|---|"
    for name in dict.fromkeys(verdict.own.path.split("/")[1] for verdict in judged):
        yield _summed(name, [verdict for verdict in judged if verdict.own.path.startswith(f"/{name}/")])
    yield _summed("all", judged)


def _summed(name: str, judged: Sequence[Verdict]) -> str:
    exact = sum(verdict.word == "exact" for verdict in judged)
    number_more = sum(verdict.word.startswith("exact, and") for verdict in judged)
    sites, calls = len({verdict.own.path for verdict in judged}), sum(len(verdict.own.members) for verdict in judged)
    return f"| {name} | {sites} | {len(judged)} | {calls} | {exact} | {number_more} | {len(judged) - exact - number_more} |"


def texts(verdict: Verdict, prompts: Sequence[str]) -> Iterator[str]:
    """Both templates in text form."""
    yield f"{verdict.own.path}, {verdict.own.name}: {verdict.word}\n"
    yield _block("the framework's own", verdict.own.template)
    if verdict.found:
        yield _block("found", templating.name_slots(verdict.found, prompts))


def _block(title: str, template: templating.Template) -> str:
    parts = template.to_text().split(templating.BARRIER)
    texts_shown = [f"{role}: {text}" for role, text in zip(("system", "user"), parts, strict=True) if text]
    return f"*{title}*\n\n```text\n" + "\n".join(texts_shown) + "\n```\n"


def differences(verdict: Verdict) -> Iterator[str]:
    """Fixed texts that only one side has."""
    ours = skeleton(verdict.found.template.literals, verdict.found.values) if verdict.found else ()
    theirs = skeleton(verdict.own.template.literals, verdict.own.values) if verdict.own.members else ()
    yield f"{verdict.own.path} {verdict.own.name}: {verdict.word}"
    yield from (f"    framework only: {_short(text)}" for text in theirs if text not in ours)
    yield from (f"    found only:     {_short(text)}" for text in ours if text not in theirs)


def _short(text: str) -> str:
    shortened: Any = text if len(text) < 160 else f"{text[:75]} ... {text[-75:]}"
    return repr(shortened)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--summary", action="store_true", help="a line for each framework")
    parser.add_argument("--differences", action="store_true", help="show the fixed text that only one side has")
    parser.add_argument(
        "--texts", nargs="?", const="", metavar="NAME", help="show both templates of the prompts named so"
    )
    options = parser.parse_args()
    prompts = recorded()
    judged = list(verdicts(prompts))
    if options.texts is not None:
        chosen_verdicts = [verdict for verdict in judged if options.texts in f"{verdict.own.path} {verdict.own.name}"]
        print("\n".join(line for verdict in chosen_verdicts for line in texts(verdict, prompts[verdict.own.path])))
        return
    print("\n".join(summary(judged) if options.summary else table(judged)))
    if options.differences:
        print("\n".join(line for verdict in judged if verdict.word != "exact" for line in differences(verdict)))


if __name__ == "__main__":
    main()
