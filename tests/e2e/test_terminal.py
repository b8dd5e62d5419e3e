"""mode=terminal through the installed command: real boxes, real terminals, a demo agent over three transports."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from boxes.needs import needs_sandbox
from harness import Cli, command, read_json, read_rows
from stand_ins import StandIn

pytestmark = needs_sandbox
CANARY = "sk-canary-0123456789abcdefghijklmnop"
QUICK = ("report.plots=false", "report.html=false")
OWN_CASE = """
case_id: trivial
title: The smallest case
category: trivial
initial_prompt: echo 'TEST_INFRA'
reactors: []
max_turns: 1
default_action: {type: end, payload: Done}
checks: []
"""


@dataclass(frozen=True)
class Sessions:
    """A folder in which the sessions of one test have theirs: others may run at the same time."""

    folder: Path

    def find_left(self) -> list[str]:
        """Return what is left of them: folders, and processes that see one of them."""
        left = [path.name for path in self.folder.glob("evalkit-session-*")]
        for process in psutil.process_iter():
            with suppress(OSError, psutil.Error):
                if str(self.folder) in Path(f"/proc/{process.pid}/mountinfo").read_text():
                    left.append(" ".join(process.cmdline()))
        return left

    def wait_until_gone(self) -> None:
        """Wait until nothing is left; fail where something stays."""
        until = time.monotonic() + 15
        while left := self.find_left():
            assert time.monotonic() < until, left
            time.sleep(0.05)


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    """A folder that another user may pass through, as a box does."""
    folder = Path(tempfile.mkdtemp(prefix="evalkit-e2e-", dir="/tmp"))
    folder.chmod(0o711)
    yield Sessions(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A provider that answers every chat request."""
    server = StandIn()
    yield server
    server.close()


@pytest.mark.parametrize("transport", ["headless", "pty", "acp"])
def test_every_shipped_case_passes_with_the_demo_agent(cold_cli: Cli, transport: str) -> None:
    """No key, no network, no service but for the persona; every session leaves what there is to read."""
    done = cold_cli("mode=terminal", f"agent.transport={transport}", *QUICK)
    assert done.code == 0, done.err
    rows = done.rows
    last = {row["case_id"]: row for row in rows}
    assert {name: row["passed"] for name, row in last.items() if row["passed"] != "1"} == {}
    assert len(last) >= 26
    assert {row["transport"] for row in rows} == {transport}
    assert {row["agent_version"] for row in rows} == {"demo-agent 1.0"}
    assert all(Path(row["transcript_path"]).is_file() for row in rows)
    assert all(bool(row["recording_path"]) == (transport == "pty") for row in rows)
    made = last["create_file"]
    assert "+MAGIC-42" in Path(made["diff_path"]).read_text()


def test_the_recording_is_one_that_players_know(cold_cli: Cli) -> None:
    done = cold_cli("mode=terminal", "mode.cases=[create_file]", *QUICK)
    lines = Path(done.rows[0]["recording_path"]).read_text().splitlines()
    header, events = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
    assert (header["version"], header["width"], header["height"]) == (2, 100, 30)
    assert {event[1] for event in events} <= {"o", "i", "m", "r"}
    assert "Wrote hello.txt" in "".join(event[2] for event in events if event[1] == "o")
    assert [event[0] for event in events] == sorted(event[0] for event in events)


def test_the_smallest_case_runs_whatever_the_agent_makes_of_it(cold_cli: Cli) -> None:
    """One prompt, no reactors, one turn, and the default action ends it: the runner ran, which is all that counts."""
    folder = cold_cli.cwd / "cases"
    folder.mkdir()
    (folder / "trivial.yaml").write_text(OWN_CASE)
    (folder / "cases.csv").write_text("case_file\ntrivial.yaml\n")
    done = cold_cli("mode=terminal", "mode.data_csv=cases/cases.csv", *QUICK)
    assert done.code == 0, done.err
    [row] = done.rows
    assert (row["status"], row["fault"], row["reactor_id"]) == ("ok", "", "initial_prompt")
    assert "TEST_INFRA" in row["user_text"]
    assert row["agent_text"]


def test_a_case_of_ones_own_is_started_checked_and_run(cold_cli: Cli) -> None:
    assert cold_cli("new", "mine", "mode=terminal").code == 0
    inside = Cli(cold_cli.cwd / "mine", cold_cli.env)
    line = ("--config-dir", "conf", "experiment=mine")
    checked = inside("check", *line)
    assert checked.code == 0, checked.err
    assert "1 of 1 cases to prove over pty" in checked.out + checked.err
    again = inside("check", *line)
    assert "0 of 1 cases to prove" in again.out + again.err
    assert inside(*line, *QUICK).rows[-1]["passed"] == "1"
    case = inside.cwd / "cases" / "greeting.yaml"
    case.write_text(case.read_text().replace('text: "Hello, Ada!"', 'text: "Hello, Bob!"'))
    wrong = inside("check", *line)
    assert wrong.code == 2
    assert "the agent that does everything right fails: check 'greeting'" in wrong.err
    case.write_text(case.read_text().partition("checks:")[0] + "checks: [{id: any, type: one_prompt}]\n")
    idle = inside("check", *line)
    assert idle.code == 2
    assert "an agent that does nothing passes" in idle.err


