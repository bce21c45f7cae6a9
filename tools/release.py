"""`python tools/release.py`: what a release consists of, in dist/: wheels, lock, SBOM, notes and checksums.

The version of both packages and the newest heading of CHANGELOG.md must be the same, and nothing may be uncommitted.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
EXPORT = ("export", "--frozen", "--quiet", "--extra", "local", "--no-emit-project")


def main() -> None:
    version = checked_version(ROOT)
    shutil.rmtree(DIST, ignore_errors=True)
    for package in (ROOT, ROOT / "client"):
        uv("build", "--quiet", "--wheel", "--out-dir", str(DIST), str(package))
    (DIST / ".gitignore").unlink(missing_ok=True)  # uv writes one
    describe(DIST)
    (DIST / "NOTES.md").write_text(notes(ROOT, version), encoding="utf-8")
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(DIST.iterdir())]
    (DIST / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    print(f"dist/ holds release {version}:", *sorted(file.name for file in DIST.iterdir()), sep="\n  ")


def describe(folder: Path) -> None:
    """requirements.lock (names and versions, for pip install -r) and sbom.cdx.json (CycloneDX) of what `local` needs."""
    folder.mkdir(exist_ok=True)
    uv(*EXPORT, "--no-hashes", "--no-annotate", "--no-header", "--output-file", str(folder / "requirements.lock"))
    sbom = ("--format", "cyclonedx1.5", "--preview-features", "sbom-export")
    uv(*EXPORT, *sbom, "--output-file", str(folder / "sbom.cdx.json"))


def checked_version(root: Path) -> str:
    """The version to release; ends the program with the reason where there is none."""
    if subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, check=True).stdout:
        sys.exit("Something is not committed: a release is made of a commit (git status).")
    versions = {package: _version(root / package / "pyproject.toml") for package in (".", "client")}
    versions["CHANGELOG.md"] = _headings(root)[0].split()[0]
    if len(set(versions.values())) > 1:
        sys.exit(f"The versions differ: {versions}. Set them to the one of this release.")
    return versions["."]


def notes(root: Path, version: str) -> str:
    """The section of CHANGELOG.md about this version."""
    sections = re.split(r"^## ", (root / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return next(f"## {section}" for section in sections if section.split()[0] == version)


def uv(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("uv")), *arguments], cwd=ROOT, check=True)


def _version(file: Path) -> str:
    return str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"])


def _headings(root: Path) -> list[str]:
    return re.findall(r"^## (.+)$", (root / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)


if __name__ == "__main__":
    if sys.argv[1:] == ["sbom"]:
        describe(ROOT / "build")
    else:
        main()
