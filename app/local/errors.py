"""What can go wrong on the machine itself. Every message names the remedy."""

from app.errors import PromptlodeError


class LocalError(PromptlodeError):
    """This machine does not allow what the local mode needs; the message says what to do."""
