"""Read the versions and calls, render, count."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Render = Callable[[dict[str, str]], list[str]]


def count(prepare: Callable[[dict[str, Any]], Render]) -> None:
    """prepare: a version as it was exported -> what renders the messages of a call from its values."""
    exact = total = 0
    wrong = set()
    for item in json.loads(Path(sys.argv[1]).read_text()):
        render = prepare(item)
        for case in item["cases"]:
            same = render(case["values"]) == case["messages"]
            exact, total = exact + same, total + 1
            if not same:
                wrong.add(item["slug"])
    print(f"{exact} of {total}" + (f", not {', '.join(sorted(wrong))}" if wrong else ""))
