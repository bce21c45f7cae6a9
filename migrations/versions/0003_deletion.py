"""deletion by user and conversation, and no value of a call in PostgreSQL's own statistics

Revision ID: deletion
Revises: refused_messages
"""

import sqlalchemy as sa
from alembic import op

revision = "deletion"
down_revision = "refused_messages"
branch_labels = None
depends_on = None

# ANALYZE copies frequent values into pg_statistic, where a deletion does not reach them. No query needs these.
UNSAMPLED = {
    "trace": ("external_id", "model", "prompt_parts", "conversation_id", "user_id", "variables"),
    "template": ("slots",),
    "task": ("name", "description"),
    "implementation": ("model",),
    "grouping_key": ("path",),
}


def upgrade() -> None:
    for column in ("conversation", "user"):
        op.create_index(
            f"ix_trace_{column}",
            "trace",
            ["project_id", sa.text(f"md5({column}_id)"), "id"],
            postgresql_where=sa.text(f"{column}_id IS NOT NULL"),
        )
    _sample(0)


def downgrade() -> None:
    _sample(-1)
    for column in ("conversation", "user"):
        op.drop_index(f"ix_trace_{column}", table_name="trace")


def _sample(target: int) -> None:
    for table, columns in UNSAMPLED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {target}")
