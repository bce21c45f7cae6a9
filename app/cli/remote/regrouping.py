"""`promptlode regroup`: ask to regroup a path, or look at what the regroup would change."""

import rich_click as click
from rich.console import Console
from rich.text import Text

from app.cli.moments import MOMENT, MOMENT_WORDS
from app.cli.printing import plain
from app.cli.remote.api import Api, Item
from app.cli.remote.options import connected, iso
from app.cli.remote.output import as_json, template_text
from app.words import plural


@click.command()
@click.argument("path")
@click.option("--all", "regroup_all", is_flag=True, help="Mine grouped calls again, too.")
@click.option("--dry-run", is_flag=True, help="Say what a run would change, and write nothing.")
@click.option(
    "--since", callback=iso, type=MOMENT, help=f"Of a dry run: read only calls made from this time on: {MOMENT_WORDS}."
)
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@connected
def regroup(api: Api, *, path: str, regroup_all: bool, dry_run: bool, since: str | None, as_json_: bool) -> None:
    """Ask to regroup the calls of PATH, or with --dry-run look at what a run would change."""
    if since is not None and not dry_run:
        raise click.UsageError("--since needs --dry-run: a run reads calls of all times.")
    answer = api.post("/api/v1/groups/regroup", {"path": path, "all": regroup_all} | _fields_of_dry_run(dry_run, since))
    if as_json_:
        as_json(answer)
    elif dry_run:
        _tell(Console(), answer, regroup_all)
    else:
        click.echo(plain(f"{answer['path']}: {answer['grouping']}"))


def _fields_of_dry_run(dry_run: bool, since: str | None) -> dict[str, object]:
    return {"dry_run": True, "since": since} if dry_run else {}


def _plan(answer: Item) -> list[str]:
    """The plan of a run: a line for each kind of change, and the calls that stay ungrouped."""
    lines = [
        (len(answer["found"]), "  {}", "template"),
        (answer["grouped"], "  {} would get a template", "call"),
        (answer["moved"], "  {} would get another template", "call"),
        (answer["left"], "  {} would stay without one", "call"),
    ]
    sentences = [words.format(plural(count, noun)) for count, words, noun in lines if count]
    return sentences if any((answer["found"], answer["grouped"], answer["moved"])) else ["  nothing", *sentences]


def _reading(answer: Item, regroup_all: bool) -> str:
    """The beginning of a sentence: the calls that a run would read, before the changes that it would make."""
    ungrouped, grouped = answer["owed"] + answer["residue"], answer["reviewed"]
    if ungrouped or grouped:
        return f"a run that reads {ungrouped} ungrouped and {grouped} grouped calls would write"
    further = "" if regroup_all else ", unless --all lets it read the grouped ones again"
    return f"no call is without a template, so a run would read none{further}. It would write"


def _tell(console: Console, answer: Item, regroup_all: bool) -> None:
    """Print the changes in words; then each template."""
    lines = [f"{plain(answer['path']).plain}: {_reading(answer, regroup_all)}", *_plan(answer)]
    lines += ["  Not all calls were read: a window or the time was full."] if answer["unread"] else []
    lines += [f"  Task {source} would go on in {into}." for source, into in answer["merged"].items()]
    lines += [f"  Template {template} would begin a task of its own." for template in answer["parted"]]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    for template in answer["found"]:
        task = template["task_id"] or "a new task"
        head = f"\n{template['becomes']}: {plain(template['task_name'] or task).plain}, {template['calls']} calls"
        console.print(Text(head, style="bold"), soft_wrap=True)
        console.print(template_text(template["template"]), soft_wrap=True)
    console.print(Text("Nothing was written."))
