"""`promptlode privacy`."""

from typing import Any, get_args

import rich_click as click

from app.cli.context import engine_of, settings_of_command
from app.cli.numbers import Whole
from app.cli.remote.output import as_json
from app.errors import NotFoundError
from app.intake.privacy import Mode, PrivacySettings, policy_of
from app.intake.redaction import checked_patterns
from app.store import audit, privacy, projects
from app.store.audit import COMMAND
from app.store.engine import transaction

MOST_DISTINCT = 1_000_000
"""Users or conversations that a project may ask for.  Checked here, not in the stored settings: an older larger number must stay readable."""


class _NamedPattern(click.ParamType):
    """NAME=PATTERN."""

    name = "name=pattern"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, equals, pattern = value.partition("=")
        if not equals:
            self.fail("write it as NAME=PATTERN.", param, ctx)
        return name, pattern


@click.command("privacy")
@click.argument("project")
@click.option("--redact/--no-redact", default=None, help="Remove keys, passwords and card numbers before storage.")
@click.option("--email/--no-email", default=None, help="Remove e-mail addresses too.")
@click.option(
    "--pattern",
    "added",
    type=_NamedPattern(),
    multiple=True,
    help="Remove what this RE2 pattern matches; repeat for several.",
)
@click.option("--without-pattern", "dropped", multiple=True, metavar="NAME", help="Forget the pattern of this name.")
@click.option(
    "--variables", type=click.Choice(get_args(Mode)), help="Keep values of slots, a keyed hash of each, or nothing."
)
@click.option(
    "--fold-paths/--no-fold-paths", default=None, help="Write {id} in paths for numbers, dates, UUIDs and hashes."
)
@click.option(
    "--min-distinct",
    type=Whole(0, MOST_DISTINCT),
    help="Users or conversations that a template must be found with.",
)
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
def privacy_command(
    project: str, added: tuple[tuple[str, str], ...], dropped: tuple[str, ...], as_json_: bool, **options: Any
) -> None:
    """Show what PROJECT does not want stored, or change it. It holds within ten seconds, for calls that come then."""
    with engine_of(settings_of_command()) as engine, transaction(engine) as connection:
        owner = projects.existing(connection, project)
        before = policy_of(connection, owner.id).wishes
        after = _changed_wishes(
            before, {name: value for name, value in options.items() if value is not None}, added, dropped
        )
        if after != before:
            privacy.save(connection, owner.id, after.model_dump())
            fields = [name for name in PrivacySettings.model_fields if getattr(after, name) != getattr(before, name)]
            audit.record(connection, COMMAND, "set_privacy", project_id=owner.id, details={"fields": fields})
    if as_json_:
        as_json(after.model_dump())
        return
    for name, value in after:
        click.echo(f"{name}: {_in_words(value)}")


def _changed_wishes(
    before: PrivacySettings,
    options: dict[str, Any],
    added_patterns: tuple[tuple[str, str], ...],
    dropped: tuple[str, ...],
) -> PrivacySettings:
    """The changed settings. Raises PatternError, or NotFoundError for an unknown pattern."""
    patterns = before.patterns | dict(added_patterns)
    for name in dropped:
        if name not in patterns:
            raise NotFoundError(
                f"The project has no pattern {name!r}. Its patterns: {', '.join(before.patterns) or 'none'}."
            )
        del patterns[name]
    checked_patterns(patterns)
    return PrivacySettings.model_validate(before.model_dump() | options | {"patterns": patterns})


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"\n  {name} = {pattern}" for name, pattern in value.items()) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
