"""The registry of formats."""

from collections.abc import Callable
from dataclasses import dataclass

from app.exporting import dotprompt, jinja, langchain, messages, programs, promptfoo, registries
from app.exporting.version import ExportedVersion

JSON, YAML, PYTHON, TEXT = "application/json", "application/yaml", "text/x-python", "text/plain"


@dataclass(frozen=True)
class ExportFormat:
    """The way to write a version. ending: of the file's name, with its dot. media_type: of the answer."""

    name: str
    ending: str
    media_type: str
    write: Callable[[ExportedVersion], str]


FORMATS = {
    export_format.name: export_format
    for export_format in (
        ExportFormat("jinja2", ".j2", TEXT, jinja.write),
        ExportFormat("python", ".py", PYTHON, programs.write_function),
        ExportFormat("openai", ".openai.json", JSON, messages.write_openai),
        ExportFormat("anthropic", ".anthropic.json", JSON, messages.write_anthropic),
        ExportFormat("langchain", ".langchain.py", PYTHON, langchain.write),
        ExportFormat("promptfoo", ".promptfoo.yaml", YAML, promptfoo.write),
        ExportFormat("dspy", ".dspy.py", PYTHON, programs.write_dspy),
        ExportFormat("langfuse", ".langfuse.json", JSON, registries.write_langfuse),
        ExportFormat("mlflow", ".mlflow.json", JSON, registries.write_mlflow),
        ExportFormat("phoenix", ".phoenix.json", JSON, registries.write_phoenix),
        ExportFormat("dotprompt", ".prompt", TEXT, dotprompt.write),
    )
}


RESERVED_BY_FORMAT: dict[str, frozenset[str]] = {
    "langchain": frozenset({"stop"}),
    "mlflow": frozenset({"prompt", "allow_partial"}),
    "dspy": frozenset(
        {
            # Arguments of dspy.Predict
            *("config", "demos", "lm", "new_signature", "signature"),
            # Properties of a dspy.Signature, and what its module uses
            *("fields", "input_fields", "output_fields", "instructions", "dspy", "str"),
            # Members of Pydantic's models that no field may hide
            *("model_config", "model_dump", "model_dump_json"),
            *("model_validate", "model_validate_json", "model_validate_strings"),
        }
    ),
}
"""Names that one library reserves although a slot may have them: found by `python -m benchmarks.exports`, which renders each name with the
real libraries.
"""


def exported(version: ExportedVersion, name: str) -> str:
    """The version in this format, a key of FORMATS."""
    return FORMATS[name].write(version.with_allowed_names(RESERVED_BY_FORMAT.get(name, ())))
