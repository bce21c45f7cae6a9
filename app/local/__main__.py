"""`python -m app.local run` and `python -m app.local demo`: what `make run` and `make demo` start."""

import sys

from app.local import serve

COMMANDS = {"run": serve.run, "demo": serve.demo}

if __name__ == "__main__":
    command = COMMANDS.get(" ".join(sys.argv[1:]))
    if command is None:
        sys.exit(f"Usage: python -m app.local {'|'.join(COMMANDS)}")
    command()
