"""new calls are counted and marked in one statement

Revision ID: marks_and_counts
Revises: usage_in_indexes
"""

from alembic import op

revision = "marks_and_counts"
down_revision = "usage_in_indexes"
branch_labels = None
depends_on = None

TOGETHER = """
CREATE OR REPLACE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  WITH hours AS (
    SELECT implementation_id, full_hour(seen_at) AS hour, array_agg(id) AS ids, count(*) AS calls, min(seen_at) AS first, max(seen_at) AS last
      FROM came WHERE implementation_id IS NOT NULL GROUP BY 1, 2),
  counted AS (
    INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
    SELECT implementation_id, sum(calls), min(first), max(last) FROM hours GROUP BY 1)
  INSERT INTO usage_mark (implementation_id, hour, came) SELECT implementation_id, hour, ids FROM hours;
  RETURN NULL;
END $$;
"""

APART = """
CREATE OR REPLACE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
  SELECT implementation_id, count(*), min(seen_at), max(seen_at) FROM came
   WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  INSERT INTO usage_mark (implementation_id, hour, came)
  SELECT implementation_id, full_hour(seen_at), array_agg(id) FROM came WHERE implementation_id IS NOT NULL GROUP BY 1, 2;
  RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(TOGETHER)


def downgrade() -> None:
    op.execute(APART)
