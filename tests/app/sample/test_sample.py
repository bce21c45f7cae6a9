"""The promises of the sample traffic to the demo, the tests and the benchmarks."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

import pytest

from app.intake.prompts import prompt_of
from app.intake.trace import read_trace
from app.sample import EXPECTED, traces, truth

NOW = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
VERSIONS = {version.template_id: version for task in EXPECTED for version in task.versions}


@pytest.fixture(scope="module")
def bodies():
    return list(traces(seed=0, now=NOW))


@pytest.fixture(scope="module")
def known():
    return truth(seed=0, now=NOW)


def sent_texts(body):
    """(role, text) of the messages before any answer, from each shape of the sample's bodies."""
    if "instructions" in body:
        return [("system", body["instructions"]), ("user", body["input"])]
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, str):
        return [("user", messages)]
    first = []
    for message in messages:
        if message["role"] == "assistant":
            break
        content = message["content"]
        first.append((message["role"], content if isinstance(content, str) else "".join(c["text"] for c in content)))
    return first


def test_a_week_has_more_than_three_thousand_calls_in_time_order(bodies):
    times = [datetime.fromisoformat(body["started_at"]) for body in bodies]

    assert len(bodies) >= 3000
    assert times == sorted(times)
    assert times[0] >= NOW - timedelta(days=7)
    assert max(datetime.fromisoformat(body["completed_at"]) for body in bodies) <= NOW


def test_equal_seeds_give_equal_traffic_in_every_process(bodies):
    code = (
        "import hashlib, json; from datetime import datetime; from app.sample import traces;"
        f"now = datetime.fromisoformat({NOW.isoformat()!r});"
        "print(json.dumps(list(traces(0, now)), sort_keys=True))"
    )

    # Another process has another hash seed: an order that came from a set would differ.
    second_process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert json.loads(second_process.stdout) == bodies


def test_another_seed_gives_other_traffic(bodies):
    assert [b.get("input") for b in traces(seed=1, now=NOW)] != [b.get("input") for b in bodies]


def test_each_text_is_its_template_rendered_with_its_variables(bodies, known):
    for body in bodies:
        template_id, variables = known[body["external_id"]]
        if template_id is not None:
            parts = VERSIONS[template_id].parts
            assert sent_texts(body) == [(part.role, part.render(variables)) for part in parts], body["external_id"]


def test_the_product_takes_the_same_parts_out_of_every_call(bodies, known):
    for body in bodies:
        template_id, variables = known[body["external_id"]]
        if template_id is not None:
            parts = VERSIONS[template_id].parts
            system = "".join(part.render(variables) for part in parts if part.role != "user")
            user = "".join(part.render(variables) for part in parts if part.role == "user")
            assert prompt_of(body).parts == (system, user), body["external_id"]


def test_the_product_accepts_every_call(bodies):
    for body in bodies:
        read_trace(body)  # raises when it would be refused


def test_the_truth_names_every_call_once(bodies, known):
    assert [body["external_id"] for body in bodies] == list(known)


def test_expected_versions_have_the_calls_path_and_model_that_they_promise(bodies, known):
    counts = Counter((known[b["external_id"]].template_id, b["path"], b["model"]) for b in bodies)
    promised = {(v.template_id, task.path, v.model): v.calls for task in EXPECTED for v in task.versions}

    assert {key: calls for key, calls in counts.items() if key[0]} == promised


def test_versions_of_a_task_follow_each_other_in_time(bodies, known):
    positions = defaultdict(list)
    for position, body in enumerate(bodies):
        positions[known[body["external_id"]].template_id].append(position)

    for task in EXPECTED:
        firsts = [positions[version.template_id][0] for version in task.versions]
        assert firsts == sorted(firsts)


def test_an_edit_changes_the_text_and_a_new_model_does_not():
    edited = [task for task in EXPECTED if len({v.parts for v in task.versions}) == 3]
    moved = [task for task in EXPECTED if len(task.versions) == 2 and len({v.parts for v in task.versions}) == 1]

    assert [task.path for task in edited] == ["/catalogue/describe"]
    assert [task.path for task in moved] == ["/search/rewrite"]


def test_free_chat_belongs_to_no_template(bodies, known):
    chat = [body for body in bodies if known[body["external_id"]].template_id is None]

    assert {body["path"] for body in chat} == {"/chat"}
    assert len({sent_texts(body)[0][1] for body in chat if len(body["messages"]) == 1}) > 60


def test_every_shape_that_apps_send_is_there(bodies):
    roles = {m["role"] for body in bodies for m in body.get("messages", [])}

    assert roles == {"system", "developer", "user", "assistant", "tool"}
    assert any("instructions" in body for body in bodies)
    assert any(isinstance(body.get("input"), str) for body in bodies)
    assert any(isinstance(body.get("input"), list) for body in bodies)
    assert any(m.get("tool_calls") and m["content"] is None for body in bodies for m in body.get("messages", []))


def test_some_calls_fail_and_are_sent_again_word_for_word(bodies):
    failed = [body for body in bodies if "error" in body]

    assert {body["error"]["type"] for body in failed} == {"rate_limit_exceeded", "timeout"}
    assert 0.01 < len(failed) / len(bodies) < 0.06
    for body in failed[:20]:
        good = [b for b in bodies if b["path"] == body["path"] and "error" not in b]
        assert any(sent_texts(b) == sent_texts(body) for b in good), body["external_id"]


def test_follow_ups_repeat_the_prompt_of_their_conversation(bodies):
    conversations = defaultdict(list)
    for body in bodies:
        if "conversation_id" in body and body["path"] != "/agent/restock":
            conversations[body["conversation_id"]].append(body)

    assert max(map(len, conversations.values())) >= 3
    for turns in conversations.values():
        assert len({str(sent_texts(body)) for body in turns}) == 1
        lengths = [len(body["messages"]) for body in turns]
        assert lengths == sorted(set(lengths))


def test_a_run_of_the_planner_keeps_its_goal_and_plan_while_what_was_done_grows(known, bodies):
    runs = defaultdict(list)
    for body in bodies:
        if body["path"] == "/agent/restock":
            runs[body["conversation_id"]].append(known[body["external_id"]].variables)
    assert len(runs) > 10
    for steps in runs.values():
        assert len({(step["goal"], step["plan"]) for step in steps}) == 1
        assert all(next_turn["done"].startswith(turn["done"]) for turn, next_turn in pairwise(steps))


def test_a_batch_job_goes_through_one_product_after_the_other(known, bodies):
    records = [known[b["external_id"]].variables["record"] for b in bodies if b["path"] == "/catalogue/attributes"]
    assert len(list(groupby(records))) == len(set(records)) == 12


def common(values):
    """The text that all values share: the first or last character, or a word (a character in scripts without blanks)."""
    first, last = {value[:1] for value in values}, {value[-1:] for value in values}
    words = [set(value.split()) | {c for c in value if c > "\u3000"} for value in values]
    return set.intersection(*words) | (first if len(first) == 1 else set()) | (last if len(last) == 1 else set())


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_no_slot_has_text_that_all_its_values_share(seed):
    """Shared text is fixed text, as far as the data tells: no miner could find a truth with such values."""
    values = defaultdict(set)
    for template_id, variables in truth(seed, NOW).values():
        for slot, value in variables.items():
            values[template_id, slot].add(value)

    ends_in_day = ("agent", "today")
    assert {place for place, texts in values.items() if common(texts)} <= {ends_in_day}
