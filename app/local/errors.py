"""Errors of the machine itself. Every message names the remedy."""

from app.errors import PromptlodeError


class LocalError(PromptlodeError):
    """This machine does not allow something that the local mode needs; the message names the remedy."""
