"""a matched call keeps template and values, not its text again

Revision ID: texts_once
Revises: audit

Calls that are stored already keep their text until they are matched again; both kinds read back alike. A template with
calls now holds their text, so none can be deleted while it has some, and the text of a template never changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "texts_once"
down_revision = "audit"
branch_labels = None
depends_on = None

PROMPT = "system, user and, for few-shot by messages, input; NULL: no text prompt"
INPUT = '{"instructions", "input", "messages"} as they were sent'
TEMPLATE = "whose places `variables` follows, also while its implementation moves on"


def upgrade() -> None:
    comment("prompt_parts", sa.ARRAY(sa.Text()), f"{PROMPT}, or template and values have it")
    comment("input", sa.JSON(), f"{INPUT}, without the texts of the prompt")
    comment("template_id", sa.Uuid(), f"{TEMPLATE}; has the text of the prompt")
    comment("project_id", sa.Uuid(), "that of its group, which goes with it")
    op.drop_constraint("fk_trace_project_id", "trace", type_="foreignkey")
    op.create_foreign_key(op.f("fk_trace_template_id"), "trace", "template", ["template_id"], ["id"])
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'calls have their text from this row: it cannot change'; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER template_text_never_changes BEFORE UPDATE OF parts ON template FOR EACH ROW
        WHEN (OLD.parts::text <> NEW.parts::text) EXECUTE FUNCTION refuse_change()
        """
    )


def downgrade() -> None:
    """Refused once a call has no text of its own: the code of before cannot put template and values together."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM trace)")):
        raise RuntimeError("Calls have their texts from templates now. Restore a backup made before this revision.")
    op.execute("DROP TRIGGER template_text_never_changes ON template")
    op.execute("DROP FUNCTION refuse_change")
    op.drop_constraint(op.f("fk_trace_template_id"), "trace", type_="foreignkey")
    op.create_foreign_key("fk_trace_project_id", "trace", "project", ["project_id"], ["id"], ondelete="CASCADE")
    for column, kind, said in (("prompt_parts", sa.ARRAY(sa.Text()), PROMPT), ("input", sa.JSON(), INPUT)):
        comment(column, kind, said)
    comment("template_id", sa.Uuid(), TEMPLATE)
    comment("project_id", sa.Uuid(), None)


def comment(column: str, kind: sa.types.TypeEngine, said: str | None) -> None:
    op.alter_column("trace", column, existing_type=kind, comment=said)
