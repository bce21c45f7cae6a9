"""The wheel of this checkout, installed as by a user: outside of the checkout, with the tests' packages."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


def build(folder: Path) -> Path:
    """The wheel, in `folder`."""
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "tests"))
    uv("build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, source)
    shutil.rmtree(source)
    (built,) = folder.glob("*.whl")
    return built


def install(folder: Path) -> Path:
    """The command `promptlode` of an environment in `folder`, which is then read-only."""
    built = build(folder)
    environment = folder / "environment"
    uv("venv", "--quiet", "--python", sys.executable, environment)
    uv("pip", "install", "--no-deps", "--compile-bytecode", "--python", environment, built)
    packages = next((environment / "lib").glob("python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    for path in (*packages.rglob("*"), packages):
        path.chmod(path.stat().st_mode & ~0o222)
    return environment / "bin" / "promptlode"


def uv(*arguments: str | Path, offline: bool = True) -> None:
    """Run uv; fails with its output."""
    command = [UV, *(["--offline"] if offline else []), *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stderr
