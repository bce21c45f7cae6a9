"""`python -m app.cli` is `promptlode`, for a checkout that is not installed."""

from app.cli.entry import run

run()
