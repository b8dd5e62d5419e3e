"""Bots that frameworks of others are made into are called by the installed command: graded on tools and on turns.

They stand in `telephone_bots/`, sound or with one thing wrong. Everything is on this machine: a bot's voice, ears and
model are those of the embedded service, its tools the mocks of the simulation, which it is served over MCP. What it
said nobody knows but by the recogniser, and by that the judge decides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bot_environments import BOTS, OPENAI_AGENTS_BOT, PIPECAT_BOT, ForeignBot
from harness import Cli, Finished, read_json

ROOT = Path(__file__).parents[2]
SHIPPED = "sim_support_order_status"
GRADED: tuple[dict[str, Any], ...] = (
    {"id": "tools", "type": "tool_call", "repeats_allowed": True},  # they are the matter of "once"
    {"id": "arguments", "type": "tool_call_args"},
    {"id": "once", "type": "no_duplicate_calls"},
    {"id": "lets_finish", "type": "lets_caller_finish"},
    {"id": "stops", "type": "stops_when_interrupted"},
)
JUDGED: tuple[dict[str, Any], ...] = (
    {"id": "day_told", "criteria": "The assistant tells the caller that the order comes on Tuesday, March 3rd."},
    {"id": "state_told", "criteria": "The assistant tells the caller that the order is out for delivery."},
)
HANGS_UP = {"id": "hangs_up", "type": "call_ended_by", "by": "assistant"}
STAYS = "# Goal\n- Say that the lamp has come.\n\n# Rules\n- You are the caller.\n- Never say END_CALL.\n"


def order_status() -> dict[str, Any]:
    """Return the shipped call that needs one tool, graded on whose turn it is too.

    It is over before the caller might ask again: then a tool is asked again, and rightly so.
    """
    shipped: dict[str, Any] = read_json(ROOT / "data" / "run" / f"{SHIPPED}.json")
    turns = {**shipped["turns"], "max_turns": 2}
    return {**shipped, "turns": turns, "graders": {"trace_level": [*GRADED, *JUDGED]}}


def goodbye() -> dict[str, Any]:
    """Return a call that needs no tool, whose caller takes leave and stays on the line."""
    turns = {"fixed_first_user_turn": "The lamp has come. That's all, thank you. Goodbye.", "max_turns": 2}
    changed = {"simulator": {"system_prompt": STAYS}, "turns": turns, "tool_mocks": [], "expected_tool_calls": []}
    shipped = {key: value for key, value in order_status().items() if key != "expected_tool_call"}
    return {**shipped, **changed, "graders": {"trace_level": [*GRADED, HANGS_UP]}}


def interrupted() -> dict[str, Any]:
    """Return the shipped call, whose caller cuts in on the first words of the answer, a second and a half long.

    He may ask again: what a bot had to say may be lost with the words that were cut.
    """
    cuts_in = {"act": "interruption", "delay_ms": 300, "turns": [1], "words": ["Hold on a second."]}
    found = order_status()
    simulator = {**found["simulator"], "behaviour": [{**cuts_in, "then": ["Sorry, go on."]}]}
    return {**found, "simulator": simulator, "turns": {**found["turns"], "max_turns": 6}}


CALLS = {"order_status": order_status, "goodbye": goodbye, "interrupted": interrupted}


@dataclass(frozen=True)
class BotCalls:
    """The command, and the service that bots think, hear and speak with."""

    cli: Cli
    service_url: str

    def hold(self, bot: ForeignBot, kind: str, *overrides: str, defect: str | None = None) -> Finished:
        """Start `bot` and call it; returns what the command left. Skips the test where it is not installed."""
        simulation = {**CALLS[kind](), "simulation_id": kind}
        (self.cli.cwd / f"{kind}.json").write_text(json.dumps(simulation))
        (self.cli.cwd / "calls.csv").write_text(f"simulation_id,simulation_path\n{kind},{kind}.json\n")
        # A prompt and tools are looked for beside the simulation first.
        for folder in ("prompts", "tools"):
            (self.cli.cwd / folder).symlink_to(ROOT / "data" / folder)
        arguments = [f"--service={self.service_url}", f"--prompt={ROOT / 'data' / 'prompts' / 'support.txt'}"]
        arguments += [] if defect is None else [f"--defect={defect}"]
        with bot.answering(*arguments, log=self.cli.cwd / "bot.log") as url:
            finished = self.cli(
                "mode=run", "target=media_stream", f"target.url={url}", "tool_host.enabled=true",
                f"mode.data_csv={self.cli.cwd / 'calls.csv'}", "limits.max_attempts=1", "report.plots=false",
                *overrides, timeout_s=400,
            )  # fmt: skip
        assert finished.code == 0, finished.err
        return finished


@pytest.fixture
def calls(cli: Cli, service_url: str) -> BotCalls:
    """The command, and the service that bots use."""
    return BotCalls(cli, service_url)


def grades(finished: Finished) -> dict[str, str]:
    """Return the grades of the only call; what was not graded is left out."""
    (last,) = [row for row in finished.rows if row["tools_grade"] or row["lets_finish_grade"]]
    found = {name.removesuffix("_grade"): grade for name, grade in last.items() if name.endswith("_grade")}
    return {name: grade for name, grade in found.items() if grade}


def records(finished: Finished) -> list[Any]:
    """Return the records of all calls."""
    return [read_json(path) for path in sorted((finished.directory / "records").glob("*.json"))]


@pytest.mark.parametrize("bot", BOTS, ids=str)
def test_three_calls_at_once_with_an_interruption(calls: BotCalls, bot: ForeignBot) -> None:
    """Each call reaches its own mocks through MCP, is cut in on once, and is graded on tools and on turns."""
    finished = calls.hold(bot, "interrupted", "trials=3", "concurrency=3")
    held = records(finished)
    assert [record["failure"] for record in held] == [None] * 3
    assert len({record["notes"]["turn_taking"]["stream"]["call_id"] for record in held}) == 3
    for record in held:
        asked = [answer["via"] for answer in record["notes"]["tool_answers"]]
        assert set(asked) == {"mcp"}
        assert [said["act"] for said in record["notes"]["turn_taking"]["caller"]][:2] == ["turn", "interruption"]
    names = ("tools", "arguments", "once", "lets_finish", "stops", "day_told")
    graded = [[row[f"{name}_grade"] for name in names] for row in finished.rows if row["tools_grade"]]
    assert graded == [["1"] * len(names)] * 3


@pytest.mark.parametrize("bot", BOTS, ids=str)
def test_a_sound_bot_loses_nothing(calls: BotCalls, bot: ForeignBot) -> None:
    """It finds the order, tells the day, and speaks when the caller has finished; nobody interrupted it.

    What the judge quotes for that stands among the words that the recogniser heard.
    """
    finished = calls.hold(bot, "order_status")
    judged = [one["id"] for one in JUDGED]
    assert grades(finished) == dict.fromkeys(("tools", "arguments", "once", "lets_finish", *judged), "1")
    (record,) = records(finished)
    assert record["notes"]["words"]["assistant"] == "recognised"
    steps = [step for turn in record["turns"] for step in turn["steps"] if step["kind"] == "words"]
    heard = " ".join(step["text"] for step in steps)
    lines = (finished.directory / "grades.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [grade for grade in map(json.loads, lines) if grade["grader_id"] in judged]
    assert [grade["judge"]["model"] for grade in asked] == ["local-judge"] * len(judged)
    for grade in asked:
        quoted = [line.partition("] ")[2] for line in grade["evidence"]]
        assert any(quotation in heard for quotation in quoted), (quoted, heard)


@pytest.mark.parametrize("bot", BOTS, ids=str)
def test_a_sound_bot_hangs_up_behind_its_goodbye(calls: BotCalls, bot: ForeignBot) -> None:
    """The call is over then: the caller has nobody to speak to."""
    finished = calls.hold(bot, "goodbye")
    assert grades(finished) == dict.fromkeys(("tools", "lets_finish", "hangs_up"), "1")
    assert records(finished)[0]["notes"]["ended_by"] == "assistant"


@pytest.mark.parametrize(
    ("bot", "defect", "kind", "lost"),
    [
        (PIPECAT_BOT, "calls_twice", "order_status", "once"),
        (PIPECAT_BOT, "misreports", "order_status", "day_told"),
        (PIPECAT_BOT, "hasty", "order_status", "lets_finish"),
        (PIPECAT_BOT, "never_hangs_up", "goodbye", "hangs_up"),
        (OPENAI_AGENTS_BOT, "never_clears", "interrupted", "stops"),
    ],
    ids=str,
)
def test_a_defect_loses_the_grade_that_is_meant_for_it(
    calls: BotCalls, bot: ForeignBot, defect: str, kind: str, lost: str
) -> None:
    """And no other."""
    graded = grades(calls.hold(bot, kind, defect=defect))
    assert {name for name, grade in graded.items() if grade != "1"} == {lost}


def test_a_voice_at_a_wrong_rate_is_named(calls: BotCalls) -> None:
    """It is the bot's failure, not taken for silence or for an answer."""
    (record,) = records(calls.hold(PIPECAT_BOT, "order_status", defect="wrong_rate"))
    assert (record["failure"]["error_type"], record["fault"]) == ("wrong_sample_rate", "assistant")
