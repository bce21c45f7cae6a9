"""what a sign of life says of the messages that are taken

Revision ID: taking
Revises: usage
"""

import sqlalchemy as sa
from alembic import op

revision = "taking"
down_revision = "usage"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column(
            "in_hand", sa.Integer(), nullable=False, server_default="0", comment="a worker: messages that it works on"
        ),
        sa.Column(
            "taken", sa.BigInteger(), comment="a worker: messages that it took since it began; NULL: it does not say"
        ),
        sa.Column(
            "stalled_since",
            sa.DateTime(timezone=True),
            comment="a reconciler: since when messages wait and no worker takes one",
        ),
    ):
        op.add_column("heartbeat", column)


def downgrade() -> None:
    for name in ("stalled_since", "taken", "in_hand"):
        op.drop_column("heartbeat", name)
