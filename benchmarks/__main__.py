"""Run the benchmarks and write what they print into the documents.

    python -m benchmarks [WORD ...]

The documents name the commands: the text between `<!-- run: python -m benchmarks.mining -->` and `<!-- end -->` is the output of that
command. With a WORD, only commands that contain it run; the other tables stay as they are.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    ROOT / "docs" / "benchmarks.md",
    ROOT / "docs" / "storage.md",
    ROOT / "docs" / "scale.md",
    ROOT / "benchmarks" / "frameworks" / "README.md",
)
_SECTION = re.compile(r"(<!-- run: (python [^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def measured(text: str, words: list[str]) -> str:
    """The document with the tables of the wanted commands made anew; stops at the first command that fails."""
    return _SECTION.sub(lambda section: _reprinted(section) if _is_wanted(section[2], words) else section[0], text)


def _is_wanted(command: str, words: list[str]) -> bool:
    return not words or any(word in command for word in words)


def _reprinted(section: re.Match[str]) -> str:
    print(f"$ {section[2]}", file=sys.stderr, flush=True)
    command = [sys.executable, *shlex.split(section[2])[1:]]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(printed, flush=True)
    return f"{section[1]}{printed.strip()}\n{section[3]}"


def main() -> int:
    for document in DOCUMENTS:
        try:
            document.write_text(measured(document.read_text(encoding="utf-8"), sys.argv[1:]), encoding="utf-8")
        except subprocess.CalledProcessError as error:
            print(f"{shlex.join(error.cmd)} failed; {document.name} is as it was.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
