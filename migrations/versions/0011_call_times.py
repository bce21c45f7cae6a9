"""when the calls of a version were, kept beside their number

Revision ID: call_times
Revises: trace_by_month

A list of tasks shows the first and the last call of each. To look for them in every partition of table trace took it the longer
the more months there were, most of it for planning.
"""

import sqlalchemy as sa
from alembic import op

revision = "call_times"
down_revision = "trace_by_month"
branch_labels = None
depends_on = None

# A row without times means that one looks at the calls: where some went, nobody knows which are now the first and the last.
COUNTING = """
CREATE OR REPLACE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
  SELECT implementation_id, count(*), min(seen_at), max(seen_at) FROM came
   WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_moved_call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
  SELECT * FROM (VALUES (OLD.implementation_id, -1, NULL, NULL), (NEW.implementation_id, 1, NEW.seen_at, NEW.seen_at))
    AS moved (id, calls, first_seen, last_seen) WHERE id IS NOT NULL;
  RETURN NULL;
END $$;
"""

# Planned once in a session rather than with every query that may need them, which would plan over all partitions each time.
LOOKING = """
CREATE FUNCTION {0}(version uuid) RETURNS timestamptz STABLE LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
AS $$ BEGIN
  RETURN (SELECT seen_at FROM trace WHERE implementation_id = version ORDER BY seen_at {1} LIMIT 1);
END $$;
"""

COUNTING_BEFORE = """
CREATE OR REPLACE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls)
  SELECT implementation_id, count(*) FROM came WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_moved_call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls)
  SELECT * FROM (VALUES (OLD.implementation_id, -1), (NEW.implementation_id, 1)) AS moved (id, calls) WHERE id IS NOT NULL;
  RETURN NULL;
END $$;
"""


def upgrade() -> None:
    for name in ("first_seen", "last_seen"):
        op.add_column("call_count", sa.Column(name, sa.DateTime(timezone=True)))
    op.execute(LOOKING.format("first_call", ""))
    op.execute(LOOKING.format("last_call", "DESC"))
    op.execute(COUNTING)


def downgrade() -> None:
    op.execute(COUNTING_BEFORE)
    for name in ("first_call", "last_call"):
        op.execute(f"DROP FUNCTION {name}")
    for name in ("first_seen", "last_seen"):
        op.drop_column("call_count", name)
