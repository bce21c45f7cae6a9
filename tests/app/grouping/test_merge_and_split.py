"""A person merges and splits tasks: everything follows, and no later run undoes the decision."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text

from app.deciding import decisions
from app.store.audit import COMMAND
from app.store.tables import implementation, task
from app.store.templates import implementation_for
from tests.app.api_helpers import assert_problem, client_with, merge, new_key, split, versions, wait_for
from tests.app.grouping_world import (
    BEGIN,
    EDITED,
    REPORT,
    TRIAGE,
    Group,
    World,
    during_mining,
    frozen,
    miner_that_finds,
    report,
    reports_of_two_days,
    tasks_of_two_days,
    triage,
    triage_edited,
    words,
)

FRAME = "Classify the support ticket below into one of: billing, delivery, {{last}}\n\nTicket: {{ticket}}\nLabel:"


def triage_framed(number: int) -> str:
    return triage(number).replace("other.", "returns, or none.")


AGAIN = EDITED.replace("say other.", "say other, and never guess.")


@pytest.fixture
def pair(world: World, monkeypatch: pytest.MonkeyPatch) -> Group:
    """Two tasks that are alike and in use side by side, of twenty calls each."""
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED))
    group = world.group()
    side_by_side(group, 0)
    group.run()
    assert group.versions_of_tasks == [[(1, 20)], [(1, 20)]]
    return group


def side_by_side(group: Group, start: int, edited: Any = triage_edited) -> None:
    for number in range(start, start + 20):
        group.send([triage(number)])
        group.send([edited(number)])


def triage_again(number: int) -> str:
    return triage_edited(number).replace("say other.", "say other, and never guess.")


# --- merge


def test_the_versions_of_a_merged_task_go_on_in_the_other(admin: FlaskClient, pair: Group) -> None:
    first, second = pair.tasks
    [moved] = versions(admin, second.id)

    answer = merge(admin, second.id, first.id)

    assert (answer["id"], answer["versions"], answer["calls"]) == (str(first.id), 2, 40)
    assert [item["id"] for item in admin.get("/api/v1/tasks").json["items"]] == [str(first.id)]
    assert versions(admin, first.id)[1] == moved | {"task_id": str(first.id), "version": 2}
    calls = admin.get(f"/api/v1/traces?task_id={first.id}&limit=200").json["items"]
    assert (len(calls), {call["task_id"] for call in calls}) == (40, {str(first.id)})
    call = admin.post(
        "/api/v1/traces", json={"path": pair.path, "model": "gpt-5-mini", "input": triage_edited(99)}
    ).json
    assert (call["grouping"], call["task_id"], call["implementation_id"]) == ("matched", str(first.id), moved["id"])


def test_no_run_takes_a_template_out_of_a_task_that_a_person_merged(
    world: World, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given three tasks side by side, of which a person merged the first and the last; the last one's template matches the second one's calls too
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED, FRAME))
    group = world.group()
    for number in range(10):
        group.send([triage(number), triage_edited(number)])
        group.send([triage_framed(number)] if number % 2 else [])
    group.run()
    first, second, third = group.tasks
    merge(admin, third.id, first.id)

    # When that template turns out to be the wider form of the second task's only one
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, FRAME))
    group.want("all")
    group.run()

    # Then the merged task keeps the template, and the second task leads there
    assert [task_row.id for task_row in group.tasks] == [first.id]
    assert world.rows(select(task.c.merged_into).where(task.c.id == second.id)) == [(first.id,)]
    group.assert_exact()


def test_the_id_of_a_merged_task_leads_to_the_other(admin: FlaskClient, pair: Group) -> None:
    first, second = pair.tasks
    merge(admin, second.id, first.id)
    for resource in ("", "/implementations"):
        answer = admin.get(f"/api/v1/tasks/{second.id}{resource}")
        assert (answer.status_code, answer.json) == (308, {"merged_into": str(first.id)})
        assert answer.headers["Location"] == f"/api/v1/tasks/{first.id}{resource}"
    assert len(admin.get(f"/api/v1/traces?task_id={second.id}&limit=200").json["items"]) == 40
    assert_problem(admin.patch(f"/api/v1/tasks/{second.id}", json={"name": "Mine"}), 404)


def test_merged_versions_are_numbered_by_their_first_calls(admin: FlaskClient, pair: Group) -> None:
    first, second = pair.tasks
    pair.send([triage_edited(30)], model="gpt-6", started_at=BEGIN.isoformat())
    pair.send([triage_edited(31)], model="gpt-7")
    merge(admin, second.id, first.id)
    assert [(version.number, version.model) for version in pair.versions(first.id)] == [
        (1, "gpt-5-mini"),
        (2, "gpt-6"),
        (3, "gpt-5-mini"),
        (4, "gpt-7"),
    ]


def test_merged_versions_are_listed_by_number_page_by_page(admin: FlaskClient, pair: Group) -> None:
    """A merge of the older task into the younger task numbers the older versions after those of the younger."""
    first, second = pair.tasks
    pair.send([triage(30)], model="gpt-6")
    merge(admin, first.id, second.id)
    assert [item["version"] for item in versions(admin, second.id)] == [1, 2, 3]
    address, items = f"/api/v1/tasks/{second.id}/implementations?limit=1", []
    page = admin.get(address).json
    while page["next_cursor"]:
        items += page["items"]
        page = admin.get(f"{address}&cursor={page['next_cursor']}").json
    assert [item["version"] for item in items + page["items"]] == [1, 2, 3]
    assert admin.get(f"{address}&cursor={'_' * 21}w").json == {"items": [], "next_cursor": None}


def test_a_review_of_versions_in_use_side_by_side_does_not_part_what_a_person_merged(
    admin: FlaskClient, pair: Group
) -> None:
    first, second = pair.tasks
    merge(admin, second.id, first.id)
    side_by_side(pair, 20)
    pair.want("all")
    assert pair.run().outcome == "committed"
    assert pair.versions_of_tasks == [[(1, 40), (2, 40)]]
    pair.assert_exact()


def test_an_edit_of_a_merged_line_is_the_next_version_of_the_task_though_the_other_line_is_in_use(
    admin: FlaskClient, pair: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair.tasks
    merge(admin, second.id, first.id)
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED, AGAIN))
    side_by_side(pair, 20, triage_again)
    pair.run()
    assert pair.versions_of_tasks == [[(1, 40), (2, 20), (3, 20)]]
    side_by_side(pair, 40, triage_again)
    pair.want("all")
    pair.run()
    assert pair.versions_of_tasks == [[(1, 60), (2, 20), (3, 40)]]
    pair.assert_exact()


def test_two_lines_of_a_task_may_become_one(admin: FlaskClient, pair: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = pair.tasks
    merge(admin, second.id, first.id)
    wide = TRIAGE.replace("other.", "other.{{rule}}")
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(wide, supersedes={wide: TRIAGE}))
    pair.want("all")
    pair.run()
    assert [task_row.id for task_row in pair.tasks] == [first.id]
    assert sum(calls for _, calls in pair.versions_of_tasks[0]) == 40
    pair.assert_exact()


def test_a_run_that_read_its_calls_before_a_merge_cannot_save(
    admin: FlaskClient, pair: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair.tasks
    side_by_side(pair, 20)
    pair.want("all")
    during_mining(monkeypatch, lambda: merge(admin, second.id, first.id))
    assert pair.run().outcome == "fenced"
    assert (pair.row.attempts, pair.row.not_before) == (0, None)
    assert pair.run().outcome == "committed"
    assert pair.versions_of_tasks == [[(1, 40), (2, 40)]]


def test_a_version_made_while_tasks_are_merged_is_of_the_one_that_stays(world: World, pair: Group) -> None:
    first, second = pair.tasks
    known = next(template_row for template_row in pair.templates if template_row.task_id == second.id)
    versions: list[UUID] = []

    def make() -> None:
        with world.engine.begin() as connection:
            versions.append(
                implementation_for(connection, known.id, model="new", settings={}, tools=None, settings_digest="x")
            )

    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as threads:
        with world.engine.begin() as connection:
            decisions.merge(connection, pair.project_id, second.id, first.id, actor=COMMAND)
            making = threads.submit(make)
            wait_for(lambda: bool(world.rows(waiting)[0][0]))
        making.result(180)
    [row] = world.rows(select(implementation).where(implementation.c.id == versions[0]))
    assert (row.task_id, row.version) == (first.id, 3)


def test_decisions_about_a_merged_task_hold_where_the_other_has_none(admin: FlaskClient, pair: Group) -> None:
    first, second = pair.tasks
    [version] = versions(admin, second.id)
    decided = {"name": "Post room", "response_schema": {"type": "string"}, "production": version["id"]}
    admin.patch(f"/api/v1/tasks/{second.id}", json=decided | {"description": "Theirs."})
    admin.patch(f"/api/v1/tasks/{first.id}", json={"description": "Ours."})
    answer = merge(admin, second.id, first.id)
    assert (answer["name"], answer["description"], answer["response_schema"]) == (
        "Post room",
        "Ours.",
        {"type": "string"},
    )
    assert answer["production_implementation_id"] == version["id"]


def test_a_task_goes_on_in_another_of_its_path_only(
    admin: FlaskClient, web: Flask, engine: Engine, world: World, pair: Group
) -> None:
    first, second = pair.tasks
    elsewhere = world.group("/other")
    foreign = world.group(project="another")
    for other_group in (elsewhere, foreign):
        other_group.send(map(triage, range(5)))
        other_group.run()
    for into in (first.id, elsewhere.tasks[0].id, foreign.tasks[0].id, uuid4(), "x", None):
        answer = admin.post(f"/api/v1/tasks/{first.id}/merge", json={"into": into and str(into)})
        assert [error["loc"] for error in assert_problem(answer, 422)["errors"]] == [["into"]]
    stranger = client_with(web, new_key(engine, "another", "admin"))
    body = {"into": str(second.id)}
    assert_problem(stranger.post(f"/api/v1/tasks/{first.id}/merge", json=body), 404)
    assert_problem(client_with(web, new_key(engine, "shop")).post(f"/api/v1/tasks/{first.id}/merge", json=body), 403)
    assert pair.versions_of_tasks == [[(1, 20)], [(1, 20)]]


def judge(number: int, rule: str) -> dict[str, Any]:
    preamble = "You are an impartial judge. "
    return {"instructions": preamble + rule, "input": f"Answer:\n{words(number)}\n\nRating:", "model": "gpt-5-mini"}


CORRECT = "Rate how correct the answer is, against the facts that every encyclopaedia has. Ignore style."
POLITE = "Rate how polite the answer is towards a customer who may be angry. Ignore the facts."


def test_judges_that_a_person_made_one_task_stay_one_as_they_are_edited(admin: FlaskClient, world: World) -> None:
    # Given two judges that the miner tells apart, and a person who merges them
    group = world.group()

    def send(start: int, *rules: str) -> None:
        for number in range(start, start + 20):
            group.take([judge(number, rule) | {"path": group.path} for rule in rules])
        group.run()

    send(0, CORRECT, POLITE)
    first, second = group.tasks
    merge(admin, second.id, first.id)

    # If one of them is edited while the other stays in use, and the group is mined anew
    send(20, CORRECT, POLITE + " Sarcasm is never polite.")
    group.want("all")
    send(40, CORRECT, POLITE + " Sarcasm is never polite.")

    # I expect its edit to be the next version of the one task
    assert group.versions_of_tasks == [[(1, 60), (2, 20), (3, 40)]]
    group.assert_exact()


# --- split


@pytest.fixture
def reports(world: World, monkeypatch: pytest.MonkeyPatch) -> Group:
    """A task of two versions, which differ in the day, with six calls each."""
    group = reports_of_two_days(world, monkeypatch)
    assert group.versions_of_tasks == [[(1, 6), (2, 6)]]
    return group


def test_the_template_of_a_version_becomes_a_task_with_all_its_versions(admin: FlaskClient, reports: Group) -> None:
    reports.send((report(2, number) for number in range(3)), model="gpt-6")
    [report_task] = reports.tasks
    first, second, third = versions(admin, report_task.id)
    admin.patch(f"/api/v1/tasks/{report_task.id}", json={"production": second["id"]})

    answer = split(admin, second["id"])

    assert reports.versions_of_tasks == [[(1, 6)], [(1, 6), (2, 3)]]
    assert [version["id"] for version in versions(admin, answer["id"])] == [second["id"], third["id"]]
    assert [version["id"] for version in versions(admin, report_task.id)] == [first["id"]]
    assert answer["production_implementation_id"] == second["id"]
    assert admin.get(f"/api/v1/tasks/{report_task.id}").json["production_implementation_id"] is None
    assert answer["name"] not in ("", report_task.name)
    body = {"path": reports.path, "model": "gpt-6", "input": report(2, 9)}
    assert admin.post("/api/v1/traces", json=body).json["task_id"] == answer["id"]


def test_one_template_for_both_does_not_bring_together_what_a_person_split(
    admin: FlaskClient, reports: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    [report_task] = reports.tasks
    split(admin, versions(admin, report_task.id)[1]["id"])
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT))
    for extra_calls in (0, 3):
        reports.send(report(3, number) for number in range(3))
        reports.want("all")
        assert reports.run().outcome == "committed"
        assert reports.versions_of_tasks == [[(1, 9 + extra_calls)], [(1, 6)]]
    reports.assert_exact()


def test_one_template_for_both_does_not_bring_together_tasks_that_a_person_named(
    admin: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tasks_of_two_days(world, monkeypatch)
    first, second = group.tasks
    admin.patch(f"/api/v1/tasks/{first.id}", json={"name": "Log of the first"})
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT))
    group.send(report(3, number) for number in range(3))
    during_mining(monkeypatch, lambda: admin.patch(f"/api/v1/tasks/{second.id}", json={"name": "Log of the second"}))
    assert [group.run().outcome, group.run().outcome] == ["fenced", "committed"]
    assert group.versions_of_tasks == [[(1, 8)], [(1, 5)]]
    assert [task_row.name for task_row in group.tasks] == ["Log of the first", "Log of the second"]
    group.assert_exact()


def test_two_templates_of_one_run_do_not_bring_together_what_a_person_split_by_way_of_a_third_task(
    world: World, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the reports and the forecasts of two days, side by side: a person made the second report and the first forecast one task, and
    # split the second forecast from the first report
    def forecast(day: int, number: int) -> str:
        return report(day, number).replace("daily report", "forecast for sailors")

    forecasts = REPORT.replace("daily report", "forecast for sailors")
    mined = [text.replace("{{day}}", day) for text in (REPORT, forecasts) for day in "12"]
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(*mined))
    group = world.group()
    for number in range(5):
        group.send([text(day, number) for text in (report, forecast) for day in (1, 2)])
    group.run()
    first_report, second_report, first_forecast, second_forecast = group.tasks
    merge(admin, first_forecast.id, second_report.id)
    merge(admin, second_forecast.id, first_report.id)
    apart = split(admin, versions(admin, first_report.id)[1]["id"])

    # When one run finds that the day of the reports varies, and that of the forecasts
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT, forecasts))
    group.send(text(3, number) for text in (report, forecast) for number in range(3))
    group.want("all")
    assert group.run().outcome == "committed"

    # Then one of the two findings is of the third task and one of the split tasks, and the other split task stays as it is
    assert [task_row.id for task_row in group.tasks] == [first_report.id, UUID(apart["id"])]
    assert group.versions_of_tasks == [[(1, 13), (3, 8)], [(1, 5)]]
    group.assert_exact()


def test_a_replaced_template_that_is_found_again_does_not_bring_together_what_a_person_split(
    world: World, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = world.group()

    def find(*texts: str) -> None:
        monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(*texts, TRIAGE))
        group.want("all")
        assert group.run().outcome == "committed"

    # Given a template of all days that a template of each day replaced. A person split the second day from the first, and merged a third task
    # into the first; then the first day's template became wider
    for day in (1, 2):
        group.send(report(day, number) for number in range(5))
    group.send(map(triage, range(5)))
    find(REPORT)
    find(frozen(1), frozen(2))
    report_task, triage_task = group.tasks
    apart = split(admin, versions(admin, report_task.id)[1]["id"])
    merge(admin, triage_task.id, report_task.id)
    group.send(report(1, number).replace("-01.", "-01 (Sunday).") for number in range(3))
    find(frozen(1).replace("-01.", "-01{{weekday}}."), frozen(2))

    # When a run finds the template of all days again
    find(REPORT)

    # Then that template takes the place of the first day's only
    assert [task_row.id for task_row in group.tasks] == [report_task.id, UUID(apart["id"])]
    assert [[calls for _, calls in of_task] for of_task in group.versions_of_tasks] == [[8, 5], [5]]
    group.assert_exact()


def test_a_better_text_does_not_bring_together_what_a_person_split(
    admin: FlaskClient, reports: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    [report_task] = reports.tasks
    split(admin, versions(admin, report_task.id)[1]["id"])
    wide = frozen(2) + "{{end}}"
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(wide, supersedes={wide: frozen(2)}))
    reports.send(report(2, number) + " now" for number in range(3))
    reports.run()
    assert reports.versions_of_tasks == [[(1, 6)], [(1, 9)]]


def test_a_split_holds_when_one_of_the_tasks_is_merged_into_a_third(
    admin: FlaskClient, reports: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    [report_task] = reports.tasks
    reports.send(map(triage, range(6)))
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE))
    reports.run()
    third = reports.tasks[1].id
    split(admin, versions(admin, report_task.id)[1]["id"])
    merge(admin, report_task.id, third)
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT, TRIAGE))
    reports.send(report(3, number) for number in range(3))
    reports.want("all")
    reports.run()
    assert reports.versions_of_tasks == [[(1, 6), (2, 9)], [(1, 6)]]


def test_a_split_task_may_be_merged_again_and_is_one_for_runs_too(
    admin: FlaskClient, world: World, reports: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    [report_task] = reports.tasks
    apart = split(admin, versions(admin, report_task.id)[1]["id"])
    merge(admin, UUID(apart["id"]), report_task.id)
    assert [task_row.apart_from for task_row in world.rows(select(task).where(task.c.id == report_task.id))] == [[]]
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT))
    reports.send(report(3, number) for number in range(3))
    reports.run()
    assert reports.versions_of_tasks == [[(1, 15)]]
    reports.assert_exact()


def test_templates_whose_place_it_took_leave_with_the_one_that_is_split(
    admin: FlaskClient, reports: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = frozen(2) + "{{end}}"
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(wide, supersedes={wide: frozen(2)}))
    reports.send([report(2, 7) + " now"])
    reports.run()
    [report_task] = reports.tasks
    answer = split(admin, versions(admin, report_task.id)[1]["id"])
    assert [str(template_row.task_id) == answer["id"] for template_row in reports.templates] == [False, True, True]


def test_a_run_that_read_its_calls_before_a_split_cannot_save(
    admin: FlaskClient, reports: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    [report_task] = reports.tasks
    version = versions(admin, report_task.id)[1]["id"]
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(REPORT))
    reports.send(report(3, number) for number in range(3))
    during_mining(monkeypatch, lambda: split(admin, version))
    assert reports.run().outcome == "fenced"
    assert reports.run().outcome == "committed"
    assert reports.versions_of_tasks == [[(1, 9)], [(1, 6)]]


def test_only_a_template_beside_others_is_split(admin: FlaskClient, web: Flask, engine: Engine, pair: Group) -> None:
    [version] = versions(admin, pair.tasks[0].id)
    url = f"/api/v1/implementations/{version['id']}/split"
    assert_problem(admin.post(url), 409)
    assert_problem(admin.post(f"/api/v1/implementations/{uuid4()}/split"), 404)
    assert_problem(client_with(web, new_key(engine, "another", "admin")).post(url), 404)
    assert_problem(client_with(web, new_key(engine, "shop")).post(url), 403)
    assert pair.versions_of_tasks == [[(1, 20)], [(1, 20)]]


def test_merges_and_splits_are_in_the_audit_log(admin: FlaskClient, pair: Group) -> None:
    first, second = pair.tasks
    merge(admin, second.id, first.id)
    version = versions(admin, first.id)[1]["id"]
    apart = split(admin, version)
    entries = admin.get("/api/v1/audit").json["items"]
    assert [(entry["action"], entry["subject"], entry["details"]) for entry in entries] == [
        ("split_implementation", version, {"task": apart["id"]}),
        ("merge_task", str(second.id), {"into": str(first.id)}),
    ]
