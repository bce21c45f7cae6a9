"""what calls used, per version and hour, and prices that people set

Revision ID: usage
Revises: merge_and_split

Triggers of `trace` note which hours of which versions changed (`usage_mark`); the reconciler brings `call_usage` up to date from
the calls themselves. Every hour that has calls is marked here, so the reconciler adds up what is stored already.
"""

import sqlalchemy as sa
from alembic import op

revision = "usage"
down_revision = "merge_and_split"
branch_labels = None
depends_on = None

# A number that a caller states is believed up to nine digits: no model takes a thousand million tokens, and sums stay in 64 bits.
STATED = """
CREATE FUNCTION token_count(stated text) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN stated ~ '^[0-9]{1,9}$' THEN stated::bigint END
$$;
CREATE FUNCTION full_hour(moment timestamptz) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS $$
  SELECT date_trunc('hour', moment, 'UTC')
$$;
"""

# Calls that came say which they are, and are added; where some went, the hour is added up anew.
MARKING = """
CREATE OR REPLACE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
  SELECT implementation_id, count(*), min(seen_at), max(seen_at) FROM came
   WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  INSERT INTO usage_mark (implementation_id, hour, came)
  SELECT implementation_id, full_hour(seen_at), array_agg(id) FROM came WHERE implementation_id IS NOT NULL GROUP BY 1, 2;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_gone_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls)
  SELECT implementation_id, -count(*) FROM gone WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  INSERT INTO usage_mark (implementation_id, hour)
  SELECT DISTINCT implementation_id, full_hour(seen_at) FROM gone WHERE implementation_id IS NOT NULL;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_moved_call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
  SELECT * FROM (VALUES (OLD.implementation_id, -1, NULL, NULL), (NEW.implementation_id, 1, NEW.seen_at, NEW.seen_at))
    AS moved (id, calls, first_seen, last_seen) WHERE id IS NOT NULL;
  INSERT INTO usage_mark (implementation_id, hour, came)
  SELECT * FROM (VALUES (OLD.implementation_id, full_hour(OLD.seen_at), NULL),
                        (NEW.implementation_id, full_hour(NEW.seen_at), ARRAY[NEW.id]))
    AS moved (id, hour, came) WHERE id IS NOT NULL;
  RETURN NULL;
END $$;

CREATE FUNCTION mark_changed_call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO usage_mark (implementation_id, hour)
  VALUES (NEW.implementation_id, full_hour(OLD.seen_at)), (NEW.implementation_id, full_hour(NEW.seen_at));
  RETURN NULL;
END $$;
CREATE TRIGGER mark_changed_call
  AFTER UPDATE OF seen_at, started_at, completed_at, usage, error, input, output, tools ON trace FOR EACH ROW
  WHEN (NEW.implementation_id IS NOT NULL AND OLD.implementation_id IS NOT DISTINCT FROM NEW.implementation_id)
  EXECUTE FUNCTION mark_changed_call();
"""

MARKING_BEFORE = """
CREATE OR REPLACE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
  SELECT implementation_id, count(*), min(seen_at), max(seen_at) FROM came
   WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_gone_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls)
  SELECT implementation_id, -count(*) FROM gone WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_moved_call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
  SELECT * FROM (VALUES (OLD.implementation_id, -1, NULL, NULL), (NEW.implementation_id, 1, NEW.seen_at, NEW.seen_at))
    AS moved (id, calls, first_seen, last_seen) WHERE id IS NOT NULL;
  RETURN NULL;
END $$;
"""

SUMS = (
    "calls",
    "failures",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "answered",
    "output_characters",
    "timed",
)


def upgrade() -> None:
    op.execute(STATED)
    op.create_table(
        "usage_mark",
        sa.Column("implementation_id", sa.Uuid(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "came", sa.ARRAY(sa.Uuid()), comment="calls that came; NULL: some went or changed, so add all up anew"
        ),
        comment="Hours of versions whose calls changed since the reconciler last added them up",
    )
    op.create_table(
        "call_usage",
        sa.Column("implementation_id", sa.Uuid(), nullable=False),
        sa.Column("span", sa.Text(), nullable=False, comment="hour or day, in UTC"),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        sa.Column("fastest_ms", sa.Integer(), comment="NULL where no call says how long it took"),
        sa.Column("slowest_ms", sa.Integer()),
        sa.Column(
            "latency",
            sa.ARRAY(sa.BigInteger()),
            nullable=False,
            comment="calls by how long they took: app.store.call_facts",
        ),
        sa.PrimaryKeyConstraint("implementation_id", "span", "start", name="pk_call_usage"),
        comment="What the calls of a version used in an hour or a day: what a query over the calls says",
    )
    op.create_index("ix_call_usage_project", "call_usage", ["project_id", "span", "start"])
    op.create_table(
        "price",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Double(), nullable=name == "cached", comment="dollars for a million tokens")
            for name in ("input", "output", "cached")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE", name="fk_price_project_id"),
        sa.PrimaryKeyConstraint("project_id", "model", name="pk_price"),
        comment="Prices that people set, in place of the published ones",
    )
    op.execute("LOCK TABLE trace IN SHARE ROW EXCLUSIVE MODE")
    op.execute(MARKING)
    op.execute(
        "INSERT INTO usage_mark (implementation_id, hour)"
        " SELECT DISTINCT implementation_id, full_hour(seen_at) FROM trace WHERE implementation_id IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER mark_changed_call ON trace")
    op.execute("DROP FUNCTION mark_changed_call")
    op.execute(MARKING_BEFORE)
    for name in ("price", "call_usage", "usage_mark"):
        op.drop_table(name)
    op.execute("DROP FUNCTION token_count")
    op.execute("DROP FUNCTION full_hour")
