"""Queues grouping work and makes it single: the Celery app, the coalescing protocol, the reconciler."""
