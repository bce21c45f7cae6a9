"""LangChain: a module with a ChatPromptTemplate of f-string messages."""

from app.exporting.python_text import format_string, head
from app.exporting.version import ExportedVersion

ROLES = {"system": "system", "user": "human"}


def write(version: ExportedVersion) -> str:
    """A module whose `prompt.format_messages(slot=...)` gives the messages."""
    lines = [f"        ({ROLES[message.role]!r}, {format_string(message)!r})," for message in version.messages]
    return "\n".join(
        [
            head(version),
            "from langchain_core.prompts import ChatPromptTemplate",
            "",
            f"MODEL = {version.model!r}",
            f"SETTINGS = {dict(version.settings)!r}",
            "",
            "prompt = ChatPromptTemplate.from_messages(",
            "    [",
            *lines,
            "    ]",
            ")",
            "",
        ]
    )
