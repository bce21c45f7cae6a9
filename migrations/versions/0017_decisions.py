"""what people decided, with what it takes to undo it; marks by which similar templates are found

Revision ID: decisions
Revises: taking
"""

import sqlalchemy as sa
from alembic import op

revision = "decisions"
down_revision = "taking"
branch_labels = None
depends_on = None

_NOW = sa.func.clock_timestamp()


def upgrade() -> None:
    op.create_table(
        "decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="rename, describe, schema, production, slots, merge or split"
        ),
        sa.Column(
            "task_id",
            sa.Uuid(),
            nullable=False,
            comment="what it is about; of a merge the task that went on in another, of a split the task that was split",
        ),
        sa.Column("other_task_id", sa.Uuid(), comment="of a merge the task that took over, of a split the new task"),
        sa.Column("template_id", sa.Uuid(), comment="of slots and of a split the template"),
        sa.Column("before", sa.JSON(), nullable=False, comment="what was, for people and for undo"),
        sa.Column("after", sa.JSON(), nullable=False, comment="what became of it; undone only while it is still so"),
        sa.Column(
            "moved",
            sa.JSON(),
            nullable=False,
            server_default="{}",
            comment="of a merge and a split: what goes back, by id",
        ),
        sa.Column("actor", sa.Text(), nullable=False, comment="key, page or command"),
        sa.Column("key_id", sa.Uuid()),
        sa.Column("key_last4", sa.Text(), nullable=False, server_default=""),
        sa.Column("undone_at", sa.DateTime(timezone=True), comment="when it was taken back; NULL: it stands"),
        sa.Column("undone_actor", sa.Text()),
        sa.Column("undone_key_id", sa.Uuid()),
        sa.Column("undone_key_last4", sa.Text(), nullable=False, server_default=""),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_decision_{column}_{table}", ondelete="CASCADE")
            for column, table in (
                ("project_id", "project"),
                ("task_id", "task"),
                ("other_task_id", "task"),
                ("template_id", "template"),
            )
        ),
        comment="What people decided about tasks, with what it takes to undo it",
    )
    op.create_index("ix_decision_project", "decision", ["project_id", "id"])
    for column in ("task_id", "other_task_id", "template_id"):
        op.create_index(f"ix_decision_{column}", "decision", [column])
    op.add_column(
        "template",
        sa.Column(
            "marks",
            sa.ARRAY(sa.BigInteger()),
            comment="hashes of stretches of its fixed text, by which similar templates of its project are found; NULL: to be made",
        ),
    )
    op.create_index("ix_template_marks", "template", ["marks"], postgresql_using="gin")
    op.create_index("ix_template_unmarked", "template", ["id"], postgresql_where=sa.text("marks IS NULL"))


def downgrade() -> None:
    op.drop_index("ix_template_unmarked", "template")
    op.drop_index("ix_template_marks", "template")
    op.drop_column("template", "marks")
    op.drop_table("decision")
