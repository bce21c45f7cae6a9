"""Read the versions and calls, render, count."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Render = Callable[[dict[str, str]], list[str]]


def standin() -> Any:
    """The tests' module with the stand-in of registries, loaded by its path: this environment does not have the tests' packages."""
    place = Path(__file__).parents[3] / "tests" / "app" / "cli" / "registry_standin.py"
    spec = importlib.util.spec_from_file_location("registry_standin", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count(prepare: Callable[[dict[str, Any]], Render]) -> None:
    """Counts exact calls. prepare: takes an exported version, returns a function from a call's values to its messages."""
    exact = total = 0
    wrong = set()
    for item in json.loads(Path(sys.argv[1]).read_text()):
        render = prepare(item)
        for case in item["cases"]:
            is_same = render(case["values"]) == case["messages"]
            exact, total = exact + is_same, total + 1
            if not is_same:
                wrong.add(item["slug"])
    print(f"{exact} of {total}" + (f", not {', '.join(sorted(wrong))}" if wrong else ""))
