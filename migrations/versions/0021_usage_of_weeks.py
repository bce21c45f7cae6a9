"""usage is kept per week too, which pages over months read

Revision ID: usage_of_weeks
Revises: changes
"""

from alembic import op

revision = "usage_of_weeks"
down_revision = "changes"
branch_labels = None
depends_on = None

SPAN, TABLE = (
    "hour or day, in UTC",
    "What the calls of a version used in an hour or a day: what a query over the calls says",
)
SPAN_NOW = "hour, day or week, in UTC; a week begins on Monday"
TABLE_NOW = "What the calls of a version used in an hour, a day or a week: what a query over the calls says"

# Weeks are what their days are; days that change later bring their weeks up to date.
WEEKS = """
INSERT INTO call_usage (implementation_id, span, start, project_id, calls, failures, estimated, input_tokens, output_tokens, cached_tokens,
                        reasoning_tokens, answered, output_characters, timed, fastest_ms, slowest_ms, latency)
SELECT implementation_id, 'week', date_trunc('week', start, 'UTC'), (array_agg(project_id))[1], sum(calls), sum(failures), sum(estimated),
       sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(reasoning_tokens), sum(answered), sum(output_characters), sum(timed),
       min(fastest_ms), max(slowest_ms), ARRAY[{buckets}]
  FROM call_usage WHERE span = 'day' GROUP BY 1, 3
"""


def upgrade() -> None:
    op.execute("LOCK TABLE call_usage IN SHARE ROW EXCLUSIVE MODE")
    op.execute(WEEKS.format(buckets=", ".join(f"sum(latency[{place}])::bigint" for place in range(1, 29))))
    _comment(TABLE_NOW, SPAN_NOW)


def downgrade() -> None:
    op.execute("DELETE FROM call_usage WHERE span = 'week'")
    _comment(TABLE, SPAN)


def _comment(table: str, span: str) -> None:
    op.execute(f"COMMENT ON TABLE call_usage IS '{table}'")
    op.execute(f"COMMENT ON COLUMN call_usage.span IS '{span}'")
