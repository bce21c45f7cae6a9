"""Promptlode on one machine: embedded PostgreSQL and Valkey, supervised processes, `make run` and `make demo`.

Only the command line and the tests import this package. In production the two servers are yours, named by DATABASE_URL
and REDIS_URL, and nothing here is needed.
"""
