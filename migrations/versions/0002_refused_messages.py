"""refused messages

Revision ID: refused_messages
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "refused_messages"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refused_message",
        sa.Column("reason", sa.Text(), nullable=False, comment="malformed or unknown"),
        sa.Column("value", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("reason", name=op.f("pk_refused_message")),
        comment="Messages that no worker could make anything of, counted: they belong to no group",
    )


def downgrade() -> None:
    op.drop_table("refused_message")
