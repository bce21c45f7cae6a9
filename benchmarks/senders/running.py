"""Runs the program of one client, in an environment of its own, against the stand-in and Promptlode."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import inherited, uv
from benchmarks.ingest.load import Target
from benchmarks.senders.comparing import Row, compared
from benchmarks.senders.recorder import Recorder, Sent, recording
from benchmarks.senders.senders import Sender
from benchmarks.senders.standin import Exchange, StandIn, standing_in

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).parents[2]

LONGEST_RUN = 300
"""Seconds that a client may take, the first download of its packages included."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one client's calls."""

    sender: Sender
    row: Row
    exchanges: list[Exchange]
    sent: list[Sent]
    versions: dict[str, str]
    returncode: int
    log: str


class SkippedError(Exception):
    """A client that cannot be tried on this machine, and why."""


def tried(sender: Sender, target: Target, key: str, traces: Callable[[], list[Any]]) -> Outcome:
    """Run one client to its end; `traces` reads what the key's project holds then. Raises SkippedError."""
    if uv() is None:
        raise SkippedError("uv is not there: pip install uv")
    with standing_in() as models, recording(f"http://127.0.0.1:{target.port}", key) as recorder:
        environment = _environment(sender, models, recorder)
        process = _run(command(sender), environment)
        row = compared(models.exchanges, traces())
    versions = _versions(sender, environment)
    return Outcome(
        sender, row, models.exchanges, recorder.sent, versions, process.returncode, process.stdout + process.stderr
    )


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command in a temporary folder with the programs alone: some clients send the folder's path."""
    with tempfile.TemporaryDirectory(prefix="sender-") as folder:
        shutil.copytree(PROGRAMS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        settled = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
        try:
            return subprocess.run(command, check=False, timeout=LONGEST_RUN, **settled)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "", f"Took longer than {LONGEST_RUN} s.")


def command(sender: Sender) -> list[str]:
    """The client's packages in an environment of their own, which uv keeps in its cache."""
    return [*_in_environment(sender), *sender.launcher, sender.program, *sender.arguments]


def _in_environment(sender: Sender) -> list[str]:
    packages = [part for package in sender.packages for part in ("--with", _absolute(package))]
    return [
        str(uv()),
        "run",
        "--quiet",
        "--no-project",
        "--isolated",
        "--no-env-file",
        "--python",
        sys.executable,
        *packages,
    ]


def _absolute(package: str) -> str:
    """The package; a folder of this checkout by its absolute path, since clients run in another folder."""
    return str(ROOT / package) if package.startswith("./") else package


_OUR_NAMES = {"./client": "promptlode-client"}
_VERSIONS = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"


def _versions(sender: Sender, environment: dict[str, str]) -> dict[str, str]:
    """The releases that uv chose."""
    names = [_OUR_NAMES.get(package) or re.split(r"[<>=\[]", package)[0] for package in sender.packages]
    process = _run([*_in_environment(sender), "python", "-c", _VERSIONS, *names], environment)
    return dict(zip(names, process.stdout.split(), strict=False))


def _environment(sender: Sender, models: StandIn, recorder: Recorder) -> dict[str, str]:
    names = {"url": recorder.address, "key": recorder.key, "models": models.address}
    own_variables = {name: value.format(**names) for name, value in {**_MODELS, **sender.settings}.items()}
    return inherited() | own_variables | {"PYTHONDONTWRITEBYTECODE": "1"}


_MODELS = {
    "OPENAI_BASE_URL": "{models}/v1",
    "OPENAI_API_BASE": "{models}/v1",
    "OPENAI_API_KEY": "none",
    "ANTHROPIC_BASE_URL": "{models}",
    "ANTHROPIC_API_KEY": "none",
    "GOOGLE_GEMINI_BASE_URL": "{models}",
    "GEMINI_API_KEY": "none",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "{models}",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "true",
    "OTEL_NODE_RESOURCE_DETECTORS": "env,serviceinstance",
}
"""Each provider client's own setting for the address of its server. Besides: LiteLLM must not fetch its list of prices, and
Node must not send telemetry of this machine."""
