"""The processes of the image, as a container runs them: from the wheel, unprivileged, on a read-only root of this
system and on one of Debian's packages.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest
import requests

from app.local.postgres import PostgresServer
from app.local.processes import end, free_port, wait_until
from app.local.valkey import ValkeyServer
from tests.flows.containers import tied
from tests.system import debian_root, wheel

CONTAINER = (
    'mount --bind / / && mount -o remount,bind,ro / && mount -t tmpfs tmpfs "$TMPDIR" && '
    "exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs"
    # An interpreter may lie in a home folder that only its owner enters. To read all is to write nothing.
    ' --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search "$@"'
)
PROCESSES = ("web", "worker", "reconciler", "flower")


@dataclass(frozen=True)
class Image:
    """The way to run commands in a container. enter: turns a command into one inside the container. promptlode: the program inside. tmp: its only writable folder."""

    enter: Callable[..., list[str]]
    promptlode: str
    tmp: str


def in_a_container(*command: str) -> list[str]:
    return [shutil.which("unshare") or "unshare", "--mount", "sh", "-c", CONTAINER, "sh", *command]


@pytest.fixture(scope="module", params=["this system", "Debian"])
def image(request: pytest.FixtureRequest, servers_dir: Path) -> Image:
    missing = debian_root.missing() if request.param == "Debian" else []
    if missing or os.geteuid() or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip(f"The processes were not tried on a read-only root: Linux, root and its namespaces; {missing}.")
    folder = servers_dir / f"image-{request.param.split()[0]}"
    folder.mkdir()
    if request.param == "Debian":
        root = debian_root.build(folder)
        return Image(partial(debian_root.command, root), f"{debian_root.HOME}/bin/promptlode", "/tmp")
    tmp = folder / "tmp"
    tmp.mkdir()
    return Image(in_a_container, str(wheel.install(folder / "wheel")), str(tmp))


@pytest.fixture
def environment_of_image(image: Image, postgres_server: PostgresServer, valkey_server: ValkeyServer) -> dict[str, str]:
    return {
        "DATABASE_URL": postgres_server.ensure_database("image"),
        "REDIS_URL": valkey_server.url(2),
        "SECRET_KEY": "of the test",
        "FLOWER_BASIC_AUTH": "anna:secret",
        "PORT": str(free_port()),
        "FLOWER_PORT": str(free_port()),
        "HOME": image.tmp,
        "TMPDIR": image.tmp,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ["PATH"],
    }


@pytest.mark.image
@pytest.mark.timeout(1800)
def test_all_processes_of_the_image_work_unprivileged_on_a_read_only_root(
    image: Image, environment_of_image: dict[str, str], tmp_path: Path
) -> None:
    web = f"http://127.0.0.1:{environment_of_image['PORT']}"
    _run(image, environment_of_image, "process", "release").check_returncode()
    created = _run(image, environment_of_image, "keys", "create", "--project", tmp_path.name[-40:])
    headers = {"Authorization": f"Bearer {created.stdout.strip()}"}
    with ExitStack() as running:
        for name in PROCESSES:
            running.enter_context(_process(image, environment_of_image, tmp_path / name, name))
        last_lines = lambda: "".join((tmp_path / name).read_text()[-2000:] for name in PROCESSES)  # noqa: E731
        wait_until(lambda: _answers(f"{web}/readyz"), 300, last_lines, pause=0.2)
        calls = [{"model": "m", "path": "/mail", "input": f"Sort this mail into a folder: mail {n}"} for n in range(5)]
        for call in calls:
            requests.post(f"{web}/api/v1/traces", json=call, headers=headers, timeout=30).raise_for_status()
        tasks_found = lambda: requests.get(f"{web}/api/v1/tasks", headers=headers, timeout=30).json()["items"]  # noqa: E731
        wait_until(tasks_found, 300, last_lines, pause=0.2)
        wait_until(
            lambda: _answers(f"http://127.0.0.1:{environment_of_image['FLOWER_PORT']}/healthcheck"), 300, last_lines
        )


@pytest.mark.image
@pytest.mark.timeout(1800)
def test_the_root_of_the_image_cannot_be_written(image: Image, environment_of_image: dict[str, str]) -> None:
    tried = subprocess.run(
        image.enter("sh", "-c", f"echo x > {Path(image.promptlode).parent}/x || echo x > {image.tmp}/x"),
        env=environment_of_image, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert tried.returncode == 0
    assert "Read-only file system" in tried.stderr or "Permission denied" in tried.stderr


def _run(image: Image, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = image.enter(image.promptlode, *words)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def _process(image: Image, environment: dict[str, str], log: Path, name: str) -> Iterator[None]:
    """A process of the image that ends with the block."""
    command = tied("SIGTERM", image.enter(image.promptlode, "process", name))
    with log.open("w") as file, subprocess.Popen(command, env=environment, stdout=file, stderr=file) as running:
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            _wait_or_kill(running)


def _wait_or_kill(running: subprocess.Popen[bytes]) -> None:
    """granian misses a SIGTERM that comes before its worker has begun, as after a failure of another process."""
    children = psutil.Process(running.pid).children(recursive=True) if running.poll() is None else []
    try:
        running.wait(90)
    except subprocess.TimeoutExpired:
        end([*children, psutil.Process(running.pid)], signal.SIGKILL)
        raise


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
