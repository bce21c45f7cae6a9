"""Exports a version to files for other tools: one module for each format, one registry. Pure: texts in, text out.

In every format, the format's own library renders the file with the values of a call to exactly the call's messages, byte for byte. Where a
format cannot write some fixed text (`{{` for a tool that takes it for a variable), the text becomes a constant of the file, which the file
documents.
"""

from app.exporting.formats import FORMATS, ExportFormat, exported
from app.exporting.version import ExportedVersion, PromptMessage, SampleCall

__all__ = ["FORMATS", "ExportFormat", "ExportedVersion", "PromptMessage", "SampleCall", "exported"]
