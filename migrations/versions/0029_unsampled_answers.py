"""PostgreSQL's statistics hold no number of an answer

Revision ID: unsampled_answers
Revises: recent_answers
"""

from alembic import op

revision = "unsampled_answers"
down_revision = "recent_answers"
branch_labels = None
depends_on = None

COLUMNS = ("answer", "texts", "span", "scope")


def upgrade() -> None:
    """The type stays as it is, so no row is written: PostgreSQL removes the samples of a column whose type is set, whoever owns the table."""
    changes = (f"ALTER COLUMN {column} TYPE bigint, ALTER COLUMN {column} SET STATISTICS 0" for column in COLUMNS)
    op.execute(f"ALTER TABLE recent_answer {', '.join(changes)}")


def downgrade() -> None:
    changes = (f"ALTER COLUMN {column} SET STATISTICS -1" for column in COLUMNS)
    op.execute(f"ALTER TABLE recent_answer {', '.join(changes)}")
