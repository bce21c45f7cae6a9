"""The wheel holds every package of the checkout."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("package", ["app", "migrations", "tasks", "templating"])
def test_every_folder_with_modules_is_a_package(package: str) -> None:
    """A folder without __init__.py is left out of the wheel in silence."""
    folders = {module.parent for module in (ROOT / package).rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()
