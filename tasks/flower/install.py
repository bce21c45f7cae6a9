"""Hooks into Flower 2.2: a page, a tab and a collector.  Tested against Flower itself (tests/flows/test_flower.py)."""

import asyncio
from pathlib import Path
from typing import Any

import tornado.template
import tornado.web
from flower.urls import handlers, settings
from flower.views import BaseHandler
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from app.config import settings as promptlode_settings
from app.errors import DatabaseDownError
from app.store.engine import make_engine
from tasks.monitor import collector_of, pipeline

HERE = Path(__file__).parent

#: Our tab goes before the last one in Flower's own navigation bar.
TABS_END = b'<ul class="app-nav app-nav-secondary'
TAB = b"""<ul class="app-nav navbar-nav">
        <li class="nav-item">
          <a class="nav-link{% if active_tab == 'grouping' %} active{% end %}"
            href="{{ reverse_url('grouping') }}">Grouping</a>
        </li>
      </ul>
      """


def install() -> None:
    """Add the page, the tab and the metrics; called before Flower builds its application."""
    engine = make_engine(promptlode_settings())
    REGISTRY.register(collector_of(engine))
    known = {"engine": engine, "pages": _address(promptlode_settings().pages_url)}
    handlers.insert(0, tornado.web.url(r"/grouping", GroupingView, known, name="grouping"))
    settings["template_loader"] = OverlayLoader(settings["template_path"])


def _address(pages: str) -> str:
    """The address of the pages, to which paths are appended; empty for an invalid one."""
    return pages.rstrip("/") if pages.startswith(("http://", "https://")) else ""


class GroupingView(BaseHandler):
    """The pipeline of all projects, read from PostgreSQL: correct even when every worker is dead."""

    def initialize(self, engine: Engine, pages: str) -> None:
        self._engine = engine
        self._pages = pages

    @tornado.web.authenticated
    async def get(self) -> None:
        try:
            now = await asyncio.to_thread(pipeline, self._engine, None)
        except DatabaseDownError:
            self.set_status(503)
            now = None
        self.render("grouping.html", now=now, pages=self._pages)


class OverlayLoader(tornado.template.Loader):
    """Flower's templates, with our page added and our tab in its navigation bar."""

    def _create_template(self, name: str) -> tornado.template.Template:
        if name == "grouping.html":
            return tornado.template.Template((HERE / name).read_bytes(), name=name, loader=self)
        if name == "navbar.html":
            return tornado.template.Template(self._with_tab(name), name=name, loader=self)
        return super()._create_template(name)

    def resolve_path(self, name: str, parent_path: Any = None) -> str:
        return name

    def _with_tab(self, name: str) -> bytes:
        return (Path(self.root) / name).read_bytes().replace(TABS_END, TAB + TABS_END, 1)
