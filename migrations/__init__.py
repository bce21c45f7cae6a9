"""Alembic's revisions of the database schema: `alembic upgrade head`, or `app.store.migrate.upgrade(url)`."""
