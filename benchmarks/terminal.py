"""Draw the terminal of the README: what `promptlode demo` prints in a real run, as SVG.

python -m benchmarks.terminal [FILE]
"""

import html
import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console

from benchmarks.screenshots import IMAGES

COLUMNS = 140
"""Columns of the terminal: the width of the demo's table where the output is no terminal (`app.local.serve`)."""

INSTEAD = (
    (r"pl_[\w-]+", "pl_…"),
    (r"promptlode:\w+@", "promptlode:…@"),
    (r"127\.0\.0\.1:80\d\d", "127.0.0.1:8000"),
    (r"127\.0\.0\.1:55\d\d", "127.0.0.1:5555"),
)
"""(pattern, replacement) of texts that differ from run to run: the project's key, Flower's password, the ports."""

FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""rich's format without its web font, which a reader's browser would fetch from another host."""


def printed() -> str:
    """The output of the demo, which is started, filled and stopped in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="promptlode-") as folder:
        environment = os.environ | {"PROMPTLODE_DATA_DIR": folder, "DEMO_EXIT": "1", "NO_COLOR": "1"}
        command = [sys.executable, "-m", "app.cli", "demo"]
        process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        output = process.stdout.replace(folder, "~/.local/share/promptlode")
    for pattern, instead in INSTEAD:
        output = re.sub(pattern, instead, output)
    return output


def draw(output: str) -> str:
    """The terminal with the command and its output."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print("[bold green]$[/] [bold]promptlode demo[/]")
    console.print(output.rstrip(), markup=False, soft_wrap=True)
    picture = console.export_svg(title="promptlode demo", code_format=FORMAT, unique_id="demo")
    return re.sub(r'textLength="([\d.]+)"( [^>]*)>([^<]*)<', _with_its_width, picture)


def _with_its_width(drawn_text: re.Match[str]) -> str:
    """A text as wide as its cells: rich counts a Japanese character, which takes two of them, as one."""
    width, attributes, text = drawn_text.groups()
    plain_text = html.unescape(text)
    return f'textLength="{float(width) * cell_len(plain_text) / max(1, len(plain_text)):.1f}"{attributes}>{text}<'


def main() -> None:
    """Draw into FILE, by default docs/images/demo.svg."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES / "demo.svg"
    file.write_text(draw(printed()), encoding="utf-8")


if __name__ == "__main__":
    main()
