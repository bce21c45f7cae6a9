"""`--project`: the projects of this machine's Promptlode, whose owner may make a key of each."""

from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection

from app.cli.context import engine_of, settings_of_command
from app.cli.remote.access import Access, NoAccessError, servers_here
from app.config import DataFolder
from app.private_files import write_private
from app.store import audit, keys, projects
from app.store.audit import COMMAND
from app.store.engine import transaction
from app.store.projects import Project

SCOPES = ("ingest", "read", "admin")
"""What the key of a local project may do, as that of `promptlode up`."""


def access_to(name: str) -> Access:
    """This machine's Promptlode with a key of a project; the key is made and kept if there is none. Raises NoAccessError."""
    servers = servers_here()
    if "url" not in servers:
        raise NoAccessError(
            "--project names a project of this machine's Promptlode, which does not run: `promptlode up` starts it. "
            "On a server elsewhere the key says which project: --key."
        )
    settings = settings_of_command().model_copy(update={"database_url": servers["database_url"]})
    with engine_of(settings) as engine, transaction(engine) as connection:
        project = projects.find(connection, name)
        if project is None:
            raise NoAccessError(
                f"No project has the name {name!r}. There are: {', '.join(projects.names(connection))}."
            )
        return Access(servers["url"].rstrip("/"), _key_of(connection, project, settings.cell))


def _key_of(connection: Connection, project: Project, cell: str) -> str:
    """The key that is kept for a project, if it still has all scopes, else a new one."""
    file = key_file(project.name)
    key = file.read_text().strip() if file.exists() else ""
    holder = keys.holder(connection, keys.hash_of(key))
    if holder is not None and holder.project_id == project.id and holder.may("admin"):
        return key
    created = keys.create(connection, project.id, "local", SCOPES, cell=cell)
    details = {"scopes": sorted(SCOPES)}
    audit.record(connection, COMMAND, "create_key", project_id=project.id, subject=created.id, details=details)
    write_private(file, created.key)
    return created.key


def key_file(project_name: str) -> Path:
    """The file of a project's key on this machine."""
    return DataFolder().promptlode_data_dir / "keys" / quote(project_name, safe=" ")
