"""The pages and Flower's in a browser: no script fails, every element is within reach, and every click does its work.

They are one module, so that one worker starts one Chromium.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from app.local.processes import free_port
from app.store import groups, heartbeats, projects
from app.store.engine import transaction
from tests.app.api_helpers import know
from tests.browser.conftest import AXE, SYSTEM, Site
from tests.flows.containers import flower_container

PATIENCE = 60_000
"""Milliseconds that a step may take, on a machine that has much else to do."""

EVERY_RULE = "{resultTypes: ['violations']}"
EVERY_RULE_BUT_COLOURS = "{resultTypes: ['violations'], rules: {'color-contrast': {enabled: false}}}"
"""For the phone: its colours are those of the desk, and contrast takes half of axe-core's time."""
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}


class Window:
    """A page of the browser, with the errors that the browser reported."""

    def __init__(self, context: Any, url: str) -> None:
        self.url = url
        self.page = context.new_page()
        self.wrong: list[str] = []
        self.page.on(
            "console", lambda message: self.wrong.append(message.text) if message.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *_: object) -> None:
        self.page.close()

    def open(self, path: str) -> Any:
        answer = self.page.goto(self.url + path)
        assert answer.status == 200, f"{path} answered {answer.status}"
        return self.page

    def violations(self) -> list[str]:
        """axe-core's findings in light colours, and those about contrast in dark colours."""
        self.page.evaluate(AXE)
        self.page.emulate_media(color_scheme="dark")
        dark = self._found_by_axe("{runOnly: ['color-contrast']}")
        self.page.emulate_media(color_scheme="light")
        return [*dark, *self._found_by_axe(EVERY_RULE)]

    def _found_by_axe(self, options: str) -> list[str]:
        report = self.page.evaluate(f"axe.run(document, {options})")
        return [
            f"{violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for violation in report["violations"]
            for node in violation["nodes"][:3]
        ]

    def faults(self, path: str) -> list[str]:
        """All faults of a page, in a desktop's window and then in a phone's."""
        self.open(path)
        on_a_desk = [*self.too_wide(), *self.violations()]
        self.page.set_viewport_size(SIZES["phone"])
        on_a_phone = [*self.too_wide(), *self._found_by_axe(EVERY_RULE_BUT_COLOURS)]
        self.page.set_viewport_size(SIZES["desk"])
        failed, self.wrong = self.wrong, []
        return [*on_a_desk, *on_a_phone, *failed]

    def too_wide(self) -> list[str]:
        width = self.page.viewport_size["width"]
        is_wide = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        return [f"is wider than a window of {width}"] if is_wide else []


@contextmanager
def profile(browser: Any, *, size: str = "desk", **options: Any) -> Iterator[Any]:
    """A profile of the browser, with cookies and a size of its own."""
    context = browser.new_context(viewport=SIZES[size], **options)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@contextmanager
def own_window(browser: Any, url: str, **options: Any) -> Iterator[Window]:
    with profile(browser, **options) as context, Window(context, url) as window:
        yield window


@pytest.fixture(scope="module")
def desk(browser: Any) -> Iterator[Any]:
    """One window, in which each test has a tab of its own: Chromium takes 1 s of a core for each window."""
    with profile(browser) as context:
        context.new_page()  # the window stays while a tab is open
        yield context


def test_every_page_is_accessible_and_fails_in_nothing_on_a_desk_and_a_phone(desk: Any, site: Site) -> None:
    task = f"/tasks/{site.ids['task']}"
    pages = (
        "/",
        "/?range=30d&sort=cost&q=mail",
        "/?since=2026-03-09&until=2026-03-01",
        task,
        f"{task}?version=2&metric=cost",
        f"{task}/slots/plan",
        f"{task}/calls?slot.plan=free",
        f"/traces/{site.ids['call']}",
        f"/traces/{site.ids['ungrouped']}",
        "/ungrouped",
        "/changes?range=30d",
        "/decisions",
        "/pipeline",
        "/login",
    )
    with Window(desk, site.url) as window:
        all_faults = [f"{path}: {fault}" for path in pages for fault in window.faults(path)]
    assert not all_faults, "\n".join(all_faults)


