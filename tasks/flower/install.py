"""Hooks into Flower 2.2: a page, a tab and a collector. Tested against Flower itself (tests/flows/test_flower.py)."""

import asyncio
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import tornado.template
import tornado.web
from flower.urls import handlers, settings
from flower.views import BaseHandler
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from tornado.options import options

from app.config import settings as promptlode_settings
from app.errors import DatabaseDownError
from tasks.celery import app as celery

HERE = Path(__file__).parent

HEAD_ENDS = b"</head>"
"""Flower's green and grey have too little contrast at the size of these texts, in light and in dark (WCAG 2.2, 1.4.3: 4.5:1)."""

COLOURS = b"""<style>
  [data-bs-theme="light"] :is(.page-eyebrow, .nav-link.active, .task-state-filter.active) { color: #1f5c08; }
  [data-bs-theme="light"] :is(.page-eyebrow, .alert) :is(a, code) { color: inherit; }
  .nav-link { transition: none; }
  h1.page-eyebrow { line-height: 1.5; }
</style>
"""

TITLE, HEADING = (b'<p class="page-eyebrow">', b"</p>"), (b'<h1 class="page-eyebrow">', b"</h1>")
"""The title of Flower's pages is a paragraph; readers of a screen look for a heading."""

BODY_ENDS = b"</body>"
"""What DataTables 1.13 writes into Flower's tables, for readers of a screen and of a keyboard: its buttons have an attribute that does not
exist, and a table that scrolls sideways cannot be reached.
"""

TABLES = b"""<script>
  $(document).on("init.dt draw.dt", () => {
    $("[aria-role]").each((_, button) => $(button).attr("role", $(button).attr("aria-role")).removeAttr("aria-role"));
    $(".dataTables_scrollBody").attr("tabindex", 0);
  });
</script>
"""

EMPTY_HEADING, EMPTY_CELL = b"<th></th>", b"<td></td>"
"""Cells of the last line that name nothing."""

TABS_END = b'<ul class="app-nav app-nav-secondary'
"""Our tab goes before the last one in Flower's own navigation bar."""

TAB = b"""<ul class="app-nav navbar-nav">
        <li class="nav-item">
          <a class="nav-link{% if active_tab == 'grouping' %} active{% end %}"
            href="{{ reverse_url('grouping') }}">Grouping</a>
        </li>
      </ul>
      """


def install() -> None:
    """Add the page, the tab and the metrics; called before Flower builds its application."""
    promptlode_settings().require("database_url")
    _spare_the_tasks()
    REGISTRY.register(LateCollector())
    context = {"pages": _address(promptlode_settings().pages_url)}
    handlers.insert(0, tornado.web.url(r"/grouping", GroupingView, context, name="grouping"))
    settings["template_loader"] = OverlayLoader(settings["template_path"])


def _spare_the_tasks() -> None:
    """Keep Flower from importing our Celery tasks, unless it may send them: read-only pages know tasks from their events."""
    modules = celery.conf.imports
    celery.conf.imports = ()
    options.add_parse_callback(lambda: None if options.read_only else _import_all(modules))


def _import_all(modules: Iterable[str]) -> None:
    for module in modules:
        import_module(module)


class LateCollector(Collector):
    """Our metrics; what reads them is imported by the first scrape."""

    def describe(self) -> Iterable[Metric]:
        return []  # registering imports nothing

    def collect(self) -> Iterable[Metric]:
        from tasks.flower import figures

        return figures.collector().collect()


def _snapshot() -> dict[str, Any]:
    from tasks.flower import figures

    return figures.snapshot()


def _address(pages: str) -> str:
    """The address of the pages, to which paths are appended; empty for an invalid one."""
    return pages.rstrip("/") if pages.startswith(("http://", "https://")) else ""


class GroupingView(BaseHandler):
    """The pipeline of all projects, read from PostgreSQL: correct even when every worker is dead."""

    def initialize(self, pages: str) -> None:
        self._pages = pages

    @tornado.web.authenticated
    async def get(self) -> None:
        try:
            now = await asyncio.to_thread(_snapshot)
        except DatabaseDownError:
            self.set_status(503)
            now = None
        self.render("grouping.html", now=now, pages=self._pages)


class OverlayLoader(tornado.template.Loader):
    """Flower's templates, with our page added, our tab in its navigation bar, titles as headings, and colours and tables that can be read."""

    def _create_template(self, name: str) -> tornado.template.Template:
        folder = HERE if name == "grouping.html" else Path(self.root)
        content = (folder / name).read_bytes()
        changed = _with_heading(content).replace(EMPTY_HEADING, EMPTY_CELL)
        for mark, addition in ((TABS_END, TAB), (HEAD_ENDS, COLOURS), (BODY_ENDS, TABLES)):
            changed = changed.replace(mark, addition + mark, 1)
        return tornado.template.Template(changed, name=name, loader=self)

    def resolve_path(self, name: str, parent_path: Any = None) -> str:
        return name


def _with_heading(content: bytes) -> bytes:
    before, _, after = content.partition(TITLE[0])
    return before + HEADING[0] + after.replace(TITLE[1], HEADING[1], 1) if after else content
