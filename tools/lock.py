"""`python tools/lock.py REQUIREMENT...`: what is installed for these, one name==version a line; nothing else of the environment."""

import sys
from collections.abc import Iterator
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def installed(wanted: list[str], root: str = "promptlode") -> dict[str, str]:
    """The versions of all that these need, by name; not of the root itself, which has none yet."""
    seen: set[tuple[str, str]] = set()
    found: dict[str, str] = {}
    waiting = [Requirement(each) for each in wanted]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            name = canonicalize_name(requirement.name)
            if (name, extra) not in seen:
                seen.add((name, extra))
                found[name] = distribution(name).version
                waiting += needed(name, extra)
    return {name: version for name, version in sorted(found.items()) if name != root}


def needed(name: str, extra: str) -> Iterator[Requirement]:
    """What a distribution asks for on this machine, with one of its extras or none."""
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


if __name__ == "__main__":
    print("\n".join(f"{name}=={version}" for name, version in installed(sys.argv[1:]).items()))