def test_a_table_is_a_tab_stop_only_where_it_scrolls(desk: Any, site: Site) -> None:
    stops = """[...document.querySelectorAll('.table')].map((frame) =>
        [frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight, frame.tabIndex === 0,
         frame.getAttribute('aria-label').startsWith('Table: ')])"""
    with Window(desk, site.url) as window:
        for path in ("/", f"/tasks/{site.ids['task']}?version=2&against=1", "/pipeline"):
            page = window.open(path)
            page.wait_for_function(f"{stops}.every(([scrolls, is_stop, is_named]) => scrolls === is_stop && is_named)")
            assert page.evaluate(f"{stops}.length") > 0


def test_tasks_are_sorted_searched_and_seen_over_another_range(desk: Any, site: Site) -> None:
    with Window(desk, site.url) as window:
        page = window.open("/")
        page.click("th a:has-text('Cost a day')")
        page.wait_for_url(re.compile("sort=cost"))
        assert page.get_attribute("th[aria-sort]", "aria-sort") == "descending"
        page.click("nav.ranges a:has-text('24 h')")
        page.wait_for_url(re.compile("range=24h"))
        assert "sort=cost" in page.url
        page.keyboard.press("/")
        page.keyboard.type("order plan")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("q=order"))
        assert page.locator("table.tasks tbody tr").count() == 1
        assert window.wrong == []


def test_a_value_leads_to_its_calls_and_a_call_to_the_next(desk: Any, site: Site) -> None:
    with Window(desk, site.url) as window:
        page = window.open(f"/tasks/{site.ids['task']}")
        page.click("table.slots a:has-text('plan')")
        page.click("a:has-text('trade')")
        page.wait_for_url(re.compile(r"slot\.plan=trade"))
        page.click("table.calls tbody a >> nth=0")
        assert "trade" in page.inner_text("#main")
        before = page.url
        page.click("a[rel=prev]")
        page.wait_for_url(lambda url: url != before)
        assert page.locator("a[rel=next]").count() == 1


def test_a_text_from_right_to_left_ends_on_the_left_with_its_full_stop(desk: Any, site: Site) -> None:
    places = {
        f"/traces/{site.ids['call']}": [".prompt", ".values dd"],
        f"/tasks/{site.ids['task']}/slots/mail": [".legend bdi", ".value"],
    }
    ends_left = """([selector, text]) => {
        const place = document.querySelector(selector), range = document.createRange()
        place.textContent = text
        const left = (from) => { range.setStart(place.firstChild, from); range.setEnd(place.firstChild, from + 1); return range.getBoundingClientRect().left }
        return left(text.length - 1) < left(0)
    }"""
    with Window(desk, site.url) as window:
        for address, selectors in places.items():
            page = window.open(address)
            wrong = [place for place in selectors if not page.evaluate(ends_left, [place, "ما هو وزن iPhone 15."])]
            assert wrong == []


def test_versions_stand_beside_each_other(desk: Any, site: Site) -> None:
    with Window(desk, site.url) as window:
        page = window.open(f"/tasks/{site.ids['task']}?version=2&against=1")
        board = page.inner_text(".board")
        assert "95 of 100 took at most" in board
        assert "fewer than 30 calls" in page.inner_text("main")
        assert page.locator(".plot path.layer").count() == 2


def test_numbers_of_an_axis_stand_beside_the_layers_of_a_chart(desk: Any, site: Site) -> None:
    boxes = "elements => elements.map(element => element.getBoundingClientRect().toJSON())"
    with Window(desk, site.url) as window:
        page = window.open(f"/tasks/{site.ids['task']}?range=24h")
        for size in ("desk", "phone"):
            page.set_viewport_size(SIZES[size])
            layers = page.locator(".plot .layer").evaluate_all(boxes)
            numbers = page.locator(".plot .axis").evaluate_all(boxes)
            assert max(box["right"] for box in layers) <= min(box["left"] for box in numbers)


def test_an_ungrouped_call_shows_the_words_that_stopped_it(desk: Any, site: Site) -> None:
    with Window(desk, site.url) as window:
        page = window.open(f"/traces/{site.ids['ungrouped']}")
        assert page.inner_text(".sides ins").startswith("or other.")
        assert page.inner_text(".sides del").startswith("and other.")


def test_a_saved_form_is_confirmed(desk: Any, own_site: Site) -> None:
    with Window(desk, own_site.url) as window:
        page = window.open(f"/tasks/{own_site.ids['task']}")
        page.click("summary:has-text('Name and describe')")
        page.fill("#name", "Sort mail")
        page.click("form:has(#name) button")
        page.wait_for_selector("[role=status]:has-text('Saved: name')")
        assert page.inner_text("h1") == "Sort mail"


