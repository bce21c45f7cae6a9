"""The parameters that say whose calls count: of one version, or of all versions with its text."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Row

from app.checks import Name
from app.reading.template_calls import TemplateCalls
from app.store.keys import KeyHolder


class CallsQuery(BaseModel):
    """The calls that count: of the version, or of all versions with its text."""

    of: Literal["version", "template"] = Field(
        "version",
        description="template: count the calls of all versions with the same text, whatever their model and settings.",
    )
    model: Name | None = Field(None, description="Of these versions, only those with this model; with of=template.")

    @model_validator(mode="after")
    def _has_models(self) -> Self:
        if self.model is not None and self.of == "version":
            raise PydanticCustomError("of", "Needs of=template beside model: a version has one model.")
        return self

    def calls_of(self, holder: KeyHolder, version: Row[Any]) -> TemplateCalls:
        """The calls, for a version, a row of `app.reading.tasks`."""
        version_id = version.id if self.of == "version" else None
        return TemplateCalls(holder.project_id, version.template_id, version_id, self.model)
