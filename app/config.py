"""All settings; no other module reads the environment.

A setting is read from the environment variable of its own name in capitals (`DATABASE_URL`, `PORT`, ...). An empty variable is
one that is not set: Compose files pass a variable on as `PORT: ${PORT:-}`.
Where `DATABASE_URL` or `REDIS_URL` is not set, the embedded servers of a running local instance are used: it
describes them in `$PROMPTLODE_DATA_DIR/servers.json`.
"""

import functools
import json
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import ConfigurationError

SERVERS_FILE = "servers.json"

MOST_RETENTION_DAYS = 36_500
"""Days: a century. A time before the year 1 has no date, and would end the look for expired calls of every project."""

PositiveInt = Annotated[int, Field(gt=0)]
RatePerSecond = Annotated[int, Field(ge=0)]
MOST_SECONDS = 1_000_000
"""Seconds, twelve days: PostgreSQL keeps a timeout as milliseconds in 31 bits, 24 days. Nobody can wait for an infinite time."""

Seconds = Annotated[float, Field(gt=0, le=MOST_SECONDS)]
SecondsOrZero = Annotated[float, Field(ge=0, le=MOST_SECONDS)]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
]
LogFormat = Annotated[
    Literal["console", "json"], BeforeValidator(lambda name: name.lower() if isinstance(name, str) else name)
]


def default_data_dir() -> Path:
    """The user's data folder of the platform; nothing is created here."""
    return Path(platformdirs.user_data_dir("promptlode", appauthor=False))


