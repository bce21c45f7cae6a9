"""How grouping work is queued and made single: the Celery app, the coalescing protocol, the reconciler."""
