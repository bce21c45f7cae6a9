"""`promptlode webhooks`: where changes are sent, and what was sent there."""

from collections.abc import Sequence

import rich_click as click

from app.cli.remote.api import Api
from app.cli.remote.options import connected, formed, limited
from app.cli.remote.output import Cell, When, printed

WEBHOOKS_PATH = "/api/v1/webhooks"

WEBHOOK_CELLS: dict[str, Cell] = {
    "Id": lambda item: item["id"],
    "URL": lambda item: item["url"],
    "Format": lambda item: item["format"],
    "Kinds": lambda item: ", ".join(item["kinds"] or ["all"]),
    "Words of prompts": lambda item: "sent" if item["include_text"] else "left out",
    "Waiting": lambda item: item["waiting"],
    "Given up": lambda item: item["given_up"],
}

DELIVERY_CELLS: dict[str, Cell] = {
    "Change": lambda item: item["change_id"],
    "Kind": lambda item: item["kind"],
    "State": lambda item: item["state"],
    "Attempts": lambda item: item["attempts"],
    "Last attempt": When("attempted_at"),
    "Problem": lambda item: item["problem"],
}


@click.group()
def webhooks() -> None:
    """Receivers of signed changes. Each command needs a key with the scope admin."""


@webhooks.command("list")
@formed
@connected
def list_(api: Api, form: str) -> None:
    """List the webhooks of the project, newest first."""
    printed(
        api.items(WEBHOOKS_PATH),
        WEBHOOK_CELLS,
        form,
        empty_text="None. `promptlode webhooks create ADDRESS` makes one.",
    )


@webhooks.command("create")
@click.argument("address", metavar="ADDRESS")
@click.option("--format", "format_", type=click.Choice(["json", "slack"]), default="json", show_default=True)
@click.option("--kind", "kinds", multiple=True, help="Send this kind of change; repeat for several. All if not given.")
@click.option("--include-text", is_flag=True, help="Send words of prompts, too: what an edit changed, names of slots.")
@formed
@connected
def create(api: Api, *, address: str, form: str, format_: str, kinds: Sequence[str], include_text: bool) -> None:
    """Send changes to ADDRESS from now on. The key of the signatures is printed on standard error, this once."""
    body = {"url": address, "format": format_, "kinds": list(kinds) or None, "include_text": include_text}
    created = api.post(WEBHOOKS_PATH, body)
    click.echo(f"The key of its signatures is not shown again: {created['secret']}", err=True)
    printed([created], WEBHOOK_CELLS, form)


@webhooks.command("delete")
@click.argument("webhook_id", metavar="ID")
@connected
def delete(api: Api, webhook_id: str) -> None:
    """Send nothing to the webhook ID any more. Its log goes with it."""
    api.delete(WEBHOOKS_PATH, {"id": webhook_id})
    click.echo(f"Deleted: {webhook_id}", err=True)


@webhooks.command("deliveries")
@click.argument("webhook_id", metavar="ID")
@limited
@formed
@connected
def deliveries(api: Api, *, webhook_id: str, limit: int, form: str) -> None:
    """List what was sent to the webhook ID, what waits and what was given up, newest first."""
    answers = api.items(f"{WEBHOOKS_PATH}/{webhook_id}/deliveries", limit=limit)
    printed(
        answers,
        DELIVERY_CELLS,
        form,
        empty_text="None: nothing changed since it was made. `promptlode changes` lists changes.",
    )
