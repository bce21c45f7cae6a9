"""Print a table: format, library, calls that were rendered byte for byte."""

import builtins
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from keyword import kwlist
from pathlib import Path
from random import Random
from typing import Any

from app import sample
from app.exporting import FORMATS, ExportedVersion, exported
from app.exporting.formats import RESERVED_BY_FORMAT
from app.intake.prompts import prompt_of
from benchmarks.environments import uv
from templating import BARRIER, Mined, Template, mine, name_slots, portable_names
from templating.portable import RESERVED_NAMES

NOW = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
CALLS = 200
PROGRAMS = Path(__file__).parent / "programs"

HOSTILE = Template(
    ("{\\", "\\\\", " {{", "{x}} {% if %} {# #} \\{{y}} '''\"\"\" \r\n\t", "}", "}}} {{{", "é😀  "),
    ("one", "two", "three", "one", "two", "four"),
)
"""A template that is hard for every notation: braces and backslashes beside slots, line ends, quotes."""


ODD_NAMES = list(
    enumerate(
        sorted(
            RESERVED_NAMES.union(*RESERVED_BY_FORMAT.values())
            | {*kwlist, *dir(builtins), "_1", "json", "role", "ｉｄ", "ｶﾅ", "ſ", "प्रश्न"}
        )
    )
)
"""Names of slots that have a meaning of their own in some tool, each with its number."""


@dataclass(frozen=True)
class Target:
    """format: the product's format. program: the file that renders. needs: packages from PyPI, or from npm for JavaScript."""

    format: str
    program: str
    needs: tuple[str, ...]


TARGETS = (
    Target("jinja2", "with_jinja2.py", ("jinja2",)),
    Target("python", "with_python.py", ()),
    Target("langchain", "with_langchain.py", ("langchain-core",)),
    Target("dspy", "with_dspy.py", ("dspy",)),
    Target("langfuse", "with_langfuse.py", ("langfuse",)),
    Target("mlflow", "with_mlflow.py", ("mlflow",)),
    Target("phoenix", "with_phoenix.py", ("arize-phoenix-client", "openai")),
    Target("promptfoo", "with_nunjucks.mjs", ("nunjucks",)),
    Target("dotprompt", "with_dotprompt.mjs", ("dotprompt",)),
)


def work() -> list[dict[str, Any]]:
    """Versions of the demo and the hostile one, with the messages and values of sampled calls."""
    prompts: dict[str, list[str]] = defaultdict(list)
    for body in sample.traces(0, NOW):
        text = prompt_of(body).text
        if text is not None:
            prompts[body["path"]].append(text)
    groups = [(path, group, name_slots(group, texts)) for path, texts in prompts.items() for group in mine(texts)]
    hostile = ("}{", "\\", "{{two}}", "\n{%")
    hostile_row = tuple(hostile[("one", "two", "three", "four").index(name)] for name in HOSTILE.slots)
    chance = Random(0)
    picked = [_work(path, group, template, chance) for path, group, template in groups]
    named_works = [
        _work(f"/named-{number}", _call_with_slot(name), _call_with_slot(name).template, chance)
        for number, name in ODD_NAMES
    ]
    return [*picked, *named_works, _work("/hostile", Mined(HOSTILE, [0], [hostile_row]), HOSTILE, chance)]


def _call_with_slot(name: str) -> Mined:
    """A call of a template with two slots: this name, and a name that this name may be rewritten to."""
    return Mined(Template(("Label: ", ", ", ""), (name, "class_")), [0], [("0.123", "value")])


def _work(path: str, group: Mined, template: Template, chance: Random) -> dict[str, Any]:
    version = ExportedVersion(
        path.strip("/"), path, 1, "gpt-5", {}, template, roles=_roles(template)
    ).with_allowed_names()
    template = version.template
    rows = chance.sample(group.values, min(len(group.values), CALLS))
    calls = [dict(zip(template.slots, row, strict=True)) for row in rows]
    cases = [
        {"values": values, "messages": [message.render(values) for message in version.messages]} for values in calls
    ]
    return {"version": version, "cases": cases}


def _roles(template: Template) -> tuple[str, ...]:
    return ("system", "user", "user") if any(BARRIER in literal for literal in template.literals) else ("user",)


def _as_named_in(format_: str, case: dict[str, Any]) -> dict[str, Any]:
    """The case with the slots' names in files of this format."""
    names = portable_names(case["values"], RESERVED_BY_FORMAT.get(format_, ()))
    return case | {"values": {names[name]: value for name, value in case["values"].items()}}


def run(target: Target, items: list[dict[str, Any]], folder: Path) -> str:
    """The output of a target's program."""
    payload = [
        {
            "file": exported(item["version"], target.format),
            "slug": item["version"].slug,
            "cases": [_as_named_in(target.format, case) for case in item["cases"]],
        }
        for item in items
    ]
    data = folder / f"{target.format}.json"
    data.write_text(json.dumps(payload))
    program = PROGRAMS / target.program
    if program.suffix == ".py":
        installer = uv()
        if installer is None:
            return "skipped: uv is not installed (pip install uv)"
        needs = [option for package in target.needs for option in ("--with", package)]
        command = [installer, "run", "--quiet", "--no-project", "--isolated", *needs, "python", str(program), str(data)]
    else:
        if shutil.which("npm") is None:
            return "skipped: node is not installed"
        subprocess.run(["npm", "install", "--silent", "--no-audit", *target.needs], cwd=folder, check=True, timeout=600)
        shutil.copy(program, folder)
        command = ["node", str(folder / program.name), str(data)]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    return (
        process.stdout.strip().splitlines()[-1]
        if process.returncode == 0
        else f"failed: {process.stderr.strip()[-300:]}"
    )


def main() -> None:
    formats = set(sys.argv[1:]) or set(FORMATS)
    items = work()
    with tempfile.TemporaryDirectory() as folder:
        for target in TARGETS:
            if target.format in formats:
                print(
                    f"| {target.format} | {', '.join(target.needs) or 'Python'} | {run(target, items, Path(folder))} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
