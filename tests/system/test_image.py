"""The processes of the image as a container runs them: from the wheel, unprivileged, on a root that cannot be written."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from app.local.postgres import PostgresServer
from app.local.processes import free_port, wait_until
from app.local.valkey import ValkeyServer
from tests.flows.containers import tied
from tests.system import wheel

CONTAINER = (
    'mount --bind / / && mount -o remount,bind,ro / && mount -t tmpfs tmpfs "$TMPDIR" && '
    "exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs"
    # An interpreter may lie in a home folder that only its owner enters. To read all is to write nothing.
    ' --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search "$@"'
)
PROCESSES = ("web", "worker", "reconciler", "flower")


def in_a_container(*command: str) -> list[str]:
    return [shutil.which("unshare") or "unshare", "--mount", "sh", "-c", CONTAINER, "sh", *command]


@pytest.fixture
def environment_of_image(
    postgres_server: PostgresServer, valkey_server: ValkeyServer, servers_dir: Path
) -> dict[str, str]:
    folder = servers_dir / "image-tmp"
    folder.mkdir()
    environment = {
        "DATABASE_URL": postgres_server.ensure_database("image"),
        "REDIS_URL": valkey_server.url(2),
        "SECRET_KEY": "of the test",
        "FLOWER_BASIC_AUTH": "anna:secret",
        "PORT": str(free_port()),
        "FLOWER_PORT": str(free_port()),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ["PATH"],
    }
    if not (shutil.which("unshare") and shutil.which("setpriv")) or _run(environment, "true").returncode:
        pytest.skip("The processes were not tried on a read-only root: that needs Linux, root and its namespaces.")
    return environment


@pytest.mark.image
@pytest.mark.timeout(600)
def test_all_processes_of_the_image_work_unprivileged_on_a_read_only_root(
    environment_of_image: dict[str, str], servers_dir: Path, tmp_path: Path
) -> None:
    promptlode = str(wheel.install(servers_dir / "image"))
    web = f"http://127.0.0.1:{environment_of_image['PORT']}"
    _run(environment_of_image, promptlode, "process", "release").check_returncode()
    made = _run(environment_of_image, promptlode, "keys", "create", "--project", "shop")
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    with ExitStack() as running:
        for name in PROCESSES:
            running.enter_context(_process(environment_of_image, tmp_path / name, promptlode, name))
        said = lambda: "".join((tmp_path / name).read_text()[-2000:] for name in PROCESSES)  # noqa: E731
        wait_until(lambda: _answers(f"{web}/readyz"), 90, said, pause=0.2)
        calls = [{"model": "m", "path": "/mail", "input": f"Sort this mail into a folder: mail {n}"} for n in range(5)]
        for call in calls:
            requests.post(f"{web}/api/v1/traces", json=call, headers=headers, timeout=30).raise_for_status()
        found = lambda: requests.get(f"{web}/api/v1/tasks", headers=headers, timeout=30).json()["items"]  # noqa: E731
        wait_until(found, 90, said, pause=0.2)
        wait_until(lambda: _answers(f"http://127.0.0.1:{environment_of_image['FLOWER_PORT']}/healthcheck"), 90, said)


def _run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        in_a_container(*command), env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@contextmanager
def _process(environment: dict[str, str], log: Path, promptlode: str, name: str) -> Iterator[None]:
    """A process of the image that ends with the block."""
    command = tied("SIGTERM", in_a_container(promptlode, "process", name))
    with log.open("w") as file, subprocess.Popen(command, env=environment, stdout=file, stderr=file) as running:
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(90)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
