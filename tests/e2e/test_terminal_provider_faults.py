"""A provider that fails: whatever the agent says of it, the line is infrastructure's, tried again as the table says."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from contextlib import ExitStack

import pytest
from harness import Cli, Finished
from npm_agents import AGENTS, NpmAgent, install_agent
from scripted_endpoint import Cut, FailWith, Garbage, Hang, Rule, ScriptedEndpoint, Step

from evalkit.records.faults import POLICIES

FAULTS: dict[str, tuple[Step, str]] = {
    "401": (FailWith(401), "authentication_failed"),
    "429": (FailWith(429, headers={"retry-after": "1"}), "rate_limited"),
    "500": (FailWith(500), "server_error"),
    "hang": (Hang(), "request_timeout"),
    "cut": (Cut(after_events=2), "connection_closed"),
    "garbage": (Garbage("page"), "invalid_response"),
}
TURN_S = 45  # real agents begin slowly where much else runs, and some then try again for minutes
TRANSPORTS = ["headless", *(pytest.param(transport, marks=pytest.mark.slow) for transport in ("pty", "acp"))]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_demo(fault: str, transport: str, cold_cli: Cli) -> None:
    step, kind = FAULTS[fault]
    with ScriptedEndpoint([Rule("", [step])]) as endpoint:
        done = _run(cold_cli, endpoint.url, "demo", transport, ["agent.protocol=openai_chat", "limits.max_attempts=2"])
    _assert_excused(done, kind)
    assert len(endpoint.asked()) == max(1, 2 * POLICIES[kind].attempts_factor)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_demo_dead_port(transport: str, cold_cli: Cli) -> None:
    done = _run(cold_cli, _dead_url(), "demo", transport, ["agent.protocol=openai_chat"])
    _assert_excused(done, "connection_refused")


def test_demo_recovers(cold_cli: Cli) -> None:
    with ScriptedEndpoint([Rule("", [FailWith(500, times=1)])]) as endpoint:
        done = _run(cold_cli, endpoint.url, "demo", "pty", ["agent.protocol=openai_chat", "limits.max_attempts=2"])
    assert (done.rows[0]["fault"], done.rows[-1]["passed"]) == ("", "1")
    assert done.code == 0


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["headless", "pty", "acp"])
@pytest.mark.parametrize("fault", [*FAULTS, "dead_port"])
@pytest.mark.parametrize("agent", [AGENTS["qwen_code"], AGENTS["gemini_cli"]], ids=str)
def test_real_agent(agent: NpmAgent, fault: str, transport: str, cold_cli: Cli, pytestconfig: pytest.Config) -> None:
    path = install_agent(agent, pytestconfig)
    with ExitStack() as stack:
        if fault == "dead_port":
            url, kind = _dead_url(), "connection_refused"
        else:
            step, kind = FAULTS[fault]
            url = stack.enter_context(ScriptedEndpoint([Rule("", [step])])).url
        done = _run(cold_cli, url, agent.name, transport, ["limits.max_attempts=1"], PATH=path)
    _assert_excused(done, kind)


def _run(cli: Cli, url: str, agent: str, transport: str, more: Sequence[str], **env: str) -> Finished:
    limits = [f"limits.turn_timeout_s={TURN_S}", "limits.response_timeout_s=2", "limits.case_timeout_s=120"]
    provider = ["provider=compatible", f"provider.base_url={url}/v1", "provider.api_key_env=null"]
    about = ["mode=terminal", f"agent={agent}", f"agent.transport={transport}", "mode.cases=[create_file]"]
    return cli(*about, *provider, "assistant.model=scripted-model", *limits, *more, "report.plots=false", **env)


def _assert_excused(done: Finished, kind: str) -> None:
    """The case counts for nobody: no grade, no blame, and the words say what the provider did."""
    assert done.rows, done.err
    row = done.rows[-1]
    assert (row["fault"], row["error_type"]) == ("infrastructure", kind), row
    assert row["failure_stage"] == "model_provider"
    assert row["passed"] == ""
    assert not [name for name, value in row.items() if name.endswith("_grade") and value]
    assert re.search("provider failed|had not answered", row["error_message"])
    assert done.code != 0


def _dead_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
