"""calls that no month was made for move into one while they are read and written

Revision ID: late_calls
Revises: slot_names

While they are copied into the table of their month, a trigger of `trace_later` keeps the copies the same (`app.store.late_calls`).
And a call frees its external id only while that is still its own: a month that is dropped gives them up before its calls.
"""

from alembic import op

revision = "late_calls"
down_revision = "slot_names"
branch_labels = None
depends_on = None

# The arguments are the first id of the month and the first one after it.
COPYING = """
CREATE FUNCTION copy_late_call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM trace_moving WHERE id = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.id >= TG_ARGV[0]::uuid AND NEW.id < TG_ARGV[1]::uuid THEN
    INSERT INTO trace_moving SELECT NEW.*;
  END IF;
  RETURN NULL;
END $$;
"""

FREEING = """
CREATE OR REPLACE FUNCTION free_external_ids() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  DELETE FROM trace_external_id USING gone WHERE gone.external_id IS NOT NULL
   AND trace_external_id.project_id = gone.project_id AND trace_external_id.external_id = gone.external_id{0};
  RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(COPYING)
    op.execute(FREEING.format(" AND trace_external_id.trace_id = gone.id"))


def downgrade() -> None:
    op.execute(FREEING.format(""))
    op.execute("DROP FUNCTION copy_late_call CASCADE")
    op.execute("DROP TABLE IF EXISTS trace_moving")
