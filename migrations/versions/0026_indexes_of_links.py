"""links between templates and tasks, and recent changes, are found by indexes

Revision ID: indexes_of_links
Revises: marks_in_order
"""

import sqlalchemy as sa
from alembic import op

revision = "indexes_of_links"
down_revision = "marks_in_order"
branch_labels = None
depends_on = None

LINKS = (("template", "replaced_by"), ("task", "merged_into"), ("task", "production_implementation_id"))
RECENT = "ix_change_created_at"
COMMENTS = (
    ("api_key.scopes", "some of ingest, read, admin", "some of ingest, read, admin, operator"),
    ("heartbeat.name", "worker@host or reconciler@host:pid", "celery@host:pid or reconciler@host:pid"),
)


def upgrade() -> None:
    for table, column in LINKS:
        op.create_index(f"ix_{table}_{column}", table, [column], postgresql_where=sa.text(f"{column} IS NOT NULL"))
    op.create_index(RECENT, "change", ["created_at"])
    for column, _, comment in COMMENTS:
        op.execute(f"COMMENT ON COLUMN {column} IS '{comment}'")


def downgrade() -> None:
    for column, comment, _ in COMMENTS:
        op.execute(f"COMMENT ON COLUMN {column} IS '{comment}'")
    op.drop_index(RECENT, "change")
    for table, column in LINKS:
        op.drop_index(f"ix_{table}_{column}", table)
