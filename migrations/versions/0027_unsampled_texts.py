"""ANALYZE samples no text of a call in any month, and no external id

Since calls are stored by month, only the first month had the setting of migration `deletion`: PostgreSQL copies it to no new table.

Revision ID: unsampled_texts
Revises: indexes_of_links
"""

from alembic import op

revision = "unsampled_texts"
down_revision = "indexes_of_links"
branch_labels = None
depends_on = None

UNSAMPLED = {
    "trace": ("external_id", "model", "prompt_parts", "conversation_id", "user_id", "variables"),
    "trace_external_id": ("external_id",),
}

# The samples of before. PostgreSQL 18 lets the owner of a table remove them, an older server only a superuser.
REMOVE_SAMPLES = """
DO $$
DECLARE sample record;
BEGIN
    FOR sample IN SELECT schemaname, tablename, attname, inherited FROM pg_stats
                   WHERE schemaname = current_schema() AND tablename ~ '^trace'
                     AND attname IN ('external_id', 'model', 'prompt_parts', 'conversation_id', 'user_id', 'variables')
    LOOP
        IF current_setting('server_version_num')::integer >= 180000 THEN
            PERFORM pg_clear_attribute_stats(sample.schemaname, sample.tablename, sample.attname, sample.inherited);
        ELSIF current_setting('is_superuser')::boolean THEN
            DELETE FROM pg_statistic USING pg_attribute
             WHERE starelid = attrelid AND staattnum = attnum AND attname = sample.attname
               AND starelid = format('%I.%I', sample.schemaname, sample.tablename)::regclass;
        END IF;
    END LOOP;
END $$
"""


def upgrade() -> None:
    _sample(0)
    op.execute(REMOVE_SAMPLES)


def downgrade() -> None:
    _sample(-1)


def _sample(target: int) -> None:
    for table, columns in UNSAMPLED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {target}")
