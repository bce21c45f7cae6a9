"""A project moves into a file, out of a file, and to another database while the project takes calls; no kill loses or
doubles a call.
"""

import hashlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import orjson
import pytest
import zstandard
from flask import Flask
from grouping_world import Group, World, summary, triage
from sqlalchemy import Engine, text

from app.config import Settings, with_driver
from app.errors import CallerError, DatabaseDownError, DependencyError
from app.local.postgres import PostgresServer
from app.moving import move, parts
from app.moving.file import ProjectFileReader
from app.moving.files import export_project, import_project
from app.moving.move import Move
from app.store import decisions, keys, moves, project_tables, projects
from app.store.arrivals import Arriving
from app.store.engine import make_engine, transaction
from app.store.projects import Project
from app.store.tables import metadata
from tests.app.api_helpers import client_with, wait_for
from tests.app.cli_helpers import Cli
from tests.app.moving import moving_world
from tests.conftest import empty


@dataclass
class Side:
    """A database that a project leaves or arrives in."""

    url: str
    engine: Engine
    engine_of_senders: Engine
    settings: Settings

    def rows(self, project_id: UUID) -> dict[str, Any]:
        """All data that people see of a project."""
        with transaction(self.engine) as connection:
            by_people = [table for table in project_tables.all_tables() if table.name not in {"audit_entry", "project"}]
            return parts.totals(connection, project_id, by_people)

    def scalar(self, query: str, **values: Any) -> Any:
        with transaction(self.engine) as connection:
            return connection.execute(text(query), values).scalar()


@pytest.fixture(scope="module")
def both_sides(postgres_server: PostgresServer, migrated_template: str, redis_url: str) -> Iterator[tuple[Side, Side]]:
    """Two databases of their own, as of two installations."""

    def side(name: str) -> Side:
        url = with_driver(postgres_server.ensure_database(name, template=migrated_template))
        own = Settings(database_url=url, redis_url=redis_url)
        return Side(url, parts.patient_engine(own), make_engine(own), own)

    pair_of_sides = side("moving_here"), side("moving_there")
    yield pair_of_sides
    for one_side in pair_of_sides:
        one_side.engine.dispose()
        one_side.engine_of_senders.dispose()


@pytest.fixture
def sides(both_sides: tuple[Side, Side]) -> Iterator[tuple[Side, Side]]:
    """Both databases without a row, and without the triggers of a move that a test left unfinished."""
    yield both_sides
    for one_side in both_sides:
        empty(plain(one_side.url))
        moves.watch_no_more(one_side.engine)


@dataclass
class Shop:
    """A project with calls that are grouped, owed and named, a decision, a key and a neighbour."""

    project: Project
    key: str
    group: Group
    side: Side

    def send(self, prompts: Any, **fields: Any) -> list[UUID]:
        return self.group.send(prompts, **fields)


@pytest.fixture
def shop(sides: tuple[Side, Side]) -> Shop:
    here = sides[0]
    world = World(here.engine, here.settings)
    group, neighbour = world.group("/chat"), world.group("/chat", "neighbour")
    group.send(map(triage, range(6)))
    neighbour.send(map(triage, range(3)))
    group.run()
    group.send([summary(1)], external_id="one", user_id='tab\tquote" \\ back')
    with transaction(here.engine) as connection:
        key = keys.create(connection, group.project_id).key
        decisions.change_task(connection, group.tasks[0].id, {"name": "Sort\tmail\nnow \\N"})
    return Shop(Project(group.project_id, "shop"), key, group, here)


def cli_of(side: Side, environment: dict[str, str]) -> Cli:
    return Cli(environment | {"DATABASE_URL": side.url})


def plain(url: str) -> str:
    return url.replace("+psycopg2", "")


# --- what belongs


def test_every_table_belongs_to_a_project_or_is_said_not_to() -> None:
    named = (
        {table.name for table in project_tables.all_tables()} | project_tables.DERIVED_TABLES | project_tables.SHARED
    )
    assert named == set(metadata.tables)


# --- files


def test_ingest_has_most_of_the_time_while_a_move_tries_to_begin() -> None:
    pauses = list(moves.watch_pauses())
    assert sum(pauses) > 2 * len(pauses) * moves.WATCH_LOCK_MS / 1000


