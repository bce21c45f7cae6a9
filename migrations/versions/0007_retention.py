"""how long a project keeps its calls, and what versions show of calls that are gone

Revision ID: retention
Revises: texts_once
"""

import sqlalchemy as sa
from alembic import op

revision = "retention"
down_revision = "texts_once"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "project",
        sa.Column("retention_days", sa.Integer(), nullable=True, comment="NULL: as the setting says; 0: for ever"),
    )
    op.create_table(
        "expired_calls",
        sa.Column("implementation_id", sa.Uuid(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["implementation_id"],
            ["implementation.id"],
            name=op.f("fk_expired_calls_implementation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("implementation_id", name=op.f("pk_expired_calls")),
        comment="Calls of a version that retention has removed: their number and times, nothing of their text",
    )


def downgrade() -> None:
    op.drop_table("expired_calls")
    op.drop_column("project", "retention_days")
