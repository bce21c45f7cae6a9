"""The one error tree. It says whose fault an error was: the caller's, a dependency's or ours.

Messages name fields, items and remedies, never prompt texts, variables or keys.
"""


class PromptlodeError(Exception):
    """Base of every error that Promptlode raises on purpose."""


class CallerError(PromptlodeError):
    """The request or command cannot be carried out as it was given; the same call fails again."""


class NotFoundError(CallerError):
    """The named thing does not exist in this project."""


class ConfigurationError(CallerError):
    """A setting is missing or wrong."""


class DependencyError(PromptlodeError):
    """A service that we need does not answer; the same call may succeed later."""


class DatabaseDownError(DependencyError):
    """PostgreSQL does not answer, or is in a state in which it cannot do what it is asked.

    why: the reason and the remedy for the operator; the message itself is for callers.
    """

    def __init__(self, message: str = "PostgreSQL does not answer.", why: str = "") -> None:
        super().__init__(message)
        self.why = why or message


class ProjectMovingError(DatabaseDownError):
    """The project moves to another database, or has moved: what is sent is taken there."""

    def __init__(self) -> None:
        super().__init__("The project moves to another database, where it takes what is sent in a moment.")


class TemplateGoneError(DependencyError):
    """A template was deleted while a call of it was stored."""


class FencedError(PromptlodeError):
    """A newer run of the same group has begun, so this one must not write."""


class UnseenCallError(PromptlodeError):
    """Another call of the same OpenTelemetry trace was stored since the caller looked, so what is sent must be read anew."""


class CopyRefusedError(PromptlodeError):
    """PostgreSQL refused rows that were copied in bulk. Its own message is not kept: it quotes the row."""
