"""calls by month: table trace in partitions, external ids in a table of their own

Revision ID: trace_by_month
Revises: call_counts

What was stored in a month goes by dropping its table. A partitioned table has no unique key without its partition key, so
the ids that callers give are unique in a table of their own. The present table becomes the first partition; nothing is copied but
those ids. The table is locked while they are copied, so `web` is stopped; attaching reads it once more, in a fraction of that time.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "trace_by_month"
down_revision = "call_counts"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_trace_project": "(project_id, id)",
    "ix_trace_group": "(group_id, id)",
    "ix_trace_implementation": "(implementation_id, seen_at)",
    "ix_trace_template": "(template_id, id) WHERE template_id IS NOT NULL",
    "ix_trace_owed": "(group_id, id) WHERE implementation_id IS NULL AND considered_run_id IS NULL"
    " AND prompt_parts IS NOT NULL",
    "ix_trace_residue": "(group_id, id) WHERE implementation_id IS NULL AND considered_run_id IS NOT NULL"
    " AND prompt_parts IS NOT NULL",
    "ix_trace_conversation": "(project_id, md5(conversation_id), id) WHERE conversation_id IS NOT NULL",
    "ix_trace_user": "(project_id, md5(user_id), id) WHERE user_id IS NOT NULL",
    "ix_trace_ungrouped": "(project_id, id) WHERE implementation_id IS NULL",
}

KEYS = """
ALTER TABLE trace ADD CONSTRAINT pk_trace PRIMARY KEY (id);
ALTER TABLE trace ADD CONSTRAINT fk_trace_group_id FOREIGN KEY (group_id) REFERENCES grouping_key (id) ON DELETE CASCADE;
ALTER TABLE trace ADD CONSTRAINT fk_trace_implementation_id FOREIGN KEY (implementation_id) REFERENCES implementation (id)
  ON DELETE SET NULL;
ALTER TABLE trace ADD CONSTRAINT fk_trace_template_id FOREIGN KEY (template_id) REFERENCES template (id);
"""

COUNTING = """
CREATE TRIGGER count_new_calls AFTER INSERT ON trace REFERENCING NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_new_calls();
CREATE TRIGGER count_gone_calls AFTER DELETE ON trace REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION count_gone_calls();
CREATE TRIGGER count_moved_call AFTER UPDATE OF implementation_id ON trace FOR EACH ROW
  WHEN (OLD.implementation_id IS DISTINCT FROM NEW.implementation_id) EXECUTE FUNCTION count_moved_call();
"""

# Calls go in many ways (one by one, with their group, with their project); this frees their external ids in all of them.
FREEING = """
CREATE FUNCTION free_external_ids() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  DELETE FROM trace_external_id USING gone WHERE gone.external_id IS NOT NULL
   AND trace_external_id.project_id = gone.project_id AND trace_external_id.external_id = gone.external_id;
  RETURN NULL;
END $$;
CREATE TRIGGER free_external_ids AFTER DELETE ON trace REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION free_external_ids();
"""


def upgrade() -> None:
    first = _month_after(datetime.now(UTC) + timedelta(days=2))
    second = _month_after(first)
    op.execute("LOCK TABLE trace IN ACCESS EXCLUSIVE MODE")
    op.create_table(
        "trace_external_id",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "external_id", name="pk_trace_external_id"),
        comment="Whose call has the id that its caller gave; written with the call, freed by a trigger of trace",
    )
    op.execute(
        "INSERT INTO trace_external_id SELECT project_id, external_id, id FROM trace WHERE external_id IS NOT NULL"
    )
    old = _name(first)
    for name in ("count_new_calls", "count_gone_calls", "count_moved_call"):
        op.execute(f"DROP TRIGGER {name} ON trace")
    op.execute("ALTER TABLE trace DROP CONSTRAINT uq_trace_project_id_external_id")
    op.execute(f"ALTER TABLE trace RENAME TO {old}")
    for name in ("pk_trace", *INDEXES):
        op.execute(f"ALTER INDEX {name} RENAME TO {name.replace('trace', old)}")
    op.execute(f"CREATE TABLE trace (LIKE {old} INCLUDING DEFAULTS INCLUDING COMMENTS) PARTITION BY RANGE (id)")
    op.execute(KEYS)
    for name, what in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON trace {what}")
    op.execute(f"ALTER TABLE trace ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{_first_id(first)}')")
    op.execute(
        f"CREATE TABLE {_name(second)} PARTITION OF trace"
        f" FOR VALUES FROM ('{_first_id(first)}') TO ('{_first_id(second)}')"
    )
    op.execute("CREATE TABLE trace_later PARTITION OF trace DEFAULT")
    op.execute(COUNTING)
    op.execute(FREEING)


def downgrade() -> None:
    op.execute("LOCK TABLE trace IN ACCESS EXCLUSIVE MODE")
    op.execute("CREATE TABLE whole (LIKE trace INCLUDING DEFAULTS INCLUDING COMMENTS)")
    op.execute("INSERT INTO whole SELECT * FROM trace")
    op.execute("DROP TABLE trace")
    op.execute("DROP FUNCTION free_external_ids")
    op.drop_table("trace_external_id")
    op.execute("ALTER TABLE whole RENAME TO trace")
    op.execute(KEYS)
    op.create_unique_constraint("uq_trace_project_id_external_id", "trace", ["project_id", "external_id"])
    for name, what in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON trace {what}")
    op.execute(COUNTING)


def _month_after(moment: datetime) -> datetime:
    return (moment.replace(day=28) + timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _name(until: datetime) -> str:
    """Of the partition of what was stored before this month, and not before the one before."""
    return f"trace_before_{until:%Y_%m}"


def _first_id(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)
