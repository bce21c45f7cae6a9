"""tools/venv on machines that lack something: every failure names its remedy."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import app

ROOT = Path(app.__file__).parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as tools/venv reads."""
    for name in ("tools/venv", "setup.cfg", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def fake_python(checkout: Path, *refused: str) -> Path:
    """A Python 3.11 that fails at command lines with one of these words."""
    path = checkout / "python"
    cases = "".join(f'  *"{words}"*) exit 1 ;;\n' for words in refused)
    path.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\nexit 0\n')
    path.chmod(0o755)
    return path


def make_venv(checkout: Path, python: Path | str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHON": str(python)}
    command = [checkout / "tools" / "venv", "local"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_new_enough_python_it_says_which_is_needed(checkout: Path) -> None:
    result = make_venv(checkout, fake_python(checkout, "version_info"))
    assert result.returncode == 1
    assert "No Python 3.11 or newer found" in result.stderr


def test_if_a_python_has_no_way_to_pip_it_names_the_package_to_install(checkout: Path) -> None:
    result = make_venv(checkout, fake_python(checkout, "-m venv", "-m pip"))
    assert result.returncode == 1
    assert "apt install python3-venv" in result.stderr
    assert not (checkout / ".venv").exists()


def test_what_is_installed_is_not_installed_again(checkout: Path) -> None:
    # Given an environment with its stamp
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(fake_python(checkout))
    stamp = f"{checkout.resolve()}\n" + (checkout / "setup.cfg").read_text() + (checkout / "pyproject.toml").read_text()
    (checkout / ".venv" / "installed-local").write_text(stamp)
    # I expect nothing to be done
    result = make_venv(checkout, "/nonexistent")
    assert (result.returncode, result.stdout) == (0, "")


def test_if_the_requirements_changed_it_installs_again(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(fake_python(checkout))
    (checkout / ".venv" / "installed-local").write_text("an older setup.cfg")
    result = make_venv(checkout, "/nonexistent")
    assert "Installing Promptlode [local]" in result.stdout


def test_if_pip_fails_it_says_what_may_help(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(fake_python(checkout, "pip install"))
    result = make_venv(checkout, "/nonexistent")
    assert result.returncode == 1
    assert "PIP_INDEX_URL" in result.stderr
    assert not (checkout / ".venv" / "installed-local").exists()
