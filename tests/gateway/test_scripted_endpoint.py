"""The scripted endpoint that drives agents in tests: what it answers, and that it fills the agents' own tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from gateway_partner import PROTOCOLS, TLS, question
from scripted_endpoint import (
    FailWith,
    Rule,
    RunShell,
    Say,
    ScriptedEndpoint,
    ScriptedRequest,
    Tool,
    ToolUse,
    WriteFile,
    fill,
    use_tool,
)
from scripted_wire import read_chat, read_gemini, read_messages, read_responses

_WRITER = {
    "type": "object",
    "properties": {"file_path": {"type": "string"}, "content": {"type": "string"}, "why": {"enum": ["task", "fun"]}},
    "required": ["file_path", "content", "why"],
}


def _with_tools(protocol: str, body: dict[str, Any]) -> dict[str, Any]:
    tools: Mapping[str, Any] = {
        "chat": [{"type": "function", "function": {"name": "write_file", "parameters": _WRITER}}],
        "responses": [{"type": "function", "name": "write_file", "parameters": _WRITER}],
        "messages": [{"name": "write_file", "input_schema": _WRITER}],
        "gemini": [{"functionDeclarations": [{"name": "write_file", "parametersJsonSchema": _WRITER}]}],
    }
    return {**body, "tools": tools[protocol]}


def _called(protocol: str, answer: Any) -> tuple[str, Any]:
    match protocol:
        case "chat":
            call = answer["choices"][0]["message"]["tool_calls"][0]["function"]
            return call["name"], json.loads(call["arguments"])
        case "responses":
            call = answer["output"][-1]
            return call["name"], json.loads(call["arguments"])
        case "messages":
            return answer["content"][-1]["name"], answer["content"][-1]["input"]
        case _:
            call = answer["candidates"][0]["content"]["parts"][-1]["functionCall"]
            return call["name"], call["args"]


def _with_result(protocol: str, body: dict[str, Any], answer: Any) -> dict[str, Any]:
    """Return the next request of an agent that has done what it was told."""
    match protocol:
        case "chat":
            said = [answer["choices"][0]["message"], {"role": "tool", "tool_call_id": "call_0", "content": "ok"}]
            return {**body, "messages": [*body["messages"], *said]}
        case "responses":
            return {
                **body,
                "input": [*body["input"], *answer["output"], {"type": "function_call_output", "output": "ok"}],
            }
        case "messages":
            reminder = {"type": "text", "text": "<system-reminder>be kind</system-reminder>"}
            result = {"role": "user", "content": [{"type": "tool_result", "content": "ok"}, reminder]}
            return {
                **body,
                "messages": [*body["messages"], {"role": "assistant", "content": answer["content"]}, result],
            }
        case _:
            result = {"role": "user", "parts": [{"functionResponse": {"name": "write_file", "response": {}}}]}
            return {**body, "contents": [*body["contents"], answer["candidates"][0]["content"], result]}


def test_a_rule_is_followed_step_by_step_in_every_protocol() -> None:
    """Words and a call of the agent's own tool; once it has a result, the words behind it."""
    steps = [Say("I write it."), WriteFile("hello.txt", "MAGIC-42\n"), Say("Wrote hello.txt")]
    with ScriptedEndpoint([Rule("create hello", steps)]) as endpoint, httpx2.Client(verify=TLS) as client:
        for protocol in PROTOCOLS:
            path, body, headers = question(protocol, "please create hello.txt")
            body = _with_tools(protocol, body)
            first = client.post(endpoint.url + path, json=body, headers=headers).json()
            name, arguments = _called(protocol, first)
            assert name == "write_file"
            assert arguments == {"file_path": "/workspace/hello.txt", "content": "MAGIC-42\n", "why": "task"}
            body = _with_result(protocol, body, first)
            second = client.post(endpoint.url + path, json=body, headers=headers)
            assert "Wrote hello.txt" in second.text
            assert "I write it." not in second.text
        assert {request.tools for request in endpoint.requests} == {("write_file",)}
        assert {request.user_text for request in endpoint.requests} == {"please create hello.txt"}
        assert len(endpoint.asked("generateContent")) == 2


