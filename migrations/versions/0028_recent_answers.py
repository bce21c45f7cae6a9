"""the answers of the last minutes are in PostgreSQL

Revision ID: recent_answers
Revises: unsampled_texts
"""

import sqlalchemy as sa
from alembic import op

revision = "recent_answers"
down_revision = "unsampled_texts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recent_answer",
        sa.Column(
            "answer", sa.BigInteger, primary_key=True, autoincrement=False, comment="digest of its id and project"
        ),
        sa.Column("texts", sa.BigInteger, primary_key=True, autoincrement=False, comment="digest of all texts sent"),
        sa.Column("span", sa.BigInteger, nullable=False, comment="id of the span that told it"),
        sa.Column("scope", sa.BigInteger, nullable=False, comment="digest of the instrumentation of that span"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        prefixes=["UNLOGGED"],
        comment="Answers of the last minutes, by the ids of their providers: app.store.recent_answers",
    )


def downgrade() -> None:
    op.drop_table("recent_answer")
