"""The Agent Client Protocol, with a partner that says only a part of what it does at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from boxes.needs import needs_linux

from evalkit.modes.terminal.acp import AcpLink
from evalkit.modes.terminal.agent import find_agent
from evalkit.modes.terminal.case import Reaction, UserAction
from evalkit.modes.terminal.launch import Launcher
from evalkit.modes.terminal.link import StopKind
from evalkit.modes.terminal.proving import read_demo_profile
from evalkit.sandbox.session import HostSessions, SessionLimits

pytestmark = needs_linux

_PARTNER = r"""
import json, sys
def tell(**message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def update(**told): tell(method="session/update", params={"sessionId": "s", "update": told})
for line in sys.stdin:
    got = json.loads(line)
    if got.get("method") == "session/prompt":
        prompt = got["id"]
        call = {"toolCallId": "c1", "title": "Writing x", "kind": "edit", "rawInput": {"path": "x"}}
        options = [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]
        update(sessionUpdate="tool_call", toolCallId="c1", status="pending")
        tell(id=900, method="session/request_permission", params={"toolCall": call, "options": options})
    elif got.get("id") == 900:
        update(sessionUpdate="tool_call_update", toolCallId="c1", status="completed")
        tell(id=prompt, result={"stopReason": "end_turn"})
    elif "id" in got:
        tell(id=got["id"], result={"sessionId": "s", "protocolVersion": 1})
"""


async def test_a_call_is_told_once_with_all_that_was_said_of_it(tmp_path: Path) -> None:
    settings = replace(read_demo_profile("acp"), argv=("{python}", "-c", _PARTNER), acp_args=())
    launcher = Launcher(find_agent(settings), HostSessions(), SessionLimits(), tmp_path)
    launcher.prepare({}, {})
    link = AcpLink(launcher, start_timeout_s=20, silent_timeout_s=20, turn_timeout_s=20, output_limit_bytes=100_000)
    try:
        assert (await link.start()).kind is StopKind.READY
        asked = await link.act(Reaction(UserAction.SAY, "write x"))
        assert (asked.kind, asked.tools) == (StopKind.APPROVAL, ())
        done = await link.act(Reaction(UserAction.APPROVE))
    finally:
        await link.close()
    (call,) = done.tools
    assert (call.name, call.call_id) == ("edit", "c1")
    assert call.arguments == {"title": "Writing x", "kind": "edit", "status": "completed", "path": "x"}
