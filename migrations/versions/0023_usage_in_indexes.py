"""lists of tasks read usage from indexes alone

Revision ID: usage_in_indexes
Revises: reviews_by_day
"""

import sqlalchemy as sa
from alembic import op

revision = "usage_in_indexes"
down_revision = "reviews_by_day"
branch_labels = None
depends_on = None

TABLE, KEY = "call_usage", ["implementation_id", "span", "start"]
PRIMARY, OF_PROJECT = "pk_call_usage", "ix_call_usage_project"
BILLED = ["calls", "failures", "estimated", "input_tokens", "output_tokens", "cached_tokens"]


def upgrade() -> None:
    _replace(["calls"], ["implementation_id", *BILLED])


def downgrade() -> None:
    _replace([], [])


def _replace(primary: list[str], of_project: list[str]) -> None:
    """Build both indexes beside the old ones, which pages read meanwhile, and take their place."""
    op.execute("LOCK TABLE call_usage IN SHARE ROW EXCLUSIVE MODE")
    op.create_index("new_primary", TABLE, KEY, unique=True, postgresql_include=primary)
    op.create_index("new_of_project", TABLE, ["project_id", "span", "start"], postgresql_include=of_project)
    op.drop_constraint(PRIMARY, TABLE)
    op.execute(sa.text(f"ALTER TABLE {TABLE} ADD CONSTRAINT {PRIMARY} PRIMARY KEY USING INDEX new_primary"))
    op.drop_index(OF_PROJECT, TABLE)
    op.execute(sa.text(f"ALTER INDEX new_of_project RENAME TO {OF_PROJECT}"))
