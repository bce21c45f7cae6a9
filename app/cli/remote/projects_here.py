"""`--project`: the projects of this machine's Promptlode, whose owner may make a key of each."""

from app.cli.context import engine_of, settings_of_command
from app.cli.remote.access import Access, NoAccessError, servers_here
from app.config import DataFolder
from app.local.project_keys import key_of
from app.store import projects
from app.store.engine import transaction


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
        key = key_of(connection, DataFolder().promptlode_data_dir, project, cell=settings.cell)
        return Access(servers["url"].rstrip("/"), key)
