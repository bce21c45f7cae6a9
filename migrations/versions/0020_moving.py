"""projects that move to another database

Revision ID: moving
Revises: usage_of_weeks

The two functions do nothing until a project moves: only then triggers call them (`app.store.moves`).
"""

import sqlalchemy as sa
from alembic import op

revision = "moving"
down_revision = "usage_of_weeks"
branch_labels = None
depends_on = None

# A writer holds the shared lock before it reads the state, so whoever changes the state and then takes the lock alone has waited for
# every writer that saw the state of before.
STAGE = """
CREATE FUNCTION moving_stage(owner uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  stage text;
BEGIN
  IF NOT EXISTS (SELECT FROM project_move WHERE project_id = owner) THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(owner::text, 0));
  SELECT state INTO stage FROM project_move WHERE project_id = owner;
  IF stage IN ('switching', 'moved') AND current_setting('promptlode.mover', true) IS DISTINCT FROM owner::text THEN
    RAISE EXCEPTION 'the project moves to another database' USING ERRCODE = 'PL001';
  END IF;
  RETURN stage;
END $$;
"""

CALLS = """
CREATE FUNCTION watch_moving_call() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  call record;
BEGIN
  IF TG_OP = 'DELETE' THEN call := OLD; ELSE call := NEW; END IF;
  IF moving_stage(call.project_id) = 'copying' THEN
    INSERT INTO project_move_call (project_id, call_id) VALUES (call.project_id, call.id);
  END IF;
  RETURN NULL;
END $$;
"""

# The argument is a query for the project of a row, $1.
ROWS = """
CREATE FUNCTION watch_moving_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  owner uuid;
BEGIN
  IF TG_OP = 'DELETE' THEN EXECUTE TG_ARGV[0] INTO owner USING OLD; ELSE EXECUTE TG_ARGV[0] INTO owner USING NEW; END IF;
  PERFORM moving_stage(owner);
  RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.create_table(
        "project_move",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="where it leaves: copying, switching or moved; where it comes: arriving or arrived",
        ),
        sa.Column("peer", sa.Text(), nullable=False, comment="the other database or the file, without a password"),
        sa.Column("copied", sa.JSON(), nullable=False, server_default="{}", comment="how far the copy is"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("project_id", name="pk_project_move"),
        comment="Projects that move to another database, or came from one or from a file",
    )
    op.create_table(
        "project_move_call",
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_project_move_call"),
        comment="Calls that came, changed or went while their project is copied",
    )
    op.create_index("ix_project_move_call_project", "project_move_call", ["project_id", "seq"])
    for function in (STAGE, CALLS, ROWS):
        op.execute(function)


def downgrade() -> None:
    for function in ("watch_moving_row()", "watch_moving_call()", "moving_stage(uuid)"):
        op.execute(f"DROP FUNCTION {function} CASCADE")
    for name in ("project_move_call", "project_move"):
        op.drop_table(name)
