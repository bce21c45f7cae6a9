"""first schema

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.Text(), nullable=False, comment="worker@host or reconciler@host:pid"),
        sa.Column("kind", sa.Text(), nullable=False, comment="worker or reconciler"),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("last_seen", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the key, hexadecimal"),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False, comment="some of ingest, read, admin"),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_api_key_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_key_hash")),
    )
    op.create_index(op.f("ix_api_key_project_id"), "api_key", ["project_id"], unique=False)
    op.create_table(
        "grouping_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column(
            "fence", sa.BigInteger(), server_default="0", nullable=False, comment="raised by every run when it opens"
        ),
        sa.Column(
            "templates_version",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="raised when templates change",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="runs opened since the last that committed",
        ),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True, comment="a failed group waits until then"),
        sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "wanted", sa.Text(), nullable=True, comment="what was asked for besides owed traces: residue, review or all"
        ),
        sa.Column(
            "wanted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when; tells a request made during a run from the one it serves",
        ),
        sa.Column(
            "residue_run_owed",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="owed traces considered since the residue was last mined",
        ),
        sa.Column(
            "rematch_after",
            sa.Uuid(),
            nullable=True,
            comment="ungrouped traces above this id are still to be matched; NULL: all are",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_grouping_key_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grouping_key")),
        sa.UniqueConstraint("project_id", "path", name=op.f("uq_grouping_key_project_id_path")),
        comment="A group: the calls of one path of one project",
    )
    op.create_index(
        "ix_grouping_key_wanted",
        "grouping_key",
        ["wanted_at"],
        unique=False,
        postgresql_where=sa.text("wanted IS NOT NULL"),
    )
    op.create_table(
        "grouping_counter",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="requests, coalesced, messages, runs, busy ..."),
        sa.Column("value", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "born", sa.BigInteger(), server_default="0", nullable=False, comment="which life of the counter in Redis"
        ),
        sa.Column(
            "seen", sa.BigInteger(), server_default="0", nullable=False, comment="how much of that life is in value"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["grouping_key.id"], name=op.f("fk_grouping_counter_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "name", name=op.f("pk_grouping_counter")),
    )
    op.create_table(
        "grouping_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "outcome",
            sa.Text(),
            server_default="running",
            nullable=False,
            comment="running, committed, empty, fenced, stopped or failed",
        ),
        sa.Column("owed", sa.Integer(), server_default="0", nullable=False, comment="owed traces in the window"),
        sa.Column("residue", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "reviewed", sa.Integer(), server_default="0", nullable=False, comment="matched traces that were mined anew"
        ),
        sa.Column("templates", sa.Integer(), server_default="0", nullable=False, comment="templates found"),
        sa.Column(
            "grouped", sa.Integer(), server_default="0", nullable=False, comment="traces that got an implementation"
        ),
        sa.Column("newest_trace_id", sa.Uuid(), nullable=True),
        sa.Column("miner_version", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "error", sa.Text(), nullable=True, comment="class of the error; never its text, which may hold a prompt"
        ),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("mining_seconds", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["grouping_key.id"], name=op.f("fk_grouping_run_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grouping_run")),
    )
    op.create_index("ix_grouping_run_group", "grouping_run", ["group_id", "id"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_by_person", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("response_schema", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("production_implementation_id", sa.Uuid(), nullable=True),
        sa.Column(
            "merged_into",
            sa.Uuid(),
            nullable=True,
            comment="the task that took over all its versions; lists leave it out",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["group_id"], ["grouping_key.id"], name=op.f("fk_task_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_task_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        comment="What one call site does: a line of templates that descend from each other",
    )
    op.create_index(op.f("ix_task_group_id"), "task", ["group_id"], unique=False)
    op.create_index("ix_task_project", "task", ["project_id", "id"], unique=False)
    op.create_table(
        "template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column(
            "digest",
            sa.Text(),
            nullable=False,
            comment="of literals and shared places: equal templates have equal digests",
        ),
        sa.Column(
            "parts",
            sa.JSON(),
            nullable=False,
            comment='[{"role", "literals": [...]}]; slots stand between the literals of a part',
        ),
        sa.Column("slots", sa.ARRAY(sa.Text()), nullable=False, comment="names by position, across the parts"),
        sa.Column("slot_kinds", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("evidence", sa.JSON(), server_default="{}", nullable=False),
        sa.Column(
            "retired_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="replaced by a wider template or by its parts; matches nothing any more",
        ),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column(
            "review_at_calls",
            sa.BigInteger(),
            server_default="200",
            nullable=False,
            comment="a review is due at so many calls",
        ),
        sa.Column(
            "rematch_after",
            sa.Uuid(),
            nullable=True,
            comment="its calls above this id are still to be matched against more specific templates; NULL: all are",
        ),
        sa.Column("created_run_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["grouping_key.id"], name=op.f("fk_template_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["template.id"], name=op.f("fk_template_replaced_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_template_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template")),
        sa.UniqueConstraint("group_id", "digest", name=op.f("uq_template_group_id_digest")),
    )
    op.create_index(op.f("ix_template_task_id"), "template", ["task_id"], unique=False)
    op.create_table(
        "implementation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="1, 2, 3 ... in a task"),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column(
            "settings", sa.JSON(), nullable=False, comment="temperature, tool_choice, reasoning, response_format"
        ),
        sa.Column("tools", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("settings_digest", sa.Text(), nullable=False, comment="of settings and tools"),
        sa.Column("made_by", sa.Text(), server_default="auto", nullable=False, comment="auto or manual"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_implementation_task_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["template_id"], ["template.id"], name=op.f("fk_implementation_template_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_implementation")),
        sa.UniqueConstraint("task_id", "version", name=op.f("uq_implementation_task_id_version")),
        sa.UniqueConstraint(
            "template_id", "model", "settings_digest", name=op.f("uq_implementation_template_id_model_settings_digest")
        ),
    )
    op.create_table(
        "trace",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column(
            "prompt_parts",
            sa.ARRAY(sa.Text()),
            nullable=True,
            comment="system, user and, for few-shot by messages, input; NULL: no text prompt",
        ),
        sa.Column("prompt_source", sa.Text(), nullable=True, comment="which fields the prompt was taken from"),
        sa.Column(
            "follow_up",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the input already holds an assistant message",
        ),
        sa.Column("conversation_id", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("settings", sa.JSON(), nullable=False, comment="request settings as they were sent"),
        sa.Column("tools", sa.JSON(none_as_null=True), nullable=True),
        sa.Column(
            "settings_digest",
            sa.Text(),
            nullable=False,
            comment="of the settings that make an implementation different, and tools",
        ),
        sa.Column(
            "input", sa.JSON(), nullable=False, comment='{"instructions", "input", "messages"} as they were sent'
        ),
        sa.Column("output", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("usage", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, comment="started_at, else when it was stored"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("implementation_id", sa.Uuid(), nullable=True),
        sa.Column(
            "template_id",
            sa.Uuid(),
            nullable=True,
            comment="whose places `variables` follows, also while its implementation moves on",
        ),
        sa.Column("variables", sa.ARRAY(sa.Text()), nullable=True, comment="values by place of the template"),
        sa.Column(
            "considered_run_id",
            sa.Uuid(),
            nullable=True,
            comment="the last run that read it and found no template for it, or its template",
        ),
        sa.ForeignKeyConstraint(["group_id"], ["grouping_key.id"], name=op.f("fk_trace_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["implementation_id"], ["implementation.id"], name=op.f("fk_trace_implementation_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_trace_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace")),
        sa.UniqueConstraint("project_id", "external_id", name=op.f("uq_trace_project_id_external_id")),
        comment="One LLM call",
    )
    op.create_index("ix_trace_group", "trace", ["group_id", "id"], unique=False)
    op.create_index("ix_trace_implementation", "trace", ["implementation_id", "seen_at"], unique=False)
    op.create_index(
        "ix_trace_owed",
        "trace",
        ["group_id", "id"],
        unique=False,
        postgresql_where=sa.text(
            "implementation_id IS NULL AND considered_run_id IS NULL AND prompt_parts IS NOT NULL"
        ),
    )
    op.create_index("ix_trace_project", "trace", ["project_id", "id"], unique=False)
    op.create_index(
        "ix_trace_template",
        "trace",
        ["template_id", "id"],
        unique=False,
        postgresql_where=sa.text("template_id IS NOT NULL"),
    )
    op.create_index(
        "ix_trace_residue",
        "trace",
        ["group_id", "id"],
        unique=False,
        postgresql_where=sa.text(
            "implementation_id IS NULL AND considered_run_id IS NOT NULL AND prompt_parts IS NOT NULL"
        ),
    )
    op.create_index(
        "ix_trace_ungrouped",
        "trace",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("implementation_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_trace_ungrouped", table_name="trace", postgresql_where=sa.text("implementation_id IS NULL"))
    op.drop_index(
        "ix_trace_residue",
        table_name="trace",
        postgresql_where=sa.text(
            "implementation_id IS NULL AND considered_run_id IS NOT NULL AND prompt_parts IS NOT NULL"
        ),
    )
    op.drop_index("ix_trace_template", table_name="trace", postgresql_where=sa.text("template_id IS NOT NULL"))
    op.drop_index("ix_trace_project", table_name="trace")
    op.drop_index(
        "ix_trace_owed",
        table_name="trace",
        postgresql_where=sa.text(
            "implementation_id IS NULL AND considered_run_id IS NULL AND prompt_parts IS NOT NULL"
        ),
    )
    op.drop_index("ix_trace_implementation", table_name="trace")
    op.drop_index("ix_trace_group", table_name="trace")
    op.drop_table("trace")
    op.drop_table("implementation")
    op.drop_index(op.f("ix_template_task_id"), table_name="template")
    op.drop_table("template")
    op.drop_index("ix_task_project", table_name="task")
    op.drop_index(op.f("ix_task_group_id"), table_name="task")
    op.drop_table("task")
    op.drop_index("ix_grouping_run_group", table_name="grouping_run")
    op.drop_table("grouping_run")
    op.drop_table("grouping_counter")
    op.drop_index("ix_grouping_key_wanted", table_name="grouping_key", postgresql_where=sa.text("wanted IS NOT NULL"))
    op.drop_table("grouping_key")
    op.drop_index(op.f("ix_api_key_project_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("project")
    op.drop_table("heartbeat")
