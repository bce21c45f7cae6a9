"""The data of Promptlode in PostgreSQL: tables, migrations and one module of queries per family of tables.

Every query function takes a `Connection` first, so that the caller decides the extent of a transaction.
"""
