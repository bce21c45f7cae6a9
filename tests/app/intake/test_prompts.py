"""The rule that takes the prompt out of a trace."""

from typing import Any

import pytest

from app.intake.prompts import Prompt, messages_outside, prompt_of


def said(role: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | fields


SYSTEM = said("system", "Classify.")


def test_instructions_are_the_system_part_and_input_text_the_user_part() -> None:
    body = {"instructions": "Be brief.", "input": "Hi"}
    assert prompt_of(body) == Prompt(("Be brief.", "Hi"), "instructions+input", False)


def test_instructions_win_over_system_messages() -> None:
    body = {"instructions": "Be brief.", "messages": [SYSTEM, said("user", "Hi")]}
    assert prompt_of(body).parts == ("Be brief.", "Hi")


def test_system_and_developer_messages_are_joined_by_one_blank_line() -> None:
    body = {"messages": [SYSTEM, said("developer", "In French."), said("user", "Hi")]}
    assert prompt_of(body) == Prompt(("Classify.\n\nIn French.", "Hi"), "messages", False)


def test_only_the_first_run_of_user_messages_is_the_prompt() -> None:
    messages = [said("user", "one"), said("user", "two"), said("assistant", "Tell me more."), said("user", "three")]
    assert prompt_of({"messages": messages, "conversation_id": "c"}).parts == ("", "one\n\ntwo")


@pytest.mark.parametrize("message", [SYSTEM, said("user", "Hi")])
def test_a_missing_part_is_empty(message: dict[str, Any]) -> None:
    parts = prompt_of({"messages": [message]}).parts
    assert parts is not None
    assert "" in parts


@pytest.mark.parametrize(
    "body",
    [{}, {"input": ""}, {"messages": []}, {"messages": [said("user", [{"type": "image_url"}])]}, {"input": None}],
)
def test_a_trace_without_text_has_no_prompt(body: dict[str, Any]) -> None:
    assert prompt_of(body).parts is None


def test_content_parts_count_as_their_text_and_images_as_nothing() -> None:
    content = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "data:"}},
        {"type": "input_text", "text": "what is it?"},
    ]
    assert prompt_of({"messages": [said("user", content)]}).parts == ("", "Look:\n\nwhat is it?")


def test_an_empty_message_counts_so_that_an_empty_value_keeps_its_place() -> None:
    assert prompt_of({"messages": [said("user", "Context:"), said("user", "")]}).parts == ("", "Context:\n\n")


def test_text_is_taken_byte_for_byte() -> None:
    text = " \r\n\tA {x} {{ [[ ## é 🎉 日本語  Answer: "
    assert prompt_of({"input": text}).parts == ("", text)


def test_items_of_the_responses_api_are_read_like_messages() -> None:
    items = [
        said("developer", "Use tools."),
        said("user", [{"type": "input_text", "text": "Weather?"}], type="message"),
        {"type": "function_call", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "output": "sunny"},
    ]
    assert prompt_of({"input": items}) == Prompt(("Use tools.", "Weather?"), "input", True)


def test_an_agent_turn_repeats_its_prompt_and_says_so() -> None:
    first = [SYSTEM, said("user", "Book a table")]
    follow_up = [*first, said("assistant", None, tool_calls=[{"id": "1"}]), said("tool", "done", tool_call_id="1")]
    assert prompt_of({"messages": follow_up}) == Prompt(prompt_of({"messages": first}).parts, "messages", True)


def few_shot(*texts: str) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [SYSTEM, *(said(roles[index % 2], text) for index, text in enumerate(texts))]


def test_examples_with_labels_make_the_last_message_a_third_part() -> None:
    messages = few_shot("I love it", "positive", "Awful", "negative", "It broke")
    assert prompt_of({"messages": messages}) == Prompt(("Classify.", "I love it", "It broke"), "messages", False)


def test_examples_in_one_frame_make_the_last_message_a_third_part() -> None:
    frame = "[[ ## question ## ]]\n"
    messages = few_shot(f"{frame}Who?", "A long answer\nof two lines.", f"{frame}When?")
    assert prompt_of({"messages": messages}).parts == ("Classify.", f"{frame}Who?", f"{frame}When?")


def test_messages_outside_of_the_prompt_are_the_examples_but_the_first_question_and_the_input() -> None:
    messages = few_shot("I love it", "positive", "Awful", "negative", "It broke")
    assert messages_outside({"messages": messages}) == [
        ("assistant", "positive"),
        ("user", "Awful"),
        ("assistant", "negative"),
    ]


def test_messages_outside_of_the_prompt_are_later_turns_and_messages_without_a_text() -> None:
    image = said("user", [{"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}])
    turns = [SYSTEM, said("user", "Book a table"), image, said("assistant", None, tool_calls=[{"id": "1"}])]
    turns += [said("tool", "done", tool_call_id="1"), said("user", "Thanks")]
    outside = [("user", None), ("assistant", None), ("tool", "done"), ("user", "Thanks")]
    assert messages_outside({"messages": turns}) == outside
    assert messages_outside({"messages": turns, "instructions": "Be brief."}) == [("system", "Classify."), *outside]
    assert messages_outside({"input": "Book a table", "instructions": "Be brief."}) == []


def test_a_conversation_is_no_few_shot_prompt() -> None:
    turns = few_shot(
        "Where is my order?", "It left our house on Monday, and will be with you soon.", "Thanks, and when?"
    )
    assert prompt_of({"messages": turns}) == Prompt(("Classify.", "Where is my order?"), "messages", True)


@pytest.mark.parametrize("sign", [{"conversation_id": "c1"}, {"tools": [{"type": "function"}]}])
def test_a_body_that_says_it_is_a_conversation_is_believed(sign: dict[str, Any]) -> None:
    messages = few_shot("I love it", "positive", "Awful", "negative", "It broke")
    assert prompt_of({"messages": messages} | sign).parts == ("Classify.", "I love it")


@pytest.mark.parametrize("message", [{}, {"role": None}, {"type": "message"}])
def test_a_message_that_says_no_role_is_the_users(message: dict[str, Any]) -> None:
    assert prompt_of({"messages": [message | {"content": "Hi"}]}).parts == ("", "Hi")


def test_a_message_of_an_unknown_role_is_kept_outside_of_the_prompt() -> None:
    messages = [SYSTEM, said("king", "Let there be cake."), said("user", "Hi")]
    assert prompt_of({"messages": messages}).parts == ("Classify.", "Hi")
    assert messages_outside({"messages": messages}) == [("tool", "Let there be cake.")]


@pytest.mark.parametrize("kind", [[], {}, 3])
def test_a_content_part_whose_type_is_no_text_is_no_text(kind: Any) -> None:
    content = [{"type": kind, "text": "a"}, {"type": "text", "text": "b"}]
    assert prompt_of({"messages": [{"role": "user", "content": content}]}).parts == ("", "b")
