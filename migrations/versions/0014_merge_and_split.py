"""tasks that a person merged or split

Revision ID: merge_and_split
Revises: late_calls
"""

import sqlalchemy as sa
from alembic import op

revision = "merge_and_split"
down_revision = "late_calls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "template",
        sa.Column(
            "line_id", sa.Uuid(), comment="the task that it was of when a person merged that; NULL: its own task"
        ),
    )
    op.add_column(
        "task",
        sa.Column(
            "apart_from",
            sa.ARRAY(sa.Uuid()),
            nullable=False,
            server_default="{}",
            comment="tasks that a person split it from: no run brings them together",
        ),
    )


def downgrade() -> None:
    op.drop_column("task", "apart_from")
    op.drop_column("template", "line_id")
