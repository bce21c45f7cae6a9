"""The rows of the list of tasks. Python writes a row in a third of the time of a template; every text is escaped."""

from collections.abc import Callable, Sequence
from uuid import UUID

from markupsafe import Markup, escape

from app.pages.drawing import drawn_bar, drawn_spark, drawn_start, drawn_time
from app.pages.overview import TaskRow
from app.pages.ranging import ShownRange
from app.reading.pieces import one_line
from app.reading.spending import Spending
from app.words import dollars, number, percent, plural, seconds, short

BAD_SHARE = 0.05
"""Share of failed calls from which a task or a project stands out."""

_NO_PRICE = '<span class="faint" title="Nobody knows the price of its model; set one with promptlode prices set">no price</span>'


def drawn_rows(
    lines: Sequence[TaskRow],
    range_shown: ShownRange,
    to_task: Callable[[UUID], str],
    at_path: Callable[[str], str],
    of_range: str,
) -> Markup:
    """The rows of these tasks.

    to_task, at_path: the address of a task, and of the list of a path. of_range: the query string of the range.
    """
    return Markup("".join(_row(line, range_shown, to_task, at_path, of_range) for line in lines))  # noqa: S704  ours


def _row(
    line: TaskRow, range_shown: ShownRange, to_task: Callable[[UUID], str], at_path: Callable[[str], str], of_range: str
) -> str:
    task, used = line.task, line.spending.used
    return (
        f'<tr><td><div class="name"><a href="{escape(to_task(task.id) + of_range)}">{escape(one_line(task.name))}</a> '
        f'<a class="path" href="{escape(at_path(task.path))}" title="Tasks of this path">{escape(one_line(task.path))}</a></div>'
        f'<div class="start">{drawn_start(line.start, line.colours)}</div>'
        f'<p class="versions">{plural(task.versions, "version")}{_changed(line, range_shown)}</p></td>'
        f'<td class="activity">{drawn_spark(line.spark, plural(used.calls, "call"))}</td>'
        f'<td class="n" data-label="Calls" title="{number(task.calls)} in all">{short(used.calls)}</td>'
        f'<td class="n" data-label="Cost a day">{_cost_a_day(line.spending, range_shown.days_since(task.first_seen))}</td>'
        f'<td class="share" data-label="Share"><div>{drawn_bar(line.share)}<span>{escape(percent(line.share))}</span></div></td>'
        f'<td class="n" data-label="p95">{escape(seconds(used.latency_ms(0.95)))}</td>'
        f'<td class="n" data-label="Failed">{_failed(line.spending)}</td>'
        f'<td class="when" data-label="Last call">{drawn_time(task.last_seen)}</td></tr>'
    )


def _changed(line: TaskRow, range_shown: ShownRange) -> str:
    """The version in use, where there are others, and when it began."""
    in_use = line.in_use
    if in_use is None or in_use.versions < 2 or in_use.began is None:
        return ""
    if in_use.number == 1:
        return ' · <span class="changed">v1 in use</span>'
    recent = " recent" if in_use.began >= range_shown.begin else ""
    return f' · <span class="changed{recent}">v{in_use.number} changed {drawn_time(in_use.began)}</span>'


def _cost_a_day(spending: Spending, days: float) -> str:
    if not spending.used.calls:
        return "–"
    if spending.cost.is_unknown:
        return _NO_PRICE
    return escape(f"{'~' if spending.cost.estimated else ''}{dollars(spending.cost.dollars / days)}")


def _failed(spending: Spending) -> str:
    used = spending.used
    if not used.failures:
        return '<span class="faint">0</span>'
    stands_out = ' class="bad-text"' if used.failures > BAD_SHARE * used.calls else ""
    return f"<span{stands_out}>{short(used.failures)}</span>"
