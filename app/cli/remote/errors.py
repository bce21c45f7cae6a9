"""What a command about another Promptlode raises."""

from app.errors import PromptlodeError


class ApiError(PromptlodeError):
    """A Promptlode did not answer, or refused the request."""


class RefusedInputError(ApiError):
    """The API refused a parameter or a body by its fields: the command was used wrongly."""
