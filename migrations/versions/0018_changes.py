"""what changed, and the webhooks that it is sent to

Revision ID: changes
Revises: decisions
"""

from alembic import op

revision = "changes"
down_revision = "decisions"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE change (
    id uuid CONSTRAINT pk_change PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL CONSTRAINT fk_change_project_id_project REFERENCES project (id) ON DELETE CASCADE,
    key text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    group_id uuid CONSTRAINT fk_change_group_id_grouping_key REFERENCES grouping_key (id) ON DELETE CASCADE,
    task_id uuid CONSTRAINT fk_change_task_id_task REFERENCES task (id) ON DELETE CASCADE,
    implementation_id uuid CONSTRAINT fk_change_implementation_id_implementation REFERENCES implementation (id) ON DELETE CASCADE,
    details json NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT uq_change_project_id_key UNIQUE (project_id, key)
);
CREATE INDEX ix_change_feed ON change (project_id, at, id);
CREATE INDEX ix_change_group_id ON change (group_id);
CREATE INDEX ix_change_task_id ON change (task_id);
CREATE INDEX ix_change_implementation_id ON change (implementation_id);
COMMENT ON TABLE change IS 'What changed in a project: the feed. What it says of a text is read from the versions';
COMMENT ON COLUMN change.key IS 'what it says, so that it is told once';
COMMENT ON COLUMN change.kind IS 'task.new, version.new ...: app.reading.feed';
COMMENT ON COLUMN change.at IS 'when it happened, by the times of the calls';
COMMENT ON COLUMN change.details IS 'figures, models and places of slots; no text';

CREATE TABLE unmatched_hour (
    group_id uuid NOT NULL CONSTRAINT fk_unmatched_hour_group_id_grouping_key REFERENCES grouping_key (id) ON DELETE CASCADE,
    start timestamptz NOT NULL,
    calls bigint NOT NULL,
    CONSTRAINT pk_unmatched_hour PRIMARY KEY (group_id, start)
);
COMMENT ON TABLE unmatched_hour IS 'Calls of an hour for which a run found no template, as it was soon after the hour';

CREATE TABLE webhook (
    id uuid CONSTRAINT pk_webhook PRIMARY KEY,
    project_id uuid NOT NULL CONSTRAINT fk_webhook_project_id_project REFERENCES project (id) ON DELETE CASCADE,
    url text NOT NULL,
    format text NOT NULL,
    kinds text[],
    include_text boolean NOT NULL DEFAULT false,
    secret text NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ix_webhook_project_id ON webhook (project_id);
COMMENT ON TABLE webhook IS 'Where changes are sent';
COMMENT ON COLUMN webhook.format IS 'json or slack';
COMMENT ON COLUMN webhook.kinds IS 'kinds of changes that are sent; NULL: all';
COMMENT ON COLUMN webhook.include_text IS 'whether texts of prompts are sent';
COMMENT ON COLUMN webhook.secret IS 'key of the signatures; shown once';
COMMENT ON COLUMN webhook.failures IS 'deliveries that failed in a row';
COMMENT ON COLUMN webhook.next_at IS 'nothing is sent before';

CREATE TABLE webhook_delivery (
    id uuid CONSTRAINT pk_webhook_delivery PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id uuid NOT NULL CONSTRAINT fk_webhook_delivery_webhook_id_webhook REFERENCES webhook (id) ON DELETE CASCADE,
    change_id uuid NOT NULL CONSTRAINT fk_webhook_delivery_change_id_change REFERENCES change (id) ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'waiting',
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempted_at timestamptz,
    status integer,
    problem text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT uq_webhook_delivery_webhook_id_change_id UNIQUE (webhook_id, change_id)
);
CREATE INDEX ix_webhook_delivery_change_id ON webhook_delivery (change_id);
CREATE INDEX ix_webhook_delivery_waiting ON webhook_delivery (webhook_id, next_at) WHERE state = 'waiting';
COMMENT ON TABLE webhook_delivery IS 'A change on its way to a webhook, and what became of it';
COMMENT ON COLUMN webhook_delivery.state IS 'waiting, delivered or given up';
COMMENT ON COLUMN webhook_delivery.next_at IS 'the next attempt';
COMMENT ON COLUMN webhook_delivery.attempted_at IS 'the last attempt';
COMMENT ON COLUMN webhook_delivery.status IS 'of the last answer; NULL: there was none';
COMMENT ON COLUMN webhook_delivery.problem IS 'why the last attempt failed, in our words';
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE webhook_delivery, webhook, unmatched_hour, change")
