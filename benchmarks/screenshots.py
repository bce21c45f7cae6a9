"""Draw the docs' pictures and the README's tour: pages with the grouped sample traffic, in headless Chromium.

    python -m benchmarks.screenshots [FOLDER]

Needs a Chromium (`apt-get install chromium`, or CHROMIUM=/path/to/chrome).
"""

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright
from sqlalchemy import text
from werkzeug.serving import make_server

from app.store import rollup
from app.store.engine import transaction
from app.web import create_app
from benchmarks.installation import Installation, installed
from benchmarks.storage import filled

IMAGES = Path(__file__).parents[1] / "docs" / "images"
DESK, PHONE = (1280, 900), (390, 844)
SECONDS_A_PAGE = 3
"""Seconds of each page in the tour: enough to read the page's headings."""

FIND = {
    "task": "SELECT task_id FROM implementation GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    "slot": "SELECT slots[1] FROM template WHERE task_id = :task AND retired_at IS NULL ORDER BY id DESC LIMIT 1",
    "call": "SELECT id FROM trace WHERE implementation_id IN (SELECT id FROM implementation WHERE task_id = :task) ORDER BY id DESC LIMIT 1",
    "ungrouped": "SELECT id FROM trace WHERE implementation_id IS NULL AND prompt_parts IS NOT NULL ORDER BY id LIMIT 1",
}
"""The pictures show the task with most versions."""


def ids(installation: Installation) -> dict[str, str]:
    """The ids of the shown task and its parts, by name."""
    id_of: dict[str, str] = {}
    with installation.engine.connect() as connection:
        for name, query in FIND.items():
            id_of[name] = str(connection.execute(text(query), {"task": id_of.get("task")}).scalar())
    return id_of


def pictures(id_of: dict[str, str]) -> Iterator[tuple[str, str, tuple[int, int], str]]:
    """(name, page, size, colours) of each picture."""
    task = f"/tasks/{id_of['task']}"
    yield "tasks", "/?sort=cost", DESK, "light"
    yield "task", task, (1280, 1500), "light"
    yield "slot", f"{task}/slots/{id_of['slot']}", DESK, "light"
    yield "call", f"/traces/{id_of['call']}", DESK, "dark"
    yield "phone", "/?sort=cost", PHONE, "dark"


def tour(id_of: dict[str, str]) -> Iterator[tuple[str, str | None]]:
    """(page, the element that is scrolled to the middle of the window) of the tour; None: the top of the page."""
    task = f"/tasks/{id_of['task']}"
    yield "/?sort=cost", None
    yield task, None
    yield task, ".prompt"
    yield f"{task}/slots/{id_of['slot']}", None
    yield f"/traces/{id_of['call']}", None


@contextmanager
def served(installation: Installation) -> Iterator[str]:
    """Serves the pages on this machine without a password. Yields their address."""
    app = create_app(installation.settings.model_copy(update={"local_mode": True}))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()


def draw(address: str, id_of: dict[str, str], folder: Path) -> None:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("No browser: apt-get install chromium, or set CHROMIUM.")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, page, (width, height), colours in pictures(id_of):
            shoot(browser, address + page, folder / f"{name}.png", (width, height), colours)
        film(browser, address, id_of, folder / "tour.gif")
        browser.close()


def shoot(browser: Any, address: str, file: Path, size: tuple[int, int], colours: Any) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=colours)
    page = context.new_page()
    page.goto(address, wait_until="networkidle", timeout=120_000)
    page.screenshot(path=file)
    context.close()
    print(f"drawn: {file}")


def film(browser: Any, address: str, id_of: dict[str, str], file: Path) -> None:
    """The tour as a GIF: a second or two a page."""
    context = browser.new_context(viewport={"width": 1100, "height": 720}, color_scheme="light")
    page = context.new_page()
    frames = []
    for path, middle in tour(id_of):
        page.goto(address + path, wait_until="networkidle", timeout=120_000)
        if middle is not None:
            page.locator(middle).first.evaluate("place => place.scrollIntoView({block: 'center'})")
        frames.append(Image.open(BytesIO(page.screenshot())).convert("P", palette=Image.Palette.ADAPTIVE, colors=64))
    context.close()
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=SECONDS_A_PAGE * 1000, loop=0, optimize=True)
    print(f"drawn: {file}")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with installed() as installation:
        filled(installation)
        while True:
            with transaction(installation.engine) as connection:
                if not rollup.add_up(connection):
                    break
        with served(installation) as address:
            draw(address, ids(installation), folder)


if __name__ == "__main__":
    main()
