"""Promptlode on one machine: embedded PostgreSQL and Valkey, supervised processes, `make run` and `make demo`.

Only the command line and the tests import this package. In production DATABASE_URL and REDIS_URL name your own servers, and this package is
not needed.
"""
