"""A rule that is written twice is changed once: each of these has one home, and whoever else needs it imports it."""

import re
from pathlib import Path

import pytest

import app

ROOT = Path(app.__file__).parent.parent

#: What only the home of a rule may say, and that home.
HOMES = {
    "which call is owed, and which is residue": (r"considered_run_id\.(is_|isnot|is_not)\b", "app/store/owed.py"),
    "which group may run": (r"not_before\.is_\(None\)", "app/store/owed.py"),
    "which scripts write without blanks": (r"0x30FF|0x312F|0x3040", "templating/scripts.py"),
    "what a process remembers": (r"OrderedDict\[[^]]*, tuple\[float", "app/cache.py"),
    "what an error code of PostgreSQL means": (r"\bpgcode\b|sqlstate\b", "app/store/sqlstates.py"),
    "the quiet time": (r"quiet: \S+.*?= (Field\(\s*)?\d", "app/config.py"),
    "who reads the settings": (r"\bBaseSettings\b", "app/config.py"),
}


@pytest.mark.parametrize(("said", "home"), HOMES.values(), ids=HOMES)
def test_a_rule_has_one_home(said: str, home: str) -> None:
    paths = [path for room in ("app", "tasks", "templating") for path in sorted((ROOT / room).rglob("*.py"))]
    saying = [path.relative_to(ROOT).as_posix() for path in paths if re.search(said, path.read_text(encoding="utf-8"))]
    assert saying == [home]