def test_side_requests_are_answered_plausibly() -> None:
    """Titles without tools, classifiers with a schema, lists of models, counted tokens."""
    rules = [Rule("hello", [WriteFile("a", "b")])]
    with ScriptedEndpoint(rules) as endpoint, httpx2.Client(verify=TLS, base_url=endpoint.url) as client:
        title = client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "hello"}]}).json()
        assert title["choices"][0]["message"]["content"] == "A scripted session"
        schema = {
            "type": "OBJECT",
            "properties": {"next_speaker": {"enum": ["user", "model"]}, "n": {"type": "NUMBER"}},
        }
        config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
        body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], "generationConfig": config}
        answer = client.post("/v1beta/models/m:generateContent", json=body).json()
        text = answer["candidates"][0]["content"]["parts"][0]["text"]
        assert json.loads(text) == {"next_speaker": "user", "n": 1}
        assert client.get("/v1/models").json()["data"]
        assert client.post("/v1/messages/count_tokens", json={}).json() == {"input_tokens": 11}
        assert client.post("/v1beta/models/m:countTokens", json={}).json() == {"totalTokens": 11}
        assert client.head("/").status_code == 200


def test_a_failure_may_happen_a_number_of_times() -> None:
    """Then the steps behind it follow, so that retries can be seen to help."""
    rules = [Rule("", [FailWith(429, headers={"retry-after": "1"}, times=2), Say("at last")])]
    with ScriptedEndpoint(rules) as endpoint, httpx2.Client(verify=TLS) as client:
        path, body, headers = question("chat", "hi")
        answers = [client.post(endpoint.url + path, json=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert "at last" in answers[2].text


@pytest.mark.parametrize(
    ("tool", "use"),
    [
        (
            Tool("Write", {"properties": {"file_path": {}, "content": {}}}),
            ToolUse("Write", {"file_path": "/w/a b", "content": "it's\n"}),
        ),
        (
            Tool("apply_patch", {}, is_custom=True),
            ToolUse("apply_patch", "*** Begin Patch\n*** Add File: a b\n+it's\n*** End Patch\n"),
        ),
        (
            Tool("shell", {"properties": {"command": {"type": "array"}}}),
            ToolUse("shell", {"command": ["bash", "-lc", "printf %s 'it'\"'\"'s\n' > 'a b'"]}),
        ),
        (
            Tool(
                "run_shell_command", {"properties": {"command": {}, "safe": {"type": "boolean"}}, "required": ["safe"]}
            ),
            ToolUse("run_shell_command", {"safe": False, "command": "printf %s 'it'\"'\"'s\n' > 'a b'"}),
        ),
        (Tool("read_file", {}), None),
    ],
)
def test_a_file_is_written_by_whatever_the_agent_has(tool: Tool, use: ToolUse | None) -> None:
    """A tool for files, one for patches, or a shell."""
    assert use_tool(WriteFile("a b", "it's\n"), [tool], "/w") == use


def test_commands_go_to_the_shell() -> None:
    """As a text or as an argument vector, as its schema says."""
    tool = Tool("exec_command", {"properties": {"cmd": {"type": "string"}}})
    assert use_tool(RunShell("ls"), [tool], "/w") == ToolUse("exec_command", {"cmd": "ls"})
    assert use_tool(RunShell("ls"), [], "/w") is None


def test_the_workspace_may_depend_on_the_request() -> None:
    """Several agents may share an endpoint."""

    def workspace(request: ScriptedRequest) -> str:
        return request.headers["x-where"]

    with ScriptedEndpoint([Rule("", [WriteFile("a", "b")])], workspace=workspace) as endpoint:
        path, body, _ = question("messages", "hi")
        body = _with_tools("messages", body)
        answer = httpx2.post(endpoint.url + path, json=body, headers={"x-where": "/elsewhere"}, verify=TLS).json()
    assert answer["content"][0]["input"]["file_path"] == "/elsewhere/a"


def test_the_last_words_of_the_user_count_not_what_agents_add() -> None:
    """Reminders and contexts are no words; rounds begin anew with each prompt."""
    context = "<environment_context>\n/workspace\n</environment_context>"
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "one"}]},
        {"type": "function_call_output", "output": "x"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "two"}]},
        {"type": "custom_tool_call_output", "output": "x"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": context}]},
    ]
    asked = read_responses({"input": items})
    assert (asked.user_text, asked.rounds_done) == ("two", 1)
    reminder = {"type": "text", "text": "<system-reminder>x</system-reminder>"}
    asked = read_messages({"messages": [{"role": "user", "content": [reminder, {"type": "text", "text": "hi"}]}]})
    assert (asked.user_text, asked.rounds_done) == ("hi", 0)
    assert read_gemini({"contents": [{"parts": [{"text": "hi"}]}]}, "/v1beta/models/g:generateContent").model == "g"
    assert read_chat({}).user_text == ""


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (
            {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}, "minItems": 2}}},
            {"a": [1, 1]},
        ),
        ({"anyOf": [{"const": 3}, {"type": "null"}]}, 3),
        ({"type": ["null", "string"]}, None),
        ({}, "scripted"),
    ],
)
def test_any_schema_can_be_filled(schema: dict[str, Any], value: Any) -> None:
    """With the plainest value."""
    assert fill(schema) == value
