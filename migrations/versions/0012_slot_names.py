"""which slots of a template a person named

Revision ID: slot_names
Revises: call_times
"""

import sqlalchemy as sa
from alembic import op

revision = "slot_names"
down_revision = "call_times"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "template",
        sa.Column(
            "named_places",
            sa.ARRAY(sa.Integer()),
            nullable=False,
            server_default="{}",
            comment="places whose names a person gave",
        ),
    )


def downgrade() -> None:
    op.drop_column("template", "named_places")
