"""The two queues.  Two queues and not priorities: 0 is the highest on Redis and the lowest on RabbitMQ."""

FIRST = "grouping.first"
"""Groups without any template, and what a person asked for: these make something appear that was not there."""

RERUN = "grouping"
"""Everything else."""
