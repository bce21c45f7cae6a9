"""The two queues. Queues and not priorities: priority 0 is the highest on Redis and the lowest on RabbitMQ."""

FIRST = "grouping.first"
"""Groups without any template, and requests of people: their runs show something that was not there."""

RERUN = "grouping"
"""All other groups."""
