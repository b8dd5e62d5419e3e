"""What is read from the output of an agent without a terminal."""

from __future__ import annotations

from evalkit.modes.terminal.headless import find_reply, find_tools, read_documents


def test_calls_of_tools_are_found_in_the_events_of_many_agents() -> None:
    events = [
        {"type": "system", "tools": ["Read", "Write"]},
        {"type": "assistant", "message": {"content": [{"type": "tool_use", "id": "t1", "name": "Write", "input": {}}]}},
        {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]}},
        {"type": "item.started", "item": {"id": "i1", "type": "command_execution", "command": "ls"}},
        {"type": "item.completed", "item": {"id": "i1", "type": "command_execution", "command": "ls"}},
        {"type": "tool_use", "part": {"type": "tool", "tool": "edit", "callID": "c1", "state": {}}},
        {"tools": [{"id": "d1", "name": "write"}]},
    ]
    found = [(tool.call_id, tool.name) for tool in find_tools(events)]
    assert found == [("t1", "Write"), ("i1", "command_execution"), ("c1", "edit"), ("d1", "write")]


def test_the_last_line_that_has_an_answer_counts() -> None:
    written = '{"type":"x","item":{"text":"one"}}\nnoise\n{"item":{"text":"two"}}\n{"item":{"id":1}}\n'
    documents = read_documents(written, "jsonl")
    assert find_reply(documents, "item.text") == "two"
    assert find_reply(documents, "result") is None
