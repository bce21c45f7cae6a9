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

# The samples of before. PostgreSQL 18 lets the owner of a table remove them, an older server only a superuser.
REMOVE_SAMPLES = """
DO $$
DECLARE sample record;
BEGIN
    FOR sample IN SELECT schemaname, tablename, attname, inherited FROM pg_stats
                   WHERE schemaname = current_schema() AND tablename = 'recent_answer'
                     AND attname IN ('answer', 'texts', 'span', 'scope')
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
    for column in COLUMNS:
        op.execute(f"ALTER TABLE recent_answer ALTER COLUMN {column} SET STATISTICS {target}")
