"""Python: a function that returns the messages, and a DSPy signature with an adapter that sends them unchanged."""

from app.exporting.mustache import free_name
from app.exporting.python_text import docstring, format_string, head
from app.exporting.version import ExportedVersion


def write_function(version: ExportedVersion) -> str:
    """A module with `messages(*, slot: str, ...)`, built from f-strings."""
    return (
        f"{head(version)}\nMODEL = {version.model!r}\nSETTINGS = {dict(version.settings)!r}\n\n\n{_function(version)}"
    )


def _function(version: ExportedVersion) -> str:
    names = ", ".join(f"{name}: str" for name in version.slots)
    arguments = f"*, {names}" if names else ""
    lines = [
        f"        {{'role': {message.role!r}, 'content': f{format_string(message)!r}}}," for message in version.messages
    ]
    return "\n".join([f"def messages({arguments}) -> list[dict[str, str]]:", "    return [", *lines, "    ]", ""])


def write_dspy(version: ExportedVersion) -> str:
    """A module with a dspy.Signature of the slots and a dspy.Adapter whose messages are the version's own."""
    fields = [f"    {name}: str = dspy.InputField()" for name in version.slots]
    arguments = ", ".join(f"{name}=inputs[{name!r}]" for name in version.slots)
    return "\n".join(
        [
            head(version),
            "import dspy",
            "",
            "",
            _function(version),
            "",
            "class Task(dspy.Signature):",
            f'    """{docstring(version.name)}"""',
            "",
            *fields,
            f"    {free_name('output', version.slots)}: str = dspy.OutputField()",
            "",
            "",
            "class Verbatim(dspy.Adapter):",
            '    """Sends the messages as the app sends them: dspy.context(adapter=Verbatim())."""',
            "",
            "    def format(self, signature, demos, inputs):",
            f"        return messages({arguments})",
            "",
            "    def parse(self, signature, completion):",
            "        return {next(iter(signature.output_fields)): completion}",
            "",
        ]
    )