class DataFolder(BaseSettings):
    """The data folder alone, for commands with a key, which need no other setting."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    promptlode_data_dir: Path = Field(default_factory=default_data_dir)


class Settings(BaseSettings):
    """Settings of every process. `Settings()` reads the environment; keyword arguments win over it (tests)."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    # --- where things are
    promptlode_data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of the embedded servers, their data, logs and the local API key.",
    )
    database_url: str = Field("", description="PostgreSQL; postgres:// and postgresql:// are both understood.")
    redis_url: str = Field(
        "", description="Redis or Valkey: coalescing state, and the broker unless BROKER_URL is set."
    )
    broker_url: str = Field("", description="Celery broker; REDIS_URL when empty.")
    redis_tls_verify: bool = Field(
        True,
        description="Whether the certificate of a rediss:// server must be trusted; false where the platform signs its own.",
    )
    redis_ca_file: str = Field(
        "", description="File with the authority that signed the certificate of a rediss:// server."
    )

    cell: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,20}$")] = Field(
        "",
        description="Name of this installation among several, which keys that are made here carry: pl_NAME.… (docs/scale.md).",
    )

    # --- web
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="Port of the web process; 0: a free one.")
    flower_port: Annotated[int, Field(ge=0, le=65535)] = Field(5555, description="Port of Flower; 0: a free one.")
    flower_basic_auth: str = Field("", description="user:password of Flower; a random one is made for local mode.")
    pages_url: str = Field("", description="Address of the pages, for links of Flower's Grouping tab; empty: no links.")
    local_mode: bool = Field(
        False, description="Pages open without login. Set by `make run` and `make demo`, which bind to 127.0.0.1."
    )
    secret_key: str = Field(
        "", description="Signs the session cookie of the pages; required outside local mode to log in."
    )
    metrics_open: bool = Field(False, description="/metrics without an API key.")
    web_threads: PositiveInt = Field(
        8, description="Requests in work at once in a web process; below DATABASE_POOL_SIZE, so that none waits."
    )
    body_timeout: Seconds = Field(30.0, description="Seconds within which a request body must have arrived.")
    max_body_bytes: PositiveInt = Field(32 * 1024 * 1024, description="Largest request body, after inflation.")
    max_text_bytes: PositiveInt = Field(1024 * 1024, description="Largest single text of a trace.")
    max_batch: PositiveInt = Field(1000, description="Most traces in one POST.")
    max_json_depth: PositiveInt = Field(64, description="Deepest nesting of a JSON body.")
    max_json_values: PositiveInt = Field(
        500_000, description="Most values and names in one JSON body, or fields in one of protobuf."
    )
    max_gzip_members: PositiveInt = Field(1000, description="Most members of gzip, or frames of zstd, in one body.")
    max_items: PositiveInt = Field(10_000, description="Most messages or tools of one trace.")

    # --- rates, averaged over ten seconds; 0: no limit. In local mode there is none but those that are set.
    rate_address: RatePerSecond = Field(2000, description="Requests a second of one address; 0: no limit.")
    rate_ingest: RatePerSecond = Field(
        1000, description="Requests a second that send traces with one key; 0: no limit."
    )
    rate_traces: RatePerSecond = Field(
        10_000, description="Traces a second with one key, those of batches too; 0: no limit."
    )
    rate_read: RatePerSecond = Field(
        100, description="Requests a second that read with one key, and pages of one address; 0: no limit."
    )
    rate_regroup: RatePerSecond = Field(
        2, description="Requests a second of one project to regroup a path; 0: no limit."
    )
    rate_failures: RatePerSecond = Field(10, description="Wrong keys a second that one address may try; 0: no limit.")
    trusted_proxies: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Proxies in front that add to X-Forwarded-For; the caller's address is that many entries from its end.",
    )

    # --- OTLP
    otlp_path_attribute: str = Field(
        "promptlode.path",
        min_length=1,
        description="Attribute of a span, a span around it or its resource that names the call site.",
    )

    # --- database
    database_pool_size: PositiveInt = Field(
        10,
        description="Connections that a process keeps open at most; a web process opens as many again for single statements, and three more.",
    )
    database_statement_timeout: Seconds = Field(30.0, description="Seconds after which PostgreSQL ends a statement.")
    database_lock_timeout: Seconds = Field(5.0, description="Seconds to wait for a row lock.")
    database_read_url: str = Field(
        "",
        description="A standby of DATABASE_URL, which pages and lists read; the primary is read while it does not keep up.",
    )
    database_read_lag: Seconds = Field(
        2.0,
        description="Seconds that the standby may be behind; also how long a page shows the primary after a decision.",
    )

    # --- retention
    retention_days: Annotated[int, Field(ge=0, le=MOST_RETENTION_DAYS)] = Field(
        0, description="Days after which a call is removed, unless its project says otherwise; 0: never."
    )

    # --- grouping
    task_grouping_enabled: bool = Field(True, description="Off: traces are stored and matched, nothing is mined.")
    task_grouping_queue_size: PositiveInt = Field(
        1000, description="Queued messages; past it grouping is deferred to the reconciler, no trace is refused."
    )
    grouping_project_share: Annotated[int, Field(ge=0)] = Field(
        2,
        description="Messages of one project in the broker at most; its other messages wait for their turn, so projects share the workers. 0: no limit.",
    )
    task_grouping_worker_timeout: Seconds = Field(300.0, description="Seconds after which a run is ended.")
    grouping_window_owed: PositiveInt = Field(
        5000, description="Owed traces that one run reads at most, in the order of their arrival."
    )
    grouping_window_residue: PositiveInt = Field(
        5000,
        description="Residue traces (ungrouped, considered before) that one run reads at most, the last to arrive first.",
    )
    grouping_review_after: PositiveInt = Field(
        200,
        description="Newly matched calls of an implementation after which a review mines a sample of them; doubles each time (half a day with new calls brings a review, too).",
    )

    # --- pace (see docs/coalescing.md)
    grouping_quiet: SecondsOrZero = Field(0.4, description="Seconds without a request before a cold group runs.")
    grouping_max_wait: SecondsOrZero = Field(5.0, description="Seconds a request of a cold group waits at most.")
    grouping_gap_factor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        7.5,
        description="Under steady traffic the longest pause between two runs of a group, in lengths of its last run.",
    )
    grouping_lease: Seconds = Field(20.0, description="Seconds without a heartbeat after which a run counts as dead.")
    grouping_ticket: Seconds = Field(60.0, description="Seconds after which a queued message counts as lost.")
    grouping_stalled_after: Seconds = Field(
        15.0,
        description="Seconds in which messages wait, none is in hand and none was taken, after which a worker restarts its consumer and /readyz says so.",
    )
    grouping_grace: Seconds = Field(
        10.0, description="Seconds that a trace is owed before the reconciler requests its group."
    )
    reconcile_period: Seconds = Field(
        10.0, description="Seconds between two searches of the reconciler for owed groups."
    )
    grouping_max_attempts: PositiveInt = Field(
        8, description="Failed runs in a row after which a group is quarantined."
    )
    grouping_backoff_max: Seconds = Field(
        900.0, description="Longest pause in seconds after failed runs; the pauses are 2, 4, 8 ... up to this."
    )

    # --- webhooks (see docs/changes.md)
    webhook_hosts: str = Field(
        "",
        description="Hosts that changes may be sent to, with commas between, like `hooks.slack.com, *.example.com`; `*`: every public one. Empty: webhooks are off.",
    )
    webhook_networks: str = Field(
        "", description="Private networks in which hosts of webhooks may be, with commas between, like `10.1.0.0/16`."
    )
    webhook_delay: SecondsOrZero = Field(
        30.0,
        description="Seconds that a change must stand before it is sent: the next run may correct what a run finds first in a burst of calls.",
    )
    public_url: str = Field("", description="Address of the pages, for links in messages of webhooks and in the feed.")

    # --- logs
    log_level: LogLevel = Field("INFO", description="DEBUG, INFO, WARNING, ERROR or CRITICAL.")
    log_format: LogFormat = Field("console", description="console for people, json for machines.")

    @field_validator("database_url", "database_read_url", mode="after")
    @classmethod
    def _psycopg2(cls, url: str) -> str:
        url_with_driver = with_driver(url)
        if url_with_driver and not _is_url_of_postgresql(url_with_driver):
            raise ValueError("must be like postgresql://user:password@host:5432/database")
        return url_with_driver

    @field_validator("redis_url", "broker_url", mode="after")
    @classmethod
    def _sentinel(cls, url: str) -> str:
        """The URL in kombu's form: some clients write redis+sentinel://."""
        return url.removeprefix("redis+") if url.startswith("redis+sentinel://") else url

    @field_validator("redis_url", mode="after")
    @classmethod
    def _redis(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://", "unix://", "sentinel://")):
            raise ValueError(
                "must be like redis://host:6379/0, rediss:// with TLS, or sentinel://host:26379/0?master=name"
            )
        return url

    @field_validator("webhook_networks", mode="after")
    @classmethod
    def _networks(cls, networks: str) -> str:
        for network in listed(networks):
            ip_network(network)
        return networks

    @field_validator("public_url", mode="after")
    @classmethod
    def _address(cls, url: str) -> str:
        if url and not url.startswith(("https://", "http://")):
            raise ValueError("must be like https://promptlode.example.com")
        return url.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _running_local_instance(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take URLs that the environment omits from the servers of a running local instance."""
        folder = Path(values.get("promptlode_data_dir") or default_data_dir())
        for name, value in read_servers(folder).items():
            if not values.get(name):
                values[name] = value
        return values

    @property
    def broker(self) -> str:
        """URL of the Celery broker."""
        return self.broker_url or self.redis_url

    def require(self, *names: str) -> "Settings":
        """This object, once every named setting has a value; ConfigurationError names the first that has none."""
        for name in names:
            if not getattr(self, name):
                raise ConfigurationError(
                    f"{name.upper()} is not set and no local instance is running "
                    f"(looked for {self.promptlode_data_dir / SERVERS_FILE}). Set {name.upper()}, or start one with `make run`."
                )
        return self


def listed(setting: str) -> list[str]:
    """The parts of a setting separated by commas."""
    return [part.strip() for part in setting.split(",") if part.strip()]


def with_driver(url: str) -> str:
    """The same URL for psycopg2: SQLAlchemy 2.1 loads psycopg 3 for postgresql:// and refuses postgres://."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg2://" + url.removeprefix(scheme)
    return url


_USUAL_URL = re.compile(
    r"postgresql\+psycopg2://([\w.~%-]+(:[\w.~%-]+)?@)?[\w.-]+(:\d{1,5})?/[\w.-]+(\?[\w.~%=&/-]*)?", re.ASCII
)
"""URLs that SQLAlchemy surely reads; it decides about all others. Flower asks nothing else of SQLAlchemy, 10 MB of its process."""


def _is_url_of_postgresql(url: str) -> bool:
    if _USUAL_URL.fullmatch(url):
        return True
    from sqlalchemy import make_url  # takes half a second, which commands with a key do not need
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).get_backend_name() == "postgresql"
    except (ArgumentError, ValueError):
        return False


def read_servers(folder: Path) -> dict[str, str]:
    """The servers of a running local instance: {"database_url", "redis_url"}; {} where none runs."""
    try:
        servers = json.loads((folder / SERVERS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(servers[name]) for name in ("database_url", "redis_url") if servers.get(name)}


def read_settings() -> Settings:
    """The settings of the environment. Raises ConfigurationError, which names each wrong one and never shows a value."""
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(" ".join(_wrong(fault["loc"], fault["msg"]) for fault in error.errors())) from None


def default_of(setting: str) -> Any:
    """The default of a setting."""
    return Settings.model_fields[setting].default


def _wrong(loc: tuple[int | str, ...], message: str) -> str:
    reason = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{'.'.join(map(str, loc)).upper()} is wrong: {reason}."


@functools.cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return read_settings()
