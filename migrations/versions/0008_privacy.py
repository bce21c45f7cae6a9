"""privacy: what a project does not want stored

Revision ID: privacy
Revises: retention
"""

import sqlalchemy as sa
from alembic import op

revision = "privacy"
down_revision = "retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "project",
        sa.Column(
            "privacy",
            sa.JSON(),
            server_default="{}",
            nullable=False,
            comment="what is not stored: see app.intake.privacy",
        ),
    )
    op.add_column(
        "project",
        sa.Column(
            "secret",
            sa.Text(),
            server_default=sa.text("replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')"),
            nullable=False,
            comment="key of the marks that stand for values of this project",
        ),
    )


def downgrade() -> None:
    op.drop_column("project", "secret")
    op.drop_column("project", "privacy")
