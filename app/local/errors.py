"""Errors of the machine itself. Every message names the remedy."""

from pathlib import Path

from app.errors import PromptlodeError


class LocalError(PromptlodeError):
    """This machine does not allow something that the local mode needs; the message names the remedy."""


def unwritable(home: Path, error: OSError) -> LocalError:
    """The error about a data folder in which nothing can be written."""
    return LocalError(
        f"Cannot write in {home} ({error.strerror}). Set PROMPTLODE_DATA_DIR to a folder that you may write."
    )
