"""Environments of foreign programs: none shares packages or settings with this project."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NOT_PASSED_ON = (
    "OTEL_", "PROMPTLODE_", "LANGFUSE_", "LANGSMITH_", "TRACELOOP_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_",
    "AWS_", "DATABASE_", "REDIS_", "PHOENIX_", "MLFLOW_", "VIRTUAL_ENV", "PYTHON",
)  # fmt: skip
"""Beginnings of the environment variables of this process that a foreign program must not inherit."""


def inherited() -> dict[str, str]:
    """The environment variables that a foreign program may inherit."""
    return {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}


def uv() -> str | None:
    """The path of uv: beside this Python, else by PATH."""
    return shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def install(folder: Path, packages: Sequence[str]) -> None:
    """Makes a virtual environment with these packages, with uv where it is installed, else with pip.

    Raises subprocess.CalledProcessError where that fails.
    """
    program = uv()
    python = str(folder / "bin" / "python")
    make = [program, "venv", "--quiet", "--python", sys.executable] if program else [sys.executable, "-m", "venv"]
    add = [program, "pip", "install", "--python", python] if program else [python, "-m", "pip", "install"]
    subprocess.run([*make, str(folder)], check=True)
    subprocess.run([*add, "--quiet", *packages], check=True)


def version(folder: Path, package: str) -> str | None:
    """The version of a package in a virtual environment; None where the package is not installed there."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    try:
        command = [str(folder / "bin" / "python"), "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