def test_a_solution_proves_what_the_demo_agent_does_not_understand(cold_cli: Cli) -> None:
    folder = cold_cli.cwd / "cases"
    folder.mkdir()
    (folder / "cases.csv").write_text("case_file\nhaiku.yaml\n")
    text = """
case_id: haiku
title: A poem of one's own
category: writing
initial_prompt: Compose a haiku about autumn and keep it where poems go
reactors: [{id: allow, when: {type: approval}, action: {type: approve}}]
checks: [{id: poem, type: file_regex, path: poems/autumn.md, pattern: leaves}]
"""
    (folder / "haiku.yaml").write_text(text)
    line = ("check", "mode=terminal", "mode.data_csv=cases/cases.csv")
    without = cold_cli(*line)
    assert without.code == 2
    assert "say with 'solution' what is right" in without.err
    (folder / "haiku.yaml").write_text(text + 'solution: [{writes: {poems/autumn.md: "red leaves"}, says: Done.}]\n')
    assert cold_cli(*line).code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["agent=nobody"], "agent: 'nobody' is not an option"),
        (["agent.argv=[no-such-agent]"], "the program 'no-such-agent' is not there; install it"),
        (["mode.cases=[creat_file]"], "did you mean 'create_file'?"),
        (["agent.transport=telnet"], "agent.transport"),
        (["agent.transport=headless", "agent.headless_args=[]"], "has no agent.headless_args"),
        (["mode.sandbox=none", "agent.unattended=[pty]"], "mode.allow_unattended=true"),
        (["mode.data_csv=none.csv"], "no such file"),
        (["agent.read_only=[/no/such/folder]"], "is not a folder of this machine"),
        (["gate.latency_column=latency_first_audio_ms"], "is not a latency of mode=terminal"),
        (["agent.environment.MINE=1"], "add it with +agent.environment.MINE=VALUE"),
    ],
)
def test_a_wrong_line_gets_one_message_and_exit_code_2(cold_cli: Cli, args: list[str], message: str) -> None:
    done = cold_cli("mode=terminal", *args)
    assert done.code == 2, done.out + done.err
    assert message in done.err
    assert "Traceback" not in done.err


def test_without_a_box_it_says_so_and_works(cold_cli: Cli) -> None:
    done = cold_cli("mode=terminal", "mode.sandbox=none", "mode.cases=[create_file,approval_refused]", *QUICK)
    assert done.code == 0, done.err
    assert "runs with all your rights" in (done.directory / "evalkit.log").read_text()
    assert {row["passed"] for row in done.rows if row["passed"]} == {"1"}
    record = read_json(next((done.directory / "records").glob("*.json")))
    assert record["notes"]["session"]["sandbox"] == "none"


def test_a_sweep_compares_transports_and_a_gate_holds(cold_cli: Cli) -> None:
    line = ("mode=terminal", "mode.cases=[create_file,memory_over_turns]", *QUICK)
    done = cold_cli("-m", *line, "agent.transport=headless,pty,acp", "agent.environment.DEMO_VARIANT=oracle,forgets")
    assert done.code == 0, done.err
    jobs = sorted(done.directory.glob("[0-9]_*"))
    passed = [{row["case_id"]: row["passed"] for row in read_rows(job) if row["passed"]} for job in jobs]
    right, forgetful = {"create_file": "1", "memory_over_turns": "1"}, {"create_file": "1", "memory_over_turns": "0"}
    assert passed == [right, forgetful] * 3
    compared = cold_cli("compare", str(jobs[0]), str(jobs[1]))
    assert "memory_over_turns" in compared.out
    gated = cold_cli(*line, "agent.environment.DEMO_VARIANT=forgets", "gate.min_grade=0.9")
    assert gated.code == 1


