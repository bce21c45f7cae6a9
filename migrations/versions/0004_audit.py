"""the audit log

Revision ID: audit
Revises: emptied_versions
"""

import sqlalchemy as sa
from alembic import op

revision = "audit"
down_revision = "emptied_versions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), comment="kept when the project is deleted"),
        sa.Column("actor", sa.Text(), nullable=False, comment="key, page or command"),
        sa.Column("key_id", sa.Uuid()),
        sa.Column("key_last4", sa.Text(), nullable=False, server_default=""),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), comment="id of what it was done to"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="begun, done, refused or failed"),
        sa.Column("details", sa.JSON(), nullable=False, comment="ids, counts, times, names of fields"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        comment="Who did what and when; no text or value of a call",
    )
    op.create_index("ix_audit_entry_project", "audit_entry", ["project_id", "id"])


def downgrade() -> None:
    op.drop_table("audit_entry")
