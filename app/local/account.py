"""The account that runs PostgreSQL, and folders that it can reach.

PostgreSQL refuses to run as root, so root starts it as an unprivileged account. That account cannot enter a private home (`/root`, mode
0700), so root's databases may be outside of the data folder. An ordinary user runs it himself.
"""

import hashlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.local.errors import LocalError

SYSTEM_HOME = Path("/var/lib/promptlode")
"""The folder of root's databases when the data folder is inside a private home."""


@dataclass(frozen=True)
class Account:
    """The account that owns the database files and runs the server."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        return self.uid != os.geteuid()

    @property
    def popen(self) -> dict[str, Any]:
        """Keyword arguments that make `subprocess` run a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def may(self, access: str, path: Path) -> bool:
        """Whether the account has `access` (r, w or x) to `path`; the system decides, which knows ACLs and mounts."""
        if not self.is_other:
            return os.access(path, {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}[access])
        test = ["/bin/sh", "-c", 'test -"$0" "$1"', access, str(path)]
        return subprocess.run(test, cwd="/", check=False, **self.popen).returncode == 0

    def own(self, path: Path) -> None:
        if self.is_other:
            os.chown(path, self.uid, self.gid)


def server_account() -> Account:
    """The current user; for root `nobody`, which exists everywhere (initdb needs a named account) and owns nothing."""
    if os.geteuid() != 0:
        return _current()
    entry = _account_named("nobody") or next((entry for entry in pwd.getpwall() if entry.pw_uid > 0), None)
    if entry is None:
        raise LocalError(
            "PostgreSQL refuses to run as root, and this machine has no other account. Run Promptlode as an ordinary user, or set DATABASE_URL to your own server."
        )
    account = Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    _check_switch(account)
    return account


def _current() -> Account:
    """The current user. A container may run us under a number without a name, with which initdb cannot work."""
    try:
        return Account(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid())
    except KeyError:
        raise LocalError(
            f"The user id {os.geteuid()} has no name in /etc/passwd, and PostgreSQL needs a name to make its data. "
            "Run Promptlode as a user with a name, or set DATABASE_URL to your own server."
        ) from None


def _account_named(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _check_switch(account: Account) -> None:
    """Raise an error where root cannot switch accounts, as in some containers; PostgreSQL's own message is unclear."""
    try:
        subprocess.run(["/bin/sh", "-c", ":"], cwd="/", check=True, **account.popen)
    except (OSError, subprocess.SubprocessError) as error:
        raise LocalError(
            f"PostgreSQL refuses to run as root, and root may not become '{account.name}' here ({error}). "
            "Run Promptlode as an ordinary user, or set DATABASE_URL to your own server."
        ) from None


def make_home(folder: Path, account: Account) -> Path:
    """A home at `folder` that belongs to `account`; where the account cannot enter that, a folder in SYSTEM_HOME and a link to it."""
    if folder.is_symlink():
        return _make(folder.resolve(), account)
    home = _make(folder, account)
    if account.may("w", home):
        return home
    folder.rmdir()
    home = _make(SYSTEM_HOME / hashlib.sha256(str(folder).encode()).hexdigest()[:12], account)
    folder.symlink_to(home)
    return home


def _make(home: Path, account: Account) -> Path:
    """Make `home`; others may enter its new parents, which the account must pass through, but not list them."""
    try:
        for parent in reversed([parent for parent in home.parents if not parent.exists()]):
            parent.mkdir(mode=0o711 if account.is_other else 0o700)
        home.mkdir(mode=0o700, exist_ok=True)
        account.own(home)
    except OSError as error:
        raise LocalError(
            f"Cannot make the folder {home} ({error.strerror}). Set PROMPTLODE_DATA_DIR to a folder that you may write."
        ) from None
    return home
