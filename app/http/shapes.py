"""What every answer is made of, for `openapi.json`: fields and no others, and the shape of an error."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """An answer has these fields and no other."""

    model_config = ConfigDict(extra="forbid")


class FieldProblem(Shape):
    """One field that is wrong and what to do about it; `loc` goes from the body inwards."""

    loc: list[str | int]
    message: str


class ProblemShape(Shape):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem]
