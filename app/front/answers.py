"""An answer as granian takes it: status, headers, body."""

from flask import Response

Answer = tuple[int, list[tuple[str, str]], bytes]


def answer_of(response: Response) -> Answer:
    """A response of Flask's as an answer."""
    return response.status_code, list(response.headers.items()), response.get_data()
