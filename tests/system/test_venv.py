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
    """The files of a checkout that tools/venv reads, and a uv on the PATH that installs nothing."""
    for name in ("tools/venv", "pyproject.toml", "uv.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    fake_uv(tmp_path)
    return tmp_path


def fake_uv(checkout: Path, ending: int = 0) -> None:
    """A uv that prints its arguments and exits with this status."""
    path = checkout / "bin" / "uv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] || {{ echo "uv $*"; exit {ending}; }}\n')
    path.chmod(0o755)


def fake_python(checkout: Path, *refused: str) -> Path:
    """A Python 3.11 that fails at command lines with one of these words."""
    path = checkout / "python"
    cases = "".join(f'  *"{words}"*) exit 1 ;;\n' for words in refused)
    path.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\nexit 0\n')
    path.chmod(0o755)
    return path


def make_venv(checkout: Path, python: Path | str, **settings: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHON": str(python), "PATH": path, "PIP_INDEX_URL": "", "PIP_NO_INDEX": ""} | settings
    command = [checkout / "tools" / "venv", "local"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)


def test_without_a_new_enough_python_it_says_which_is_needed(checkout: Path) -> None:
    result = make_venv(checkout, fake_python(checkout, "version_info"))
    assert result.returncode == 1
    assert "No Python 3.11 or newer found" in result.stderr


def test_if_a_python_has_no_way_to_pip_it_names_the_package_to_install(checkout: Path) -> None:
    result = make_venv(checkout, fake_python(checkout, "-m venv", "-m pip"))
    assert result.returncode == 1
    assert "apt install python3-venv" in result.stderr
    assert not (checkout / ".venv").exists()


def test_on_a_system_with_musl_it_names_the_image(checkout: Path) -> None:
    ldd = checkout / "bin" / "ldd"
    ldd.write_text("#!/bin/sh\necho 'musl libc (x86_64)' >&2\nexit 1\n")
    ldd.chmod(0o755)
    result = make_venv(checkout, "/nonexistent")
    assert result.returncode == 1
    assert "Dockerfile" in result.stderr


def fake_disk(checkout: Path, free: int) -> None:
    """A df that tells of so many free megabytes."""
    path = checkout / "bin" / "df"
    path.write_text(f"#!/bin/sh\necho Filesystem\necho tmpfs 65536 1 {free * 1024} 1% /\n")
    path.chmod(0o755)


def test_on_a_small_disk_it_says_how_much_is_needed_before_it_begins(checkout: Path) -> None:
    fake_disk(checkout, 64)
    result = make_venv(checkout, fake_python(checkout))
    assert (result.returncode, (checkout / ".venv").exists()) == (1, False)
    assert "takes 550 MB" in result.stderr
    assert "uv sync" not in result.stdout


def test_an_installation_that_fills_the_disk_leaves_nothing_behind(checkout: Path) -> None:
    environment(checkout)
    fake_uv(checkout, ending=2)
    fake_disk(checkout, 3)
    result = make_venv(checkout, "/nonexistent")
    assert (result.returncode, (checkout / ".venv").exists()) == (1, False)
    assert "Free 1 GB" in result.stderr


def test_an_installed_environment_is_not_installed_again(checkout: Path) -> None:
    # Given an environment with its stamp
    environment(checkout)
    stamp = f"{checkout.resolve()}\n" + (checkout / "pyproject.toml").read_text() + (checkout / "uv.lock").read_text()
    (checkout / ".venv" / "installed-local").write_text(stamp)
    # I expect nothing to be done
    result = make_venv(checkout, "/nonexistent")
    assert (result.returncode, result.stdout) == (0, "")


def test_if_the_requirements_changed_uv_installs_what_the_lock_says(checkout: Path) -> None:
    environment(checkout)
    (checkout / ".venv" / "installed-local").write_text("an older pyproject.toml")
    result = make_venv(checkout, "/nonexistent")
    assert "Installing Promptlode [local]" in result.stdout
    assert "uv sync --inexact --extra local" in result.stdout
    assert (checkout / ".venv" / "installed-local").read_text() != "an older pyproject.toml"


def test_if_uv_fails_pip_installs(checkout: Path) -> None:
    environment(checkout)
    fake_uv(checkout, ending=2)
    assert make_venv(checkout, "/nonexistent").returncode == 0
    assert (checkout / ".venv" / "installed-local").exists()


@pytest.mark.parametrize("setting", ["PIP_INDEX_URL", "PIP_NO_INDEX"])
def test_uv_is_not_asked_when_pip_has_a_mirror(checkout: Path, setting: str) -> None:
    environment(checkout)
    result = make_venv(checkout, "/nonexistent", **{setting: "1"})
    assert result.returncode == 0
    assert "uv sync" not in result.stdout


def test_if_neither_can_install_it_says_what_may_help(checkout: Path) -> None:
    environment(checkout, "pip install")
    fake_uv(checkout, ending=2)
    result = make_venv(checkout, "/nonexistent")
    assert result.returncode == 1
    assert "HTTPS_PROXY" in result.stderr
    assert "PIP_INDEX_URL" in result.stderr
    assert "PIP_FIND_LINKS" in result.stderr
    assert not (checkout / ".venv" / "installed-local").exists()


def environment(checkout: Path, *refused: str) -> None:
    """A virtual environment whose Python fails at command lines with one of these words."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(fake_python(checkout, *refused))