def test_an_imported_project_is_what_was_exported(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    here, there = sides
    file = str(tmp_path / "shop.promptlode")
    assert cli_of(here, environment)("projects", "export", "shop", file, "--with-keys").returncode == 0
    result = cli_of(there, environment)("projects", "import", file)
    assert result.returncode == 0, result.stderr
    assert there.rows(shop.project.id) == here.rows(shop.project.id)
    assert there.scalar("SELECT count(*) FROM trace") == 7
    assert (
        there.scalar("SELECT sum(calls) FROM call_count")
        == there.scalar("SELECT sum(calls) FROM call_usage WHERE span = 'day'")
        == 6
    )
    assert there.scalar("SELECT count(*) FROM trace_external_id") == 1


def test_an_import_that_is_given_again_changes_nothing(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    here, there = sides
    file = str(tmp_path / "shop.promptlode")
    cli_of(here, environment)("projects", "export", "shop", "--to", file)
    for message in (b"all rows and digests", b"nothing was imported"):
        result = cli_of(there, environment)("projects", "import", file, "--name", "second")
        assert result.returncode == 0
        assert message in result.stderr
    assert there.scalar("SELECT count(*) FROM trace") == 7
    assert there.scalar("SELECT name FROM project") == "second"
    assert there.scalar("SELECT count(*) FROM api_key") == 0


def test_a_file_that_is_cut_off_opens_nothing_and_the_whole_one_goes_on(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    here, there = sides
    complete, part = tmp_path / "whole", tmp_path / "part"
    cli_of(here, environment)("projects", "export", "shop", str(complete), "--with-keys")
    part.write_bytes(complete.read_bytes()[:-40])
    cut = cli_of(there, environment)("projects", "import", str(part))
    assert cut.returncode == 1
    assert b"cut off" in cut.stderr or b"damaged" in cut.stderr
    assert there.scalar("SELECT count(*) FROM api_key") == 0
    assert cli_of(there, environment)("projects", "import", str(complete)).returncode == 0
    assert there.rows(shop.project.id) == here.rows(shop.project.id)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x28\xb5\x2f\xfd", b'{"format": "promptlode project"}'])
def test_a_file_that_is_no_export_is_refused_in_a_sentence(
    sides: tuple[Side, Side], environment: dict[str, str], tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "wrong"
    file.write_bytes(content)
    result = cli_of(sides[0], environment)("projects", "import", str(file))
    assert result.returncode == 1
    assert result.stderr.startswith(b"Error: ")


def test_a_name_that_is_taken_is_said_with_the_remedy(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    here, there = sides
    with transaction(there.engine) as connection:
        projects.get_or_create(connection, "shop")
    file = str(tmp_path / "shop.promptlode")
    cli_of(here, environment)("projects", "export", "shop", file)
    result = cli_of(there, environment)("projects", "import", file)
    assert result.returncode == 1
    assert b"--name" in result.stderr
    assert there.scalar("SELECT count(*) FROM project") == 1


DELETE = ("delete", "--project", "shop", "--everything", "--with-project", "--yes")


def test_a_deleted_project_is_restored_as_often_as_it_is_deleted_and_the_log_keeps_what_came_since(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str], tmp_path: Path, webs: Callable[[Settings], Flask]
) -> None:
    here, file = sides[0], str(tmp_path / "shop.promptlode")
    cli, before = cli_of(here, environment), here.rows(shop.project.id)
    assert cli("projects", "export", "shop", file, "--with-keys").returncode == 0
    for _ in range(2):  # at the second time, the project is one that came from a file
        assert cli(*DELETE).returncode == 0
        result = cli("projects", "import", file)
        assert result.returncode == 0, result.stderr
        assert here.rows(shop.project.id) == before
    body = {"model": "m", "path": "/chat", "input": triage(99)}
    assert client_with(webs(here.settings), shop.key).post("/api/v1/traces", json=body).status_code == 201
    actions = "SELECT array_agg(action ORDER BY id) FROM audit_entry WHERE project_id = :own"
    since = ["delete_traces", "delete_project", "import_project"]
    assert here.scalar(actions, own=shop.project.id)[-7:] == ["export_project", *since, *since]


def test_an_import_says_which_project_is_in_its_way_whatever_name_the_new_one_shall_have(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    cli, file = cli_of(sides[0], environment), str(tmp_path / "shop.promptlode")
    assert cli("projects", "export", "shop", file).returncode == 0
    result = cli("projects", "import", file, "--name", "other")
    assert result.returncode == 1
    assert b"The project shop (" in result.stderr
    assert b"another name makes no other project" in result.stderr
    assert b"delete --project shop --everything --with-project" in result.stderr


def test_an_export_into_a_pipe_or_through_a_link_leaves_both_as_they_are(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    """A file is written beside its place and then put there, which would destroy a device, as /dev/null is for root."""
    cli, pipe, link = cli_of(sides[0], environment), tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "file")
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as receiving:
        assert cli("projects", "export", "shop", str(pipe)).returncode == 0
        assert ProjectFileReader(receiving).head["project"]["name"] == "shop"  # the pipe has room for all of it
    assert cli("projects", "export", "shop", str(link)).returncode == 0
    assert (pipe.is_fifo(), link.is_symlink(), (tmp_path / "file").is_file()) == (True, True, True)


def test_closing_sections_are_copied_into_the_database_one_by_one_so_that_no_file_fills_the_memory(
    sides: tuple[Side, Side], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = sides
    file = exported(here, shop)
    events: list[str] = []
    section, stage = ProjectFileReader._section, Arriving.stage

    def read(reader: ProjectFileReader, number: int, header: Any) -> Any:
        events.append(f"read {header['table']}" if header["closing"] else "other")
        return section(reader, number, header)

    def staged(arriving: Arriving, table: Any, columns: Any, data: bytes) -> None:
        events.append(f"staged {table.name}" if data else "other")
        stage(arriving, table, columns, data)

    monkeypatch.setattr(ProjectFileReader, "_section", read)
    monkeypatch.setattr(Arriving, "stage", staged)
    import_project(there.engine, io.BytesIO(file), name=None, peer="file", tell=lambda *_: None)
    closing = events[events.index(next(event for event in events if event.startswith("read "))) :]
    closing = [event for event in closing if event != "other"]
    assert len(closing) >= 6
    assert [event.split()[0] for event in closing] == ["read", "staged"] * (len(closing) // 2)


def exported(side: Side, shop: Shop) -> bytes:
    into = io.BytesIO()
    export_project(side.engine, shop.project, into, with_keys=True, tell=lambda *_: None)
    return into.getvalue()


@dataclass
class Forged:
    """The parts of a file, to be changed: its head, its sections as pairs of header and rows, its end."""

    head: dict[str, Any]
    sections: list[tuple[dict[str, Any], bytes]]
    end: Any

    @classmethod
    def of(cls, file: bytes) -> "Forged":
        reader = ProjectFileReader(io.BytesIO(file))
        sections = [
            ({"table": section.table, "columns": list(section.columns), "closing": section.closing}, section.data)
            for section in reader.sections()
        ]
        return cls(reader.head, sections, {name: vars(total) for name, total in reader.totals.items()})

    def section(self, table: str) -> int:
        return next(place for place, (header, _) in enumerate(self.sections) if header["table"] == table)

    def file(self) -> IO[bytes]:
        lines = [orjson.dumps(self.head)]
        for header, data in self.sections:
            digest = hashlib.sha256(data).hexdigest()
            lines += [orjson.dumps(header | {"bytes": len(data), "sha256": digest}), data[:-1]]
        return io.BytesIO(zstandard.compress(b"\n".join([*lines, orjson.dumps({"end": self.end}), b""])))


def no_id(forged: Forged) -> None:
    del forged.head["id"]


def rows_of_another_type(forged: Forged) -> None:
    place = forged.section("task")
    forged.sections[place] = (forged.sections[place][0], b"no\ttask\n")


def a_row_twice(forged: Forged) -> None:
    place = forged.section("template")
    header, data = forged.sections[place]
    forged.sections[place] = (header, data + data)


def a_column_twice(forged: Forged) -> None:
    columns = forged.sections[forged.section("template")][0]["columns"]
    columns[1] = columns[0]


def no_name(forged: Forged) -> None:
    header, _ = forged.sections[forged.section("project")]
    header["columns"].remove("name")


def no_uuid_in_a_log(forged: Forged) -> None:
    header = {"table": "audit_entry", "columns": ["id"], "closing": False}
    forged.sections.insert(1, (header, b"no uuid\n"))


def an_open_section_at_the_end(forged: Forged) -> None:
    header, data = forged.sections[-1]
    forged.sections.append((header | {"closing": False}, data))


def no_totals(forged: Forged) -> None:
    forged.end = [1]


def a_total_of_no_table(forged: Forged) -> None:
    forged.end["pg_user"] = {"rows": 1, "digest": "1"}


FORGERIES = [
    no_id, rows_of_another_type, a_row_twice, a_column_twice, no_name, no_uuid_in_a_log, an_open_section_at_the_end, no_totals,
    a_total_of_no_table,
]  # fmt: skip


def test_a_forged_file_is_refused_in_a_sentence_and_opens_nothing(sides: tuple[Side, Side], shop: Shop) -> None:
    here, there = sides
    file = exported(here, shop)
    for forge in FORGERIES:
        forged = Forged.of(file)
        forge(forged)
        with pytest.raises(CallerError, match=r"Export the project again\."):
            import_project(there.engine, forged.file(), name=None, peer="file", tell=lambda *_: None)
        assert there.scalar("SELECT count(*) FROM api_key") == 0


def test_rows_that_grow_make_shorter_pages_not_longer_ones(
    sides: tuple[Side, Side], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of rows of a page follows from the rows before: short calls, then long ones, made pages that no import took."""
    monkeypatch.setattr(project_tables, "MOST_PAGE_BYTES", 20_000)
    shop.send([f"A long call {number} {'x' * 15_000}" for number in range(6)])
    with transaction(sides[0].engine) as connection:
        calls = project_tables.table_named("trace")
        pages = list(project_tables.pages(connection, calls, shop.project.id, calls.columns))
    assert sum(page.rows for page in pages) == 13
    assert max(len(page.data) for page in pages) < 80_000


# --- moving


def test_a_moved_project_is_open_there_and_told_to_come_again_here(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str], webs: Callable[[Settings], Flask]
) -> None:
    here, there = sides
    before = here.rows(shop.project.id)
    old, new = (client_with(webs(side.settings), shop.key) for side in sides)
    body = {"model": "m", "path": "/chat", "input": triage(99)}
    assert old.post("/api/v1/traces", json=body | {"external_id": "early"}).status_code == 201
    result = cli_of(here, environment)("projects", "move", "shop", "--to", plain(there.url))
    assert result.returncode == 0, result.stderr
    assert there.scalar("SELECT count(*) FROM trace") == before["trace"].rows + 1

    # Given senders that do not know of the move
    refused = old.post("/api/v1/traces", json=body)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert old.post("/api/v1/traces", json={"traces": [body] * 30}).status_code == 503

    # I expect the same key to be good there, and templates to match at once
    answer = new.post("/api/v1/traces", json=body)
    assert answer.status_code == 201
    assert answer.json["grouping"] == "matched"
    assert new.post("/api/v1/traces", json=body | {"external_id": "early"}).status_code == 200
    assert b"moved" in cli_of(here, environment)("projects").stdout
    assert here.scalar("SELECT count(*) FROM trace WHERE project_id <> :own", own=shop.project.id) == 3

    # If the rest of the moved project is deleted, the neighbour stays
    assert cli_of(here, environment)("projects", "move", "shop", "--finish").returncode == 0
    assert here.scalar("SELECT count(*) FROM trace") == 3
    assert here.scalar("SELECT count(*) FROM pg_trigger WHERE tgname = 'watch_moving'") == 0
    assert old.post("/api/v1/traces", json=body).status_code == 401


def test_calls_that_come_change_and_go_during_the_copy_arrive(sides: tuple[Side, Side], shop: Shop) -> None:
    here, there = sides
    trace_ids = shop.send(map(triage, range(20, 24)))

    def meanwhile(step: str, _: int) -> None:
        if step == "catch up":
            shop.send(map(summary, range(30, 36)))
            shop.group.run()
            with transaction(here.engine) as connection:
                connection.execute(text("DELETE FROM trace WHERE id = :id"), {"id": trace_ids[0]})
                connection.execute(text("UPDATE trace SET output = '\"late\"' WHERE id = :id"), {"id": trace_ids[1]})
                keys.create(connection, shop.project.id, "made meanwhile")
        if step == "last":
            with transaction(here.engine) as connection:
                connection.execute(text("UPDATE grouping_key SET wanted = NULL"))

    moved = Move(here.engine, there.engine, shop.project, peer="there", tell=meanwhile).run()
    assert moved.totals["trace"].rows == there.scalar("SELECT count(*) FROM trace") == 16
    assert there.scalar("SELECT output FROM trace WHERE id = :id", id=trace_ids[1]) == "late"
    assert there.scalar("SELECT count(*) FROM api_key") == 2
    assert there.scalar("SELECT count(*) FROM grouping_key WHERE quarantined_at IS NOT NULL") == 0
    there_group = Group(World(there.engine, there.settings), shop.group.id, shop.project.id, "/chat")
    there_group.world.sent = shop.group.world.sent
    there_group.assert_exact()


STEPS = ["watch", "copy", "copied", "catch up", "switch", "last", "opened", "moved"]


def test_a_move_killed_at_every_step_ends_as_one_that_was_not(sides: tuple[Side, Side], shop: Shop) -> None:
    here, there = sides
    before = here.rows(shop.project.id)
    assert killed(here, there, STEPS) == "".join(f"{step} killed\n" for step in STEPS)
    Move(here.engine, there.engine, shop.project, peer="there", tell=lambda *_: None).run()
    assert there.rows(shop.project.id) == before
    assert there.scalar("SELECT count(*) FROM trace_external_id") == 1
    assert there.scalar("SELECT state FROM project_move") == "arrived"


def test_a_move_killed_at_any_step_is_taken_back(sides: tuple[Side, Side], shop: Shop) -> None:
    here, there = sides
    before = here.rows(shop.project.id)
    fatal = ["watch", "copied", "last", "opened"]
    steps = [action for step in fatal for action in (step, "undo")]
    report = killed(here, there, steps)
    assert report == "".join(f"{step} killed\nundo ended with 0\n" for step in fatal)
    assert here.rows(shop.project.id) == before
    assert there.scalar("SELECT count(*) FROM project") == moves_left(here) == moves_left(there) == 0
    shop.send([triage(77)])


def test_a_project_that_moves_back_keeps_what_the_log_says_of_it_on_both_sides(
    sides: tuple[Side, Side], shop: Shop, environment: dict[str, str]
) -> None:
    here, there = sides
    for source, target in ((here, there), (there, here)):
        for options in (("--to", plain(target.url)), ("--finish",)):
            result = cli_of(source, environment)("projects", "move", "shop", *options)
            assert result.returncode == 0, result.stderr
    actions = "SELECT array_agg(action ORDER BY id) FROM audit_entry WHERE project_id = :own"
    actions_of_move = ["move_project", "finish_move"]
    assert here.scalar(actions, own=shop.project.id)[-2:] == actions_of_move
    assert there.scalar(actions, own=shop.project.id)[-2:] == actions_of_move


def test_a_project_that_changed_where_it_moved_to_is_not_taken_back(sides: tuple[Side, Side], shop: Shop) -> None:
    here, there = sides
    mover = Move(here.engine, there.engine, shop.project, peer="there", tell=lambda *_: None)
    mover.run()
    World(there.engine, there.settings).group("/chat").send([triage(50)])
    with pytest.raises(CallerError, match="has changed"):
        mover.undo()
    assert there.scalar("SELECT count(*) FROM trace") == 8
    World(there.engine, there.settings).group("/chat").send([triage(51)])


class Haste:
    """Stores more calls than were copied, each time that some are: the copy never keeps up with its source."""

    MOST_CALLS = 500
    """Calls after which the copy followed its source for too long."""

    def __init__(self, shop: Shop) -> None:
        self.sent = 0
        self._shop = shop

    def tell(self, step: str, calls: int) -> None:
        if calls or step == "catch up":
            number = calls + 5
            self._shop.send(map(triage, range(100 + self.sent, 100 + self.sent + number)))
            self.sent += number
        assert self.sent < self.MOST_CALLS


def test_a_project_that_is_written_faster_than_it_is_copied_moves(
    sides: tuple[Side, Side], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = sides
    monkeypatch.setattr(move, "ROUND_CALLS", 5)
    monkeypatch.setattr(move, "FEW_NOTES", 2)
    haste = Haste(shop)
    Move(here.engine, there.engine, shop.project, peer="there", tell=haste.tell).run()
    assert there.scalar("SELECT count(*) FROM trace") == 7 + haste.sent
    assert here.scalar("SELECT state FROM project_move") == "moved"


def test_a_move_whose_switch_would_take_too_long_says_so_and_ends_at_a_quieter_time(
    sides: tuple[Side, Side], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = sides
    monkeypatch.setattr(move, "FEW_NOTES", 2)
    haste = Haste(shop)
    monkeypatch.setattr(move, "LONGEST_HOLD_SECONDS", 0.0)
    with pytest.raises(DependencyError, match=r"at a quieter time"):
        Move(here.engine, there.engine, shop.project, peer="there", tell=haste.tell).run()
    shop.send([triage(77)])  # it is open here
    Move(here.engine, there.engine, shop.project, peer="there", tell=lambda *_: None).run()
    assert there.scalar("SELECT count(*) FROM trace") == 8 + haste.sent


def test_traffic_during_a_move_is_stored_once_on_one_side(sides: tuple[Side, Side], shop: Shop) -> None:
    """Senders repeat a call with the same external id: first here, and after a refusal there."""
    here, there = sides
    stored: list[list[str]] = [[] for _ in range(3)]
    moved, given_up = threading.Event(), threading.Event()

    def send(sender: int) -> None:
        groups = [
            Group(World(side.engine_of_senders, side.settings), shop.group.id, shop.project.id, "/chat")
            for side in sides
        ]
        taker: Group | None = None
        for number in count():
            if given_up.is_set() or (moved.is_set() and taker is groups[1]):
                return
            names = [f"{sender}-{number}-{copy}" for copy in range(1 + 30 * (number % 2))]
            bodies = [{"model": "m", "path": "/chat", "input": triage(number), "external_id": name} for name in names]
            taker = next((group for group in groups if takes(group, shop.key, bodies)), None)
            if taker is not None:
                stored[sender] += names

    with ThreadPoolExecutor(3) as threads:
        sending = [threads.submit(send, sender) for sender in range(3)]
        try:
            wait_for(lambda: all(len(names_of_sender) > 30 for names_of_sender in stored))
            Move(here.engine, there.engine, shop.project, peer="there", tell=lambda *_: None).run()
            moved.set()
            assert not wait(sending, timeout=180).not_done
        finally:
            given_up.set()
    for sender in sending:
        sender.result()
    answered = sorted(name for names_of_sender in stored for name in names_of_sender)
    query = "SELECT array_agg(external_id) FROM trace WHERE external_id LIKE '%-%'"
    assert sorted(there.scalar(query)) == answered


def takes(group: Group, key: str, bodies: list[dict[str, Any]]) -> bool:
    """Whether this side takes calls: the key opens the project, and no sender is told to come again."""
    with transaction(group.world.engine) as connection:
        if keys.holder(connection, keys.hash_of(key)) is None:
            return False
    try:
        group.take(bodies)
    except DatabaseDownError:
        return False
    return True


def moves_left(side: Side) -> int:
    return side.scalar("SELECT (SELECT count(*) FROM project_move) + (SELECT count(*) FROM project_move_call)")


def killed(here: Side, there: Side, steps: list[str]) -> str:
    command = [sys.executable, moving_world.__file__, plain(here.url), plain(there.url), "shop", *steps]
    environment = os.environ | {"PYTHONPATH": str(Path(moving_world.__file__).parents[3])}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=300).stdout