def test_tasks_are_merged_split_and_put_back_after_a_look_at_each(desk: Any, own_site: Site) -> None:
    other_task = know(
        own_site.engine, own_site.project, "/mail", "", "Thank the customer of order {{order}} in one line."
    )
    own_site.send(
        [
            {"model": "gpt-5", "path": "/mail", "input": f"Thank the customer of order {number} in one line."}
            for number in range(3)
        ]
    )
    with Window(desk, own_site.url) as window:
        page = window.open(f"/tasks/{other_task}")
        page.click("summary:has-text('Merge this task')")
        page.click("button:has-text('Look at the merge')")
        assert "1 version and 3 calls would be of another task" in page.inner_text("#main")
        assert not window.violations()
        page.click("form button:text-is('Merge')")
        page.wait_for_selector("[role=status]:has-text('Merged')")
        assert page.url.endswith(f"/tasks/{own_site.ids['task']}")
        page.click("a.version:has-text('v3')")
        page.click("summary:has-text('Make v3 a task of its own')")
        page.click("button:has-text('Look at the split')")
        page.click("form button:text-is('Split')")
        page.wait_for_selector("[role=status]:has-text('Split')")
        for undone in ("Undone: Split", "Undone: Merged"):
            page.click("nav a:has-text('Decisions')")
            page.click("tr:not(:has(.pill)) a:has-text('Undo') >> nth=0")
            page.click("form button:text-is('Undo')")
            page.wait_for_selector(f"[role=status]:has-text('{undone}')")
        assert not window.violations()
        assert page.goto(f"{own_site.url}/tasks/{other_task}").url.endswith(f"/tasks/{other_task}")
        assert page.locator("a.version").all_inner_texts() == ["v1"]
        assert window.wrong == []


def test_a_template_is_copied_on_touch_and_without_a_clipboard_to_write_to(browser: Any, site: Site) -> None:
    with own_window(browser, site.url, size="phone", has_touch=True, is_mobile=True) as window:
        window.page.add_init_script(
            "delete Navigator.prototype.clipboard;"
            "document.addEventListener('copy', (event) =>"
            " setTimeout(() => (window.copied = window.given)));"
            "DataTransfer.prototype.setData = function (kind, text) { window.given = text; };"
        )
        page = window.open(f"/tasks/{site.ids['task']}")
        button = page.locator(".part .copy >> nth=0")
        assert button.evaluate("each => getComputedStyle(each).opacity") == "1"
        button.tap()
        page.wait_for_function("window.copied !== undefined")
        assert page.evaluate("window.copied") == SYSTEM
        assert window.wrong == []


def test_new_calls_are_told_without_a_reload(desk: Any, own_site: Site) -> None:
    with Window(desk, own_site.url) as window:
        page = window.open("/")
        own_site.send([{"model": "gpt-5", "path": "/say", "input": "Something"}] * 3)
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        page.wait_for_selector("text=3 new calls")


def test_times_are_those_of_the_reader(browser: Any, site: Site) -> None:
    with own_window(browser, site.url, timezone_id="Asia/Tokyo", locale="en-GB") as window:
        page = window.open(f"/traces/{site.ids['call']}")
        utc = page.get_attribute("h1 time", "datetime")
        shown = page.evaluate(
            "new Intl.DateTimeFormat('en-GB', {dateStyle: 'medium', timeStyle: 'medium', timeZone: 'Asia/Tokyo'})"
            f".format(new Date('{utc}'))"
        )
        assert page.inner_text("h1 time") == shown


PAGES_OF_FLOWER = ("/grouping", "/workers", "/tasks", "/broker")


@pytest.fixture
def flower(browser: Any, environment: dict[str, str], engine: Engine, tmp_path: Path) -> Iterator[Window]:
    """A window on Flower, of a database with a worker that lives and a group."""
    with transaction(engine) as connection:
        groups.get_or_create(connection, projects.get_or_create(connection, "shop").id, ["/chat"])
        heartbeats.beat(connection, "celery@here:7", "worker")
    port = free_port()
    container = flower_container(environment, tmp_path, port)
    login = {"username": "anna", "password": "secret"}
    with own_window(browser, f"http://127.0.0.1:{port}", http_credentials=login) as window:
        yield window
    container.teardown()


def test_pages_of_flower_break_no_rule_of_axe_on_a_desk_and_a_phone(flower: Window) -> None:
    assert {path: flower.faults(path) for path in PAGES_OF_FLOWER} == {path: [] for path in PAGES_OF_FLOWER}
