"""The tables, as SQLAlchemy Core. Every row belongs to one project; every query takes the project from the key.

`json`, not `jsonb`, where a caller's text comes back: jsonb reorders keys. Ids are UUIDv7 (`app.store.ids`).
"""

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
    text,
)

from app.store.call_facts import BILLED

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Time = DateTime(timezone=True)

SAFE = {"redaction": "none"}
"""Mark of a column of trace that `app.intake.privacy` leaves as it is: an id or a time, whose type holds no text. A column without a mark is
redacted.
"""

DERIVED = {"redaction": "derived"}
"""Mark of a column that is made anew from the redacted columns."""

IDENTIFIER = {"redaction": "identifier"}
"""Mark of a column that is redacted so that distinct ids stay distinct."""


def _index_of_link(table: str, column: str) -> Index:
    """For a column that is mostly empty: what refers to a row is found, and the row deleted, without reading the table."""
    return Index(f"ix_{table}_{column}", column, postgresql_where=text(f"{column} IS NOT NULL"))


def _created_at() -> Column:
    return Column("created_at", _Time, nullable=False, server_default=func.clock_timestamp(), info=SAFE)


project = Table(
    "project",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _created_at(),
    Column("retention_days", Integer, comment="NULL: as the setting says; 0: for ever"),
    Column("privacy", JSON, nullable=False, server_default="{}", comment="what is not stored: see app.intake.privacy"),
    Column(
        "secret",
        Text,
        nullable=False,
        server_default=text("replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')"),
        comment="key of the marks that stand for values of this project",
    ),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, ForeignKey(project.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("hash", Text, nullable=False, unique=True, comment="SHA-256 of the key, hexadecimal"),
    Column("last4", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False, comment="some of ingest, read, admin, operator"),
    Column("revoked_at", _Time),
    _created_at(),
)

grouping_key = Table(
    "grouping_key",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, ForeignKey(project.c.id, ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("fence", BigInteger, nullable=False, server_default="0", comment="raised by every run when it opens"),
    Column("templates_version", BigInteger, nullable=False, server_default="0", comment="raised when templates change"),
    Column(
        "attempts", Integer, nullable=False, server_default="0", comment="runs opened since the last that committed"
    ),
    Column("not_before", _Time, comment="a failed group waits until then"),
    Column("quarantined_at", _Time),
    Column("wanted", Text, comment="what was asked for besides owed traces: residue, review or all"),
    Column("wanted_at", _Time, comment="when; tells a request made during a run from the one it serves"),
    Column(
        "residue_run_owed",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="owed traces considered since the residue was last mined",
    ),
    Column("rematch_after", Uuid, comment="ungrouped traces above this id are still to be matched; NULL: all are"),
    _created_at(),
    UniqueConstraint("project_id", "path"),
    Index("ix_grouping_key_wanted", "wanted_at", postgresql_where=text("wanted IS NOT NULL")),
    comment="A group: the calls of one path of one project",
)

task = Table(
    "task",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, ForeignKey(project.c.id, ondelete="CASCADE"), nullable=False),
    Column("group_id", Uuid, ForeignKey(grouping_key.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("name_by_person", Boolean, nullable=False, server_default=false()),
    Column("description", Text, nullable=False, server_default=""),
    Column("response_schema", JSON(none_as_null=True)),
    Column("production_implementation_id", Uuid),
    Column("merged_into", Uuid, comment="the task that took over all its versions; lists leave it out"),
    Column(
        "apart_from",
        ARRAY(Uuid),
        nullable=False,
        server_default="{}",
        comment="tasks that a person split it from: no run brings them together",
    ),
    _created_at(),
    Index("ix_task_project", "project_id", "id"),
    _index_of_link("task", "merged_into"),
    _index_of_link("task", "production_implementation_id"),
    comment="What one call site does: a line of templates that descend from each other",
)

template = Table(
    "template",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("group_id", Uuid, ForeignKey(grouping_key.c.id, ondelete="CASCADE"), nullable=False),
    Column("task_id", Uuid, ForeignKey(task.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("line_id", Uuid, comment="the task that it was of when a person merged that; NULL: its own task"),
    Column("digest", Text, nullable=False, comment="of literals and shared places: equal templates have equal digests"),
    Column(
        "parts",
        JSON,
        nullable=False,
        comment='[{"role", "literals": [...]}]; slots stand between the literals of a part',
    ),
    Column("slots", ARRAY(Text), nullable=False, comment="names by position, across the parts"),
    Column(
        "named_places", ARRAY(Integer), nullable=False, server_default="{}", comment="places whose names a person gave"
    ),
    Column("slot_kinds", JSON, nullable=False, server_default="[]"),
    Column("evidence", JSON, nullable=False, server_default="{}"),
    Column("retired_at", _Time, comment="replaced by a wider template or by its parts; matches nothing any more"),
    Column("replaced_by", Uuid, ForeignKey("template.id", ondelete="SET NULL")),
    Column(
        "review_at_calls", BigInteger, nullable=False, server_default="200", comment="a review is due at so many calls"
    ),
    Column("reviewed_until", _Time, comment="its newest call when a review looked at it last; NULL: none did"),
    Column(
        "rematch_after",
        Uuid,
        comment="its calls above this id are still to be matched against more specific templates; NULL: all are",
    ),
    Column("created_run_id", Uuid),
    Column(
        "marks",
        ARRAY(BigInteger),
        comment="hashes of stretches of its fixed text, by which similar templates of its project are found; NULL: to be made",
    ),
    _created_at(),
    UniqueConstraint("group_id", "digest"),
    Index("ix_template_marks", "marks", postgresql_using="gin"),
    _index_of_link("template", "replaced_by"),
    Index("ix_template_unmarked", "id", postgresql_where=text("marks IS NULL")),
)

implementation = Table(
    "implementation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("task_id", Uuid, ForeignKey(task.c.id, ondelete="CASCADE"), nullable=False),
    Column("template_id", Uuid, ForeignKey(template.c.id, ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False, comment="1, 2, 3 ... in a task"),
    Column("model", Text, nullable=False),
    Column("settings", JSON, nullable=False, comment="temperature, tool_choice, reasoning, response_format"),
    Column("tools", JSON(none_as_null=True)),
    Column("settings_digest", Text, nullable=False, comment="of settings and tools"),
    Column("made_by", Text, nullable=False, server_default="auto", comment="auto or manual"),
    Column("emptied_at", _Time, comment="a run found that all its calls are of other versions"),
    _created_at(),
    UniqueConstraint("task_id", "version"),
    UniqueConstraint("template_id", "model", "settings_digest"),
)

call_count = Table(
    "call_count",
    metadata,
    Column("implementation_id", Uuid, nullable=False, index=True),
    Column("calls", BigInteger, nullable=False),
    Column("first_seen", _Time, comment="NULL where calls went: the first one is then looked up"),
    Column("last_seen", _Time),
    comment="Calls of a version: the sum of its rows, which triggers of trace add and the reconciler makes one of",
)

usage_mark = Table(
    "usage_mark",
    metadata,
    Column("implementation_id", Uuid, nullable=False),
    Column("hour", _Time, nullable=False),
    Column("came", ARRAY(Uuid), comment="calls that came; NULL: some went or changed, so add all up anew"),
    Index("ix_usage_mark_hour", "implementation_id", "hour"),
    comment="Hours of versions whose calls changed since the reconciler last added them up",
)

call_usage = Table(
    "call_usage",
    metadata,
    Column("implementation_id", Uuid, nullable=False),
    Column("span", Text, nullable=False, comment="hour, day or week, in UTC; a week begins on Monday"),
    Column("start", _Time, nullable=False),
    Column("project_id", Uuid, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("estimated", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("output_characters", BigInteger, nullable=False),
    Column("timed", BigInteger, nullable=False),
    Column("fastest_ms", Integer, comment="NULL where no call says how long it took"),
    Column("slowest_ms", Integer),
    Column("latency", ARRAY(BigInteger), nullable=False, comment="calls by how long they took: app.store.call_facts"),
    # Lists read the cells of hundreds of versions: an index holds them beside each other, the table one a page.
    PrimaryKeyConstraint("implementation_id", "span", "start", postgresql_include=["calls"]),
    Index(
        "ix_call_usage_project",
        "project_id",
        "span",
        "start",
        postgresql_include=["implementation_id", *BILLED],
    ),
    comment="What the calls of a version used in an hour, a day or a week: what a query over the calls says",
)

price = Table(
    "price",
    metadata,
    Column("project_id", Uuid, ForeignKey(project.c.id, ondelete="CASCADE"), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("input", Double, nullable=False, comment="dollars for a million tokens"),
    Column("output", Double, nullable=False, comment="dollars for a million tokens"),
    Column("cached", Double, comment="dollars for a million tokens"),
    comment="Prices that people set, in place of the published ones",
)

change = Table(
    "change",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("project_id", Uuid, ForeignKey(project.c.id, ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False, comment="what it says, so that it is told once"),
    Column("kind", Text, nullable=False, comment="task.new, version.new ...: app.reading.feed"),
    Column("at", _Time, nullable=False, comment="when it happened, by the times of the calls"),
    Column("group_id", Uuid, ForeignKey(grouping_key.c.id, ondelete="CASCADE"), index=True),
    Column("task_id", Uuid, ForeignKey(task.c.id, ondelete="CASCADE"), index=True),
    Column("implementation_id", Uuid, ForeignKey(implementation.c.id, ondelete="CASCADE"), index=True),
    Column(
        "details", JSON, nullable=False, server_default="{}", comment="figures, models and places of slots; no text"
    ),
    _created_at(),
    UniqueConstraint("project_id", "key"),
    Index("ix_change_feed", "project_id", "at", "id"),
    Index("ix_change_created_at", "created_at"),
    comment="What changed in a project: the feed. What it says of a text is read from the versions",
)

unmatched_hour = Table(
    "unmatched_hour",
    metadata,
    Column("group_id", Uuid, ForeignKey(grouping_key.c.id, ondelete="CASCADE"), primary_key=True),
    Column("start", _Time, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    comment="Calls of an hour for which a run found no template, as it was soon after the hour",
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, ForeignKey(project.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("format", Text, nullable=False, comment="json or slack"),
    Column("kinds", ARRAY(Text), comment="kinds of changes that are sent; NULL: all"),
    Column(
        "include_text", Boolean, nullable=False, server_default=false(), comment="whether texts of prompts are sent"
    ),
    Column("secret", Text, nullable=False, comment="key of the signatures; shown once"),
    Column("failures", Integer, nullable=False, server_default="0", comment="deliveries that failed in a row"),
    Column("next_at", _Time, nullable=False, server_default=func.clock_timestamp(), comment="nothing is sent before"),
    _created_at(),
    comment="Where changes are sent",
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("webhook_id", Uuid, ForeignKey(webhook.c.id, ondelete="CASCADE"), nullable=False),
    Column("change_id", Uuid, ForeignKey(change.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("state", Text, nullable=False, server_default="waiting", comment="waiting, delivered or given up"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", _Time, nullable=False, server_default=func.clock_timestamp(), comment="the next attempt"),
    Column("attempted_at", _Time, comment="the last attempt"),
    Column("status", Integer, comment="of the last answer; NULL: there was none"),
    Column("problem", Text, comment="why the last attempt failed, in our words"),
    _created_at(),
    UniqueConstraint("webhook_id", "change_id"),
    Index("ix_webhook_delivery_waiting", "webhook_id", "next_at", postgresql_where=text("state = 'waiting'")),
    comment="A change on its way to a webhook, and what became of it",
)

expired_calls = Table(
    "expired_calls",
    metadata,
    Column("implementation_id", Uuid, ForeignKey(implementation.c.id, ondelete="CASCADE"), primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("first_seen", _Time, nullable=False),
    Column("last_seen", _Time, nullable=False),
    comment="Calls of a version that retention has removed: their number and times, nothing of their text",
)

grouping_run = Table(
    "grouping_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("group_id", Uuid, ForeignKey(grouping_key.c.id, ondelete="CASCADE"), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column(
        "outcome",
        Text,
        nullable=False,
        server_default="running",
        comment="running, committed, empty, fenced, stopped or failed",
    ),
    Column("owed", Integer, nullable=False, server_default="0", comment="owed traces in the window"),
    Column("residue", Integer, nullable=False, server_default="0"),
    Column("reviewed", Integer, nullable=False, server_default="0", comment="matched traces that were mined anew"),
    Column("templates", Integer, nullable=False, server_default="0", comment="templates found"),
    Column("grouped", Integer, nullable=False, server_default="0", comment="traces that got an implementation"),
    Column("newest_trace_id", Uuid),
    Column("miner_version", Text, nullable=False),
    Column("worker", Text, nullable=False, server_default=""),
    Column("error", Text, comment="class of the error; never its text, which may hold a prompt"),
    Column("started_at", _Time, nullable=False, server_default=func.clock_timestamp()),
    Column("mining_seconds", Double),
    Column("finished_at", _Time),
    Index("ix_grouping_run_group", "group_id", "id"),
)

trace = Table(
    "trace",
    metadata,
    Column("id", Uuid, primary_key=True, info=SAFE),
    Column("project_id", Uuid, nullable=False, comment="that of its group, which goes with it", info=SAFE),
    Column("group_id", Uuid, ForeignKey(grouping_key.c.id, ondelete="CASCADE"), nullable=False, info=SAFE),
    Column("external_id", Text, info=IDENTIFIER),
    Column("model", Text, nullable=False),
    Column(
        "prompt_parts",
        ARRAY(Text),
        comment="system, user and, for few-shot by messages, input; NULL: no text prompt, or template and values have it",
        info=DERIVED,
    ),
    Column("prompt_source", Text, comment="which fields the prompt was taken from", info=DERIVED),
    Column(
        "follow_up",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="the input already holds an assistant message",
        info=DERIVED,
    ),
    Column("conversation_id", Text, info=IDENTIFIER),
    Column("user_id", Text, info=IDENTIFIER),
    Column("settings", JSON, nullable=False, comment="request settings as they were sent"),
    Column("tools", JSON(none_as_null=True)),
    Column(
        "settings_digest",
        Text,
        nullable=False,
        comment="of the settings that make an implementation different, and tools",
        info=DERIVED,
    ),
    Column(
        "input",
        JSON,
        nullable=False,
        comment='{"instructions", "input", "messages"} as they were sent, without the texts of the prompt',
    ),
    Column("output", JSON(none_as_null=True)),
    Column("usage", JSON(none_as_null=True)),
    Column("error", JSON(none_as_null=True)),
    Column("metadata", JSON(none_as_null=True)),
    Column("started_at", _Time, info=SAFE),
    Column("completed_at", _Time, info=SAFE),
    Column("seen_at", _Time, nullable=False, comment="started_at, else when it was stored", info=SAFE),
    _created_at(),
    Column("implementation_id", Uuid, ForeignKey(implementation.c.id, ondelete="SET NULL"), info=SAFE),
    Column(
        "template_id",
        Uuid,
        ForeignKey(template.c.id),
        comment="whose places `variables` follows, also while its implementation moves on; has the text of the prompt",
        info=SAFE,
    ),
    Column("variables", ARRAY(Text), comment="values by place of the template", info=DERIVED),
    Column(
        "considered_run_id",
        Uuid,
        comment="the last run that read it and found no template for it, or its template",
        info=SAFE,
    ),
    Index("ix_trace_project", "project_id", "id"),
    Index("ix_trace_group", "group_id", "id"),
    Index("ix_trace_implementation", "implementation_id", "seen_at"),
    Index("ix_trace_template", "template_id", "id", postgresql_where=text("template_id IS NOT NULL")),
    Index(
        "ix_trace_owed",
        "group_id",
        "id",
        postgresql_where=text("implementation_id IS NULL AND considered_run_id IS NULL AND prompt_parts IS NOT NULL"),
    ),
    Index(
        "ix_trace_residue",
        "group_id",
        "id",
        postgresql_where=text(
            "implementation_id IS NULL AND considered_run_id IS NOT NULL AND prompt_parts IS NOT NULL"
        ),
    ),
    *(
        Index(
            f"ix_trace_{column}",
            "project_id",
            text(f"md5({column}_id)"),
            "id",
            postgresql_where=text(f"{column}_id IS NOT NULL"),
        )
        for column in ("conversation", "user")
    ),
    Index("ix_trace_ungrouped", "project_id", "id", postgresql_where=text("implementation_id IS NULL")),
    comment="One LLM call",
    postgresql_partition_by="RANGE (id)",  # a month each: app.store.partitions
)

trace_external_id = Table(
    "trace_external_id",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("trace_id", Uuid, nullable=False),
    comment="Whose call has the id that its caller gave; written with the call, freed by a trigger of trace",
)

recent_answer = Table(
    "recent_answer",
    metadata,
    Column("answer", BigInteger, primary_key=True, autoincrement=False, comment="digest of its id and project"),
    Column("texts", BigInteger, primary_key=True, autoincrement=False, comment="digest of all texts sent"),
    Column("span", BigInteger, nullable=False, comment="id of the span that told it"),
    Column("scope", BigInteger, nullable=False, comment="digest of the instrumentation of that span"),
    Column("told_at", _Time, nullable=False, server_default=func.clock_timestamp()),
    prefixes=["UNLOGGED"],
    comment="Answers of the last minutes, by the ids of their providers: app.store.recent_answers",
)

grouping_counter = Table(
    "grouping_counter",
    metadata,
    Column("group_id", Uuid, ForeignKey(grouping_key.c.id, ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True, comment="requests, coalesced, messages, runs, busy ..."),
    Column("value", BigInteger, nullable=False, server_default="0"),
    Column("born", BigInteger, nullable=False, server_default="0", comment="which life of the counter in Redis"),
    Column("seen", BigInteger, nullable=False, server_default="0", comment="how much of that life is in value"),
)

refused_message = Table(
    "refused_message",
    metadata,
    Column("reason", Text, primary_key=True, comment="malformed or unknown"),
    Column("value", BigInteger, nullable=False, server_default="0"),
    comment="Messages that no worker could make anything of, counted: they belong to no group",
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, comment="kept when the project is deleted"),
    Column("actor", Text, nullable=False, comment="key, page or command"),
    Column("key_id", Uuid),
    Column("key_last4", Text, nullable=False, server_default=""),
    Column("action", Text, nullable=False),
    Column("subject", Uuid, comment="id of what it was done to"),
    Column("outcome", Text, nullable=False, comment="begun, done, refused or failed"),
    Column("details", JSON, nullable=False, comment="ids, counts, times, names of fields"),
    _created_at(),
    Index("ix_audit_entry_project", "project_id", "id"),
    comment="Who did what and when; no text or value of a call",
)

decision = Table(
    "decision",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, ForeignKey(project.c.id, ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False, comment="rename, describe, schema, production, slots, merge or split"),
    Column(
        "task_id",
        Uuid,
        ForeignKey(task.c.id, ondelete="CASCADE"),
        nullable=False,
        index=True,
        comment="what it is about; of a merge the task that went on in another, of a split the task that was split",
    ),
    Column(
        "other_task_id",
        Uuid,
        ForeignKey(task.c.id, ondelete="CASCADE"),
        index=True,
        comment="of a merge the task that took over, of a split the new task",
    ),
    Column(
        "template_id",
        Uuid,
        ForeignKey(template.c.id, ondelete="CASCADE"),
        index=True,
        comment="of slots and of a split the template",
    ),
    Column("before", JSON, nullable=False, comment="what was, for people and for undo"),
    Column("after", JSON, nullable=False, comment="what became of it; undone only while it is still so"),
    Column("moved", JSON, nullable=False, server_default="{}", comment="of a merge and a split: what goes back, by id"),
    Column("actor", Text, nullable=False, comment="key, page or command"),
    Column("key_id", Uuid),
    Column("key_last4", Text, nullable=False, server_default=""),
    Column("undone_at", _Time, comment="when it was taken back; NULL: it stands"),
    Column("undone_actor", Text),
    Column("undone_key_id", Uuid),
    Column("undone_key_last4", Text, nullable=False, server_default=""),
    _created_at(),
    Index("ix_decision_project", "project_id", "id"),
    comment="What people decided about tasks, with what it takes to undo it",
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("name", Text, primary_key=True, comment="celery@host:pid or reconciler@host:pid"),
    Column("kind", Text, nullable=False, comment="worker or reconciler"),
    Column("started_at", _Time, nullable=False, server_default=func.clock_timestamp()),
    Column("last_seen", _Time, nullable=False, server_default=func.clock_timestamp()),
    Column("in_hand", Integer, nullable=False, server_default="0", comment="a worker: messages that it works on"),
    Column("taken", BigInteger, comment="a worker: messages that it took since it began; NULL: it does not say"),
    Column("stalled_since", _Time, comment="a reconciler: since when messages wait and no worker takes one"),
)

project_move = Table(
    "project_move",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column(
        "state",
        Text,
        nullable=False,
        comment="where it leaves: copying, switching or moved; where it comes: arriving or arrived",
    ),
    Column("peer", Text, nullable=False, comment="the other database or the file, without a password"),
    Column("copied", JSON, nullable=False, server_default="{}", comment="how far the copy is"),
    _created_at(),
    comment="Projects that move to another database, or came from one or from a file",
)

project_move_call = Table(
    "project_move_call",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("project_id", Uuid, nullable=False),
    Column("call_id", Uuid, nullable=False),
    Index("ix_project_move_call_project", "project_id", "seq"),
    comment="Calls that came, changed or went while their project is copied",
)
