"""how many calls a version has, counted as they come and go

Revision ID: call_counts
Revises: privacy

A list of tasks shows the calls of each: to count a million entries of an index took it a tenth of a second.
"""

import sqlalchemy as sa
from alembic import op

revision = "call_counts"
down_revision = "privacy"
branch_labels = None
depends_on = None

# Rows are only added here, so that two transactions never wait for each other; the reconciler makes one of many.
FUNCTIONS = """
CREATE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls)
  SELECT implementation_id, count(*) FROM came WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  RETURN NULL;
END $$;

CREATE FUNCTION count_gone_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls)
  SELECT implementation_id, -count(*) FROM gone WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  RETURN NULL;
END $$;

CREATE FUNCTION count_moved_call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls)
  SELECT * FROM (VALUES (OLD.implementation_id, -1), (NEW.implementation_id, 1)) AS moved (id, calls) WHERE id IS NOT NULL;
  RETURN NULL;
END $$;

CREATE TRIGGER count_new_calls AFTER INSERT ON trace REFERENCING NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_new_calls();
CREATE TRIGGER count_gone_calls AFTER DELETE ON trace REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION count_gone_calls();
CREATE TRIGGER count_moved_call AFTER UPDATE OF implementation_id ON trace FOR EACH ROW
  WHEN (OLD.implementation_id IS DISTINCT FROM NEW.implementation_id) EXECUTE FUNCTION count_moved_call();
"""


def upgrade() -> None:
    op.create_table(
        "call_count",
        sa.Column("implementation_id", sa.Uuid(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        comment="Calls of a version: the sum of its rows, which triggers of trace add and the reconciler makes one of",
    )
    op.create_index("ix_call_count_implementation_id", "call_count", ["implementation_id"])
    op.execute("LOCK TABLE trace IN SHARE ROW EXCLUSIVE MODE")
    op.execute(FUNCTIONS)
    op.execute(
        "INSERT INTO call_count SELECT implementation_id, count(*) FROM trace"
        " WHERE implementation_id IS NOT NULL GROUP BY implementation_id"
    )


def downgrade() -> None:
    for name in ("count_new_calls", "count_gone_calls", "count_moved_call"):
        op.execute(f"DROP TRIGGER {name} ON trace")
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("call_count")
