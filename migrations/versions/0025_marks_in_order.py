"""marks are taken in the order of their versions and hours

Revision ID: marks_in_order
Revises: marks_and_counts
"""

from alembic import op

revision = "marks_in_order"
down_revision = "marks_and_counts"
branch_labels = None
depends_on = None

NAME, TABLE = "ix_usage_mark_hour", "usage_mark"


def upgrade() -> None:
    op.create_index(NAME, TABLE, ["implementation_id", "hour"])


def downgrade() -> None:
    op.drop_index(NAME, TABLE)
