"""Base shapes of every answer, for `openapi.json`: exactly the declared fields, and the shape of an error."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """The base of every answer: it has exactly the declared fields."""

    model_config = ConfigDict(extra="forbid")


class FieldProblem(Shape):
    """One wrong field and its remedy; `loc` is the path to it, from the body inwards."""

    loc: list[str | int]
    message: str


class ProblemShape(Shape):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem]
