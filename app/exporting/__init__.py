"""A version as a file that other tools read: one module a format, one registry.  Pure: texts in, text out.

Whatever the format, rendering the file with the values of a call gives the call's messages back byte for byte, by the format's own
library.  Where a format has no way to write some fixed text as it is (`{{` for a tool that would take it for a variable), the text becomes a
constant of the file, and the file says so.
"""

from app.exporting.formats import FORMATS, Format, exported
from app.exporting.version import Message, Sample, Version

__all__ = ["FORMATS", "Format", "Message", "Sample", "Version", "exported"]
