"""Real agents from npm, in their boxes without a network, against a scripted model behind the gateway.

What they are asked to do is scripted, so that the same verdict is right over every transport: where one differs,
evalkit has misread the agent. Nothing here says that an agent is good.
"""

from __future__ import annotations

import pytest
from harness import Cli, Finished, read_json
from npm_agents import AGENTS, NpmAgent, install_agent
from scripted_endpoint import Recall, Rule, RunShell, Say, ScriptedEndpoint, WriteFile

SCRIPT = [
    Rule(r"hello\.txt", [WriteFile("hello.txt", "MAGIC-42\n"), Say("Wrote hello.txt")]),
    Rule(r"settings\.ini", [RunShell("sed -i s/true/false/ settings.ini"), Say("I changed it.")]),
    Rule(r"favourite colour is teal", [Say("I will keep that in mind.")]),
    Rule(r"stamp\.txt", [WriteFile("stamp.txt", "DONE\n"), Say("Wrote stamp.txt")]),
    Rule(r"what is my favourite", [Recall(r"colour is (\w+)")]),
    Rule(r"report\.txt", [WriteFile("report.txt", "QUARTER-3\n"), Say("That is all.")]),
]
WORK = ("create_file", "edit_in_place", "memory_over_turns")
LEAVE = ("approval_given", "approval_refused")

slow = pytest.mark.slow


def test_one_turn_of_a_real_agent(cold_cli: Cli, pytestconfig: pytest.Config) -> None:
    done, endpoint = _run(cold_cli, pytestconfig, AGENTS["qwen_code"], "headless", ["create_file"])
    row = done.rows[-1]
    assert (row["passed"], row["fault"], row["files_changed"]) == ("1", "", "hello.txt")
    assert row["agent_version"] == AGENTS["qwen_code"].version
    assert row["agent_text"] == "Wrote hello.txt"
    assert {request.headers.get("authorization") for request in endpoint.asked()} == {None}  # the dummy stays inside
    session = read_json(next((done.directory / "records").glob("*.json")))["notes"]["session"]
    assert session["sandbox"] == "bubblewrap"
    assert [tool for call in session["calls"] for tool in call["tools"]] == ["write_file"]


@slow
@pytest.mark.parametrize("transport", ["headless", "pty", "acp"])
@pytest.mark.parametrize("agent", [AGENTS["qwen_code"], AGENTS["gemini_cli"]], ids=str)
def test_the_verdict_is_the_same_over_every_transport(
    agent: NpmAgent, transport: str, cold_cli: Cli, pytestconfig: pytest.Config
) -> None:
    cases = [*WORK, *(LEAVE if transport != "headless" else ())]
    done, _ = _run(cold_cli, pytestconfig, agent, transport, cases)
    assert _verdicts(done) == dict.fromkeys(cases, "1")
    if transport != "headless":
        refused = [row for row in done.rows if row["case_id"] == "approval_refused"]
        assert [row["stop"] for row in refused] == ["approval", "ready"]


@slow
@pytest.mark.parametrize("transport", ["headless", "pty"])
def test_an_agent_that_never_asks(transport: str, cold_cli: Cli, pytestconfig: pytest.Config) -> None:
    done, _ = _run(cold_cli, pytestconfig, AGENTS["pi"], transport, WORK)
    assert _verdicts(done) == dict.fromkeys(WORK, "1")
    assert "approval" not in {row["stop"] for row in done.rows}


@slow
@pytest.mark.parametrize("transport", ["headless", "pty", "acp"])
@pytest.mark.parametrize("agent", [AGENTS["qwen_code"], AGENTS["gemini_cli"]], ids=str)
def test_a_model_that_only_talks_is_the_agents_failure(
    agent: NpmAgent, transport: str, cold_cli: Cli, pytestconfig: pytest.Config
) -> None:
    lie = [Rule("hello", [Say("Wrote hello.txt")])]
    done, _ = _run(cold_cli, pytestconfig, agent, transport, ["create_file"], lie)
    row = done.rows[-1]
    assert (row["passed"], row["hello_grade"], row["claims_grade"], row["failure_stage"]) == ("0", "0", "0", "")


def _run(
    cli: Cli,
    config: pytest.Config,
    agent: NpmAgent,
    transport: str,
    cases: list[str] | tuple[str, ...],
    script: list[Rule] = SCRIPT,
) -> tuple[Finished, ScriptedEndpoint]:
    path = install_agent(agent, config)
    with ScriptedEndpoint(script, pause_s=0.02) as endpoint:
        done = cli(
            "mode=terminal", f"agent={agent.name}", f"agent.transport={transport}", f"mode.cases=[{','.join(cases)}]",
            "provider=compatible", f"provider.base_url={endpoint.url}/v1", "provider.api_key_env=null",
            "assistant.model=scripted-model", "concurrency=2", "limits.turn_timeout_s=60", "report.plots=false",
            PATH=path,
        )  # fmt: skip
    assert done.rows, done.err
    return done, endpoint


def _verdicts(done: Finished) -> dict[str, str]:
    """Return case id -> whether it passed; a case's last line says so."""
    return {row["case_id"]: row["passed"] for row in done.rows}
