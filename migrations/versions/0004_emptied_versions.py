"""versions whose calls all turned out to be of others

Revision ID: emptied_versions
Revises: deletion
"""

import sqlalchemy as sa
from alembic import op

revision = "emptied_versions"
down_revision = "deletion"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "implementation",
        sa.Column(
            "emptied_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="a run found that all its calls are of other versions",
        ),
    )


def downgrade() -> None:
    op.drop_column("implementation", "emptied_at")
