"""The image's root without a registry of images: Debian's packages, an environment of Python, and the wheel of this checkout."""

import shutil
import subprocess
from pathlib import Path

from tests.system import wheel

SUITE = "bookworm"
PACKAGES = "python3-venv,ca-certificates"
HOME = "/opt/promptlode"

READ_ONLY = (
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && '
    'mount -t tmpfs tmpfs "$0/tmp" && '
    'exec chroot "$0" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --inh-caps=-all "$@"'
)
"""Arguments of `sh -c`: the root, then the command, which has no privilege and can write to /tmp alone."""


def missing() -> list[str]:
    """The missing programs that making and entering a root need."""
    return [program for program in ("mmdebstrap", "chroot", "unshare", "setpriv") if shutil.which(program) is None]


def build(folder: Path) -> Path:
    """A root in `folder`; needs a minute and Debian's mirror."""
    root = folder / "root"
    _run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", SUITE, root)
    _run("chroot", root, "useradd", "--uid", "10001", "--no-create-home", "--shell", "/usr/sbin/nologin", "promptlode")
    _run("chroot", root, "python3", "-m", "venv", HOME)
    packages = next((root / HOME.lstrip("/") / "lib").glob("python*/site-packages"))
    built = wheel.build(folder)
    version = packages.parent.name.removeprefix("python")
    wheel.uv("pip", "install", "--python-version", version, "--target", packages, built, offline=False)
    shutil.copy(built, root / "tmp")
    _run(
        "chroot",
        root,
        f"{HOME}/bin/pip",
        "install",
        "--no-index",
        "--no-deps",
        "--force-reinstall",
        f"/tmp/{built.name}",
    )
    return root


def command(root: Path, *words: str) -> list[str]:
    """A command inside the root, which is read-only."""
    return [shutil.which("unshare") or "unshare", "--mount", "sh", "-c", READ_ONLY, str(root), *words]


def _run(*words: str | Path) -> None:
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
