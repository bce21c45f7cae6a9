"""The address of a Promptlode and a key for it: from flags, the environment, `promptlode login` or this machine's instance."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from app.config import SERVERS_FILE, DataFolder
from app.errors import PromptlodeError
from app.local.kept_keys import kept_keys
from app.private_files import write_private

LOGIN_FILE = "login.json"
"""In the user's configuration folder; only its owner reads it."""


class NoAccessError(PromptlodeError):
    """No address of a Promptlode is known."""


@dataclass(frozen=True)
class Access:
    """url: address without a slash at its end. key: an API key. is_kept: whether the key is the one that `promptlode login` kept."""

    url: str
    key: str
    is_kept: bool = False


def access_of(url: str | None, key: str | None) -> Access:
    """The given address and key, completed by the first source that has the rest. Raises NoAccessError.

    A source with another address than the given one lends no key: a key is never sent to a server that did not issue it.
    """
    url, key = (url or "").strip(), (key or "").strip()
    login, is_kept = _stored_login(), False
    for sources in ((url, key), login, _local()):
        known_url, known_key = sources
        url = url or known_url
        if not key and known_key and (known_url is None or _is_same_url(url, known_url)):
            key, is_kept = known_key, sources is login
    if not url:
        raise NoAccessError(
            "No Promptlode server is known. Give --url (or PROMPTLODE_URL), run `promptlode login`, or start a server here with `promptlode up`."
        )
    if not key:
        raise NoAccessError(
            f"No key for {url} is known. Give --key (or PROMPTLODE_API_KEY), or run `promptlode login --url {url}`."
        )
    return Access(url.rstrip("/"), key, is_kept)


def keep(access: Access) -> Path:
    """Save an access for later commands."""
    path = login_file()
    write_private(path, json.dumps({"url": access.url, "key": access.key}))
    return path


def login_file() -> Path:
    return platformdirs.user_config_path("promptlode") / LOGIN_FILE


def _is_same_url(url: str | None, other_url: str) -> bool:
    return (url or "").rstrip("/") == other_url.rstrip("/")


def _stored_login() -> tuple[str | None, str | None]:
    login = _read_json(login_file())
    return login.get("url"), login.get("key")


def _local() -> tuple[str | None, str | None]:
    """The instance that runs with this machine's data folder, if one does."""
    url = servers_here().get("url")
    key = DataFolder().promptlode_data_dir / "api_key"
    return url, key.read_text().strip() if url and key.exists() else None


def servers_here() -> dict[str, Any]:
    """The addresses of the instance that runs with this machine's data folder; {} where none runs."""
    return _read_json(DataFolder().promptlode_data_dir / SERVERS_FILE)


def other_projects(access: Access) -> str:
    """A sentence, for a key of this machine's instance: the projects that the instance has further keys of, with a command; "" without any."""
    keys = kept_keys(DataFolder().promptlode_data_dir)
    names = [kept_key.project for kept_key in keys if kept_key.key != access.key]
    if len(names) in {0, len(keys)}:
        return ""
    return f"\nThis machine also has {', '.join(names)}: promptlode tasks --project {shlex.quote(names[-1])}"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
