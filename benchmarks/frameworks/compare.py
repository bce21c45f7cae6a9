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
class Own:
    """One of a framework's own prompts, and the texts of its call site that were made from the prompt."""

    name: str
    path: str
    template: templating.Template
    members: Sequence[int]
    values: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Verdict:
    own: Own
    word: str
    found: templating.Mined | None


def recorded() -> Mapping[str, list[str]]:
    """The prompts of each call site, in order of sending."""
    prompts = defaultdict(list)
    with gzip.open(HERE / "recording.jsonl.gz", "rt", encoding="utf-8") as lines:
        for each in map(json.loads, lines):
            prompts[each["path"]].append(prompt_of(each["request"]).text or "")
    return prompts


def own_templates(prompts: Mapping[str, list[str]]) -> Iterator[Own]:
    """The frameworks' templates; each text belongs to the most specific template of its call site that fits."""
    written = json.loads((HERE / "templates.json").read_text(encoding="utf-8"))["templates"]
    for path in dict.fromkeys(each["path"] for each in written):
        here = [each for each in written if each["path"] == path]
        templates = [_template(each["parts"]) for each in here]
        matcher = templating.Matcher(templates)
        hits = [(i, hit) for i, text in enumerate(prompts[path]) if (hit := matcher.match(text))]
        for index, each in enumerate(here):
            mine = [(i, hit.values) for i, hit in hits if hit.index == index]
            yield Own(each["name"], path, templates[index], [i for i, _ in mine], [values for _, values in mine])


def _template(parts: Sequence[Mapping[str, str]]) -> templating.Template:
    """The parts of a prompt joined as the product joins them; either of the two may be missing."""
    texts = {role: "\n\n".join(each["text"] for each in parts if each["role"] == role) for role in ("system", "user")}
    whole = part("prompt", f"{texts['system']}{templating.BARRIER}{texts['user']}")
    return templating.Template(whole.literals, whole.slots)


def verdicts(prompts: Mapping[str, list[str]]) -> Iterator[Verdict]:
    mined = {path: templating.mine(texts) for path, texts in prompts.items()}
    for own in own_templates(prompts):
        yield _judged(own, mined[own.path])


def _judged(own: Own, mined: Sequence[templating.Mined]) -> Verdict:
    """The group with most of the prompt's calls, and how that group differs from the framework's template."""
    shared = Counter({number: len(set(own.members) & set(group.members)) for number, group in enumerate(mined)})
    number, most = max(shared.items(), key=lambda item: item[1], default=(0, 0))
    if not most:
        return Verdict(own, "not found", None)
    group = mined[number]
    if set(group.members) != set(own.members):
        others = len(set(group.members) - set(own.members))
        return Verdict(own, f"{most} of its calls" + (f", with {others} of others" if others else ""), group)
    return Verdict(own, _text_verdict(skeleton(group.template.literals, group.values), own), group)


def _text_verdict(mined: Sequence[str], own: Own) -> str:
    theirs = skeleton(own.template.literals, own.values)
    if mined == theirs:
        return "exact"
    more = [text for text in mined if text not in theirs]
    shared = all(any(text in value for value in row) for text in more for row in own.values)
    if shared and [text for text in mined if text not in more] == list(theirs):
        return f"exact, and {', '.join(f'`{json.dumps(text)[1:-1]}`' for text in more)}, which every value holds"
    return "all its calls, other fixed text"


def table(judged: Sequence[Verdict]) -> Iterator[str]:
    yield "| call site | framework's own prompt | its slots | calls | found | slots found |"
    yield "|---|---|---|---|---|---|"
    for each in judged:
        own, slots = each.own, each.found.template.slots if each.found else ()
        names = ", ".join(dict.fromkeys(own.template.slots))
        cells = (f"`{own.path}`", own.name, names, str(len(own.members)), each.word, str(len(set(slots))))
        yield f"| {' | '.join(cells)} |"
    exact = sum(each.word == "exact" for each in judged)
    calls = sum(len(each.own.members) for each in judged)
    yield f"\n{exact} of {len(judged)} prompts exact, from {calls} calls."


def summary(judged: Sequence[Verdict]) -> Iterator[str]:
    """A line per framework, and a line for all."""
    yield "| framework | call sites | prompts | calls | exact | exact, and text of every value | other |"
    yield "|---|---|---|---|---|---|---|"
    for name in dict.fromkeys(each.own.path.split("/")[1] for each in judged):
        yield _summed(name, [each for each in judged if each.own.path.startswith(f"/{name}/")])
    yield _summed("all", judged)


def _summed(name: str, judged: Sequence[Verdict]) -> str:
    exact = sum(each.word == "exact" for each in judged)
    more = sum(each.word.startswith("exact, and") for each in judged)
    sites, calls = len({each.own.path for each in judged}), sum(len(each.own.members) for each in judged)
    return f"| {name} | {sites} | {len(judged)} | {calls} | {exact} | {more} | {len(judged) - exact - more} |"


def texts(each: Verdict, prompts: Sequence[str]) -> Iterator[str]:
    """Both templates in text form."""
    yield f"{each.own.path}, {each.own.name}: {each.word}\n"
    yield _block("the framework's own", each.own.template)
    if each.found:
        yield _block("found", templating.name_slots(each.found, prompts))


def _block(title: str, template: templating.Template) -> str:
    parts = template.to_text().split(templating.BARRIER)
    shown = [f"{role}: {text}" for role, text in zip(("system", "user"), parts, strict=True) if text]
    return f"*{title}*\n\n```text\n" + "\n".join(shown) + "\n```\n"


def differences(each: Verdict) -> Iterator[str]:
    """Fixed texts that only one side has."""
    ours = skeleton(each.found.template.literals, each.found.values) if each.found else ()
    theirs = skeleton(each.own.template.literals, each.own.values) if each.own.members else ()
    yield f"{each.own.path} {each.own.name}: {each.word}"
    yield from (f"    framework only: {_short(text)}" for text in theirs if text not in ours)
    yield from (f"    found only:     {_short(text)}" for text in ours if text not in theirs)


def _short(text: str) -> str:
    shown: Any = text if len(text) < 160 else f"{text[:75]} ... {text[-75:]}"
    return repr(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--summary", action="store_true", help="a line for each framework")
    parser.add_argument("--differences", action="store_true", help="show the fixed text that only one side has")
    parser.add_argument(
        "--texts", nargs="?", const="", metavar="NAME", help="show both templates of the prompts named so"
    )
    asked = parser.parse_args()
    prompts = recorded()
    judged = list(verdicts(prompts))
    if asked.texts is not None:
        wanted = [each for each in judged if asked.texts in f"{each.own.path} {each.own.name}"]
        print("\n".join(line for each in wanted for line in texts(each, prompts[each.own.path])))
        return
    print("\n".join(summary(judged) if asked.summary else table(judged)))
    if asked.differences:
        print("\n".join(line for each in judged if each.word != "exact" for line in differences(each)))


if __name__ == "__main__":
    main()
