"""The lock that the SBOM is made of: what the product needs, at the versions that are installed, and no tool of ours."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_lock_holds_what_is_needed_and_nothing_else() -> None:
    lock = _run(sys.executable, "tools/lock.py", "flask", "pydantic-settings").splitlines()
    assert f"flask=={version('flask')}" in lock
    assert f"werkzeug=={version('werkzeug')}" in lock
    assert not [line for line in lock if line.startswith(("pytest", "celery", "promptlode"))]


def test_the_sbom_names_every_locked_version(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("flask==3.1.2\nwerkzeug==3.1.3\n")
    made = json.loads(_run(sys.executable, "-m", "cyclonedx_py", "requirements", str(lock), "--of", "JSON"))
    assert made["bomFormat"] == "CycloneDX"
    assert {each["purl"] for each in made["components"]} == {"pkg:pypi/flask@3.1.2", "pkg:pypi/werkzeug@3.1.3"}


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
