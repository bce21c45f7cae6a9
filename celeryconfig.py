"""Configuration of Celery, from the one reader of the environment.  Every line that is not Celery's default says why."""

from kombu import Queue

from app.config import settings
from app.servers import redis_server
from tasks.queues import FIRST, RERUN

_settings = settings()

#: A run that does not end at its soft limit (an exception inside the run; late inside C code) is killed this much later.
_HARD_LIMIT_AFTER = 15.0

broker_url = redis_server.broker_url(_settings)
broker_use_ssl = redis_server.tls(_settings, broker_url) or None
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # a broker that is away for an hour needs no restart of ours
# A run goes on when the broker goes away: its lease and its fence say whether it may save, not the connection.
worker_cancel_long_running_tasks_on_connection_loss = False
# What Redis refuses (a replica after a failover, a user without the right, a full memory) starts the consumer anew; the default
# ends the worker.
broker_channel_error_retry = True

task_soft_time_limit = _settings.task_grouping_worker_timeout
task_time_limit = _settings.task_grouping_worker_timeout + _HARD_LIMIT_AFTER

_redis_transport = {
    # Longer than any run, or Redis would deliver a message again while it is worked on.
    "visibility_timeout": max(3600.0, 2 * task_time_limit),
    # Look for messages of dead workers every 10 s; the default looks at every tenth of that.
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    # In the order of task_queues: groups without a template before re-runs.
    "queue_order_strategy": "priority",
    "master_name": redis_server.master_of(_settings.broker),  # for Sentinel
    "socket_keepalive": True,
    # The loop of a worker waits for an acknowledgement; without an end a host that vanished keeps it for ever.
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "health_check_interval": 10,
}
_amqp_transport = {"confirm_publish": True}
broker_transport_options = _amqp_transport if broker_url.startswith(("amqp", "pyamqp")) else _redis_transport

# Quorum queues on RabbitMQ; a poisoned message is dropped after ten deliveries (the group's own attempts stop far earlier).
# Redis ignores these arguments.
_durable = {"x-queue-type": "quorum", "x-delivery-limit": 10}
task_queues = [Queue(name, routing_key=name, queue_arguments=_durable) for name in (FIRST, RERUN)]
task_default_queue = RERUN
task_routes = {"tasks.group_traces": {"queue": FIRST, "routing_key": FIRST}}  # a message by hand goes first
imports = ("tasks.group_traces",)

# Messages are ids; nothing else is ever accepted or sent.
accept_content = ["json"]
task_serializer = "json"
event_serializer = "json"

# Results are rows in PostgreSQL.  A result backend makes apply_async hang for 19 s when Redis is down.
task_ignore_result = True

# Acknowledge after FINISH, so a killed worker's message comes back; a killed child's does not (rejecting it would loop on a
# poisoned group): the reconciler finds what it owes.
task_acks_late = True
task_reject_on_worker_lost = False
worker_prefetch_multiplier = 1  # a prefetched message would wait behind a long run while another worker is idle

worker_hijack_root_logger = False  # app.logs configures logging
worker_redirect_stdouts = False
