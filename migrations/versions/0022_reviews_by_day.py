"""a template is reviewed each day that brings it calls, too

Revision ID: reviews_by_day
Revises: moving
"""

import sqlalchemy as sa
from alembic import op

revision = "reviews_by_day"
down_revision = "moving"
branch_labels = None
depends_on = None


def upgrade() -> None:
    reviewed_until = sa.Column(
        "reviewed_until",
        sa.DateTime(timezone=True),
        comment="its newest call when a review looked at it last; NULL: none did",
    )
    op.add_column("template", reviewed_until)


def downgrade() -> None:
    op.drop_column("template", "reviewed_until")