def test_a_stored_session_is_checked_again_without_the_agent(cold_cli: Cli) -> None:
    """The evidence stands in the record: another check is decided years later, with no box and no agent."""
    folder = cold_cli.cwd / "cases"
    shutil.copytree(Path(__file__).parents[2] / "data" / "terminal", folder)
    (folder / "cases.csv").write_text("case_file\ncreate_file.yaml\n")
    done = cold_cli("mode=terminal", "mode.data_csv=cases/cases.csv", *QUICK)
    assert done.rows[-1]["passed"] == "1"
    case = folder / "create_file.yaml"
    case.write_text(case.read_text().replace("MAGIC-42\\n", "OTHER-43\\n"))
    scored = cold_cli("score", str(done.directory))
    assert scored.code == 0, scored.err
    row = read_rows(done.directory)[-1]
    assert (row["passed"], row["hello_grade"]) == ("0", "0")
    assert "MAGIC-42" in row["hello_rationale"]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_a_killed_run_leaves_nobody_alive_and_is_finished(cold_cli: Cli, sessions: Sessions, seed: int) -> None:
    """After kill -9: no agent, no folder of a session; resume holds the sessions that are missing, and no other."""
    rng = random.Random(seed)
    line = [*command(), "mode=terminal", f"agent.transport={['pty', 'acp', 'headless'][seed]}", *QUICK]
    line += ["concurrency=3", "max_examples=9"]
    process = subprocess.Popen(
        line, cwd=cold_cli.cwd, env={**cold_cli.env, "TMPDIR": str(sessions.folder)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not (runs := list((cold_cli.cwd / "outputs").glob("20*/*/records/*.json"))) and time.monotonic() < until:
        time.sleep(0.05)
    assert runs
    time.sleep(rng.uniform(0, 1.0))
    assert sessions.find_left(), "it was at work"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    sessions.wait_until_gone()
    run_dir = runs[0].parents[1]
    kept = {path.name: path.read_bytes() for path in (run_dir / "records").glob("*.json")}
    resumed = cold_cli("resume", str(run_dir), TMPDIR=str(sessions.folder))
    assert resumed.code == 0, resumed.err
    assert {name: (run_dir / "records" / name).read_bytes() for name in kept} == kept
    assert {row["passed"] for row in read_rows(run_dir) if row["passed"]} == {"1"}
    sessions.wait_until_gone()


def test_a_real_key_reaches_the_provider_and_nothing_else(cold_cli: Cli, stand_in: StandIn) -> None:
    """The box sees a dummy; the gateway counts the calls; neither files nor messages hold the key."""
    done = cold_cli(
        "mode=terminal", "mode.cases=[create_file]", "agent.protocol=openai_chat", "provider=compatible",
        f"provider.base_url={stand_in.url}", "provider.api_key_env=MY_KEY", "assistant.model=m", "judge.model=m",
        "agent.environment.DEMO_VARIANT=leaks",
        *QUICK, MY_KEY=CANARY,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert set(stand_in.keys) == {f"Bearer {CANARY}"}
    row = done.rows[-1]
    assert row["canary_grade"] == "0", "the agent showed its environment, and so the secret that was put there"
    assert float(done.rows[0]["model_calls"]) >= 1
    assert row["served_model"]
    for path in done.directory.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
    assert CANARY not in done.out + done.err


def test_recorded_traffic_answers_in_place_of_the_provider(cold_cli: Cli, stand_in: StandIn) -> None:
    line = (
        "mode=terminal", "mode.cases=[create_file,memory_over_turns]",
        "agent.protocol=openai_chat", "agent.transport=acp",
        "provider=compatible", "provider.api_key_env=null", "assistant.model=m", "judge.model=m",
        *QUICK,
    )  # fmt: skip
    first = cold_cli(*line, f"provider.base_url={stand_in.url}")
    assert first.code == 0, first.err
    asked = len(stand_in.asked)
    assert asked >= 3
    again = cold_cli(*line, "provider.base_url=http://127.0.0.1:9/v1", f"mode.replay={first.directory}")
    assert again.code == 0, again.err
    assert len(stand_in.asked) == asked
    texts = [[row["agent_text"] for row in done.rows] for done in (first, again)]
    assert texts[0] == texts[1]
    other = cold_cli(
        *line, "provider.base_url=http://127.0.0.1:9/v1", f"mode.replay={first.directory}", "agent=demo_line"
    )
    assert other.code == 2
    assert "was made with agent 'demo', and this is 'demo_line'" in other.err


def test_the_page_and_the_tables_are_made(cold_cli: Cli) -> None:
    done = cold_cli("mode=terminal", "mode.cases=[create_file,approval_given]")
    assert done.code == 0, done.err
    page = (done.directory / "report.html").read_text()
    assert "hello.txt" in page
    with (done.directory / "results.csv").open(newline="") as file:
        columns = next(csv.reader(file))
    assert columns[:8] == [
        "case_id",
        "title",
        "category",
        "agent",
        "agent_version",
        "transport",
        "turn_index",
        "user_text",
    ]
    summary = done.summary
    assert (summary["agent"], summary["transport"], summary["mode"]) == ("demo", "pty", "terminal")


OWN_AGENT = """#!/usr/bin/python3
while True:
    input("> ")
    open("hello.txt", "w").write("MAGIC-42\\n")
    print("Wrote hello.txt")
"""


def test_an_agent_of_ones_own_may_lie_below_tmp(cold_cli: Cli, sessions: Sessions) -> None:
    """Where a box has a folder of its own, what is installed there is shown all the same."""
    program = sessions.folder / "mine" / "agent"
    program.parent.mkdir()
    program.write_text(OWN_AGENT)
    for place in (program.parent, program):
        place.chmod(0o755)
    done = cold_cli("mode=terminal", "agent=custom", f"agent.argv=[{program}]", "mode.cases=[create_file]", *QUICK)
    assert done.code == 0, done.err
    assert done.rows[-1]["passed"] == "1"
