"""The cookbook's crawl, walk and run harnesses against ``evalkit service``, and what its readers demand of our runs."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import cookbook_client as cookbook
import pytest
from harness import Cli
from openai import AsyncOpenAI

from evalkit.graders.matching import match_arguments

DATA = Path(__file__).parents[2] / "data"
PROMPT = (DATA / "prompts" / "support.txt").read_text(encoding="utf-8")
TOOLS = json.loads((DATA / "tools" / "support.json").read_text(encoding="utf-8"))
_PERSONA = """\
You are the user of a voice call. Stay in the part, say what the user would say, and never answer as the assistant.

User persona:
- Name: {name}
- Order ID: {order}
{more}- Goal: {goal}
- Style: Polite, brief.

Rules:
- Reply in 1-2 short sentences as the user.
- Only use persona facts when asked. Do not invent new details.
- Do not mention tools or system messages.
- When the goal is satisfied, reply with exactly the single token: END_CALL (no other words or punctuation)."""
_STATUS = {
    "persona": _PERSONA.format(
        name="Jo Lane", order="48213", more="", goal="Get the latest status and estimated delivery date for the order."
    ),
    "first": "Hi, could you check the status of order 48213?",
    "max_turns": 6,
    "mocks": {
        "get_order_status": {"order_id": "48213", "status": "In transit", "estimated_delivery": "2026-03-09"},
    },
    "call": ("get_order_status", {"order_id": "48213"}),
    "criterion": "Assistant states that the order is in transit.",
}
_RETURN = {
    "persona": _PERSONA.format(
        name="Casey Moor",
        order="56730",
        more="- Return reason: The item arrived damaged.\n",
        goal="Return the order and receive confirmation.",
    ),
    "first": "I want to send back order 56730.",
    "max_turns": 6,
    "mocks": {"start_return": {"order_id": "56730", "status": "Return started", "return_reference": "RT-2002"}},
    "call": ("start_return", {"order_id": "56730", "reason": "damaged"}),
    "criterion": "Assistant confirms that the return was started.",
}
_ADDRESS = {
    "persona": _PERSONA.format(
        name="Morgan Hall",
        order="38814",
        more="- New address: 27 Maple Avenue, Apartment 5, Denver\n",
        goal="Update the delivery address and receive confirmation.",
    ),
    # Not "of order 38814 to 27 Maple Avenue": on some processors that is heard as one number.
    "first": "Please change the address of my order 38814. The new one is 27 Maple Avenue, Apartment 5, Denver.",
    "max_turns": 6,
    "mocks": {"change_delivery_address": {"order_id": "38814", "status": "Address updated"}},
    "call": ("change_delivery_address", {"order_id": "38814", "new_address": "27 Maple Avenue, Apartment 5, Denver"}),
    "criterion": "Assistant confirms that the address was updated.",
}
SIMULATIONS: dict[str, dict[str, Any]] = {"status": _STATUS, "return": _RETURN, "address": _ADDRESS}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The command as a user starts it, with the speech model that the harnesses ask for by default."""
    pytest.importorskip("hibari", reason="the embedded provider needs the local extra")
    command = [sys.executable, "-m", "evalkit", "service", "--exit-with-stdin"]
    alias = ["--alias", "gpt-4o-mini-tts=local-speech"]
    with subprocess.Popen([*command, *alias], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdin is not None
        assert service.stdout is not None
        yield json.loads(service.stdout.readline())["url"]
        service.stdin.close()
        service.wait(20)


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncOpenAI]:
    """The official client."""
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as official:
        yield official


def _rows(mode: str) -> list[dict[str, str]]:
    with (DATA / mode / "support.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))[:6]


def _is_right(row: dict[str, str], answer: cookbook.Answer) -> bool:
    """Whether exactly the expected call was made, with the expected arguments."""
    if not row["gt_tool_call"]:
        return not answer.calls
    rules = json.loads(row["gt_tool_call_match"])
    return [call["name"] for call in answer.calls] == [row["gt_tool_call"]] and match_arguments(
        json.loads(row["gt_tool_call_arg"]), answer.calls[0]["arguments"], rules
    ).matched


async def test_crawl(client: AsyncOpenAI) -> None:
    """A written utterance, spoken by the model that the harness asks for by default, gets one answer: all six right."""
    right = 0
    for row in _rows("crawl"):
        audio = await cookbook.synthesise(client, row["user_text"], "gpt-4o-mini-tts")
        answer = await cookbook.single_turn(client, audio, cookbook.PCM, PROMPT, TOOLS)
        assert answer.text
        assert answer.audio
        right += _is_right(row, answer)
    assert right >= 5


async def test_walk(client: AsyncOpenAI) -> None:
    """Saved G.711 sound goes over the wire as it is, and is understood."""
    right = 0
    for row in _rows("walk"):
        wav = (DATA / "walk" / row["audio_path"]).read_bytes()
        audio = wav[wav.index(b"data") + 8 :]
        answer = await cookbook.single_turn(client, audio, cookbook.ULAW, PROMPT, TOOLS)
        assert answer.audio
        right += _is_right(row, answer)
    assert right >= 5


@pytest.mark.parametrize("name", list(SIMULATIONS))
async def test_run(client: AsyncOpenAI, name: str) -> None:
    """A simulated call begins with the given words, comes to its end, and its judges answer in the shape asked for."""
    simulation = SIMULATIONS[name]
    held = await cookbook.simulate(client, simulation, PROMPT, TOOLS)
    assert held.turns[0][0] == simulation["first"]
    assert held.hung_up
    assert len({said for said, _ in held.turns}) == len(held.turns)
    tool, arguments = simulation["call"]
    calls = [call for _, answer in held.turns for call in answer.calls]
    assert [call["name"] for call in calls] == [tool]
    assert match_arguments(arguments, calls[0]["arguments"], {"new_address": "address"}).matched
    index, (said, answer) = next((i, turn) for i, turn in enumerate(held.turns, 1) if turn[1].calls)
    context = cookbook.turn_context(name, index, said, answer, simulation["mocks"])
    verdicts = [
        await cookbook.judge(client, simulation["criterion"], context),
        await cookbook.judge(client, simulation["criterion"], cookbook.call_context(name, held)),
    ]
    assert [verdict["grade"] for verdict in verdicts] == [1, 1]
    assert all(set(verdict) == {"grade", "rationale"} and verdict["rationale"] for verdict in verdicts)
    wrong = await cookbook.judge(client, "Assistant states that the parcel was stolen in Lisbon.", context)
    assert wrong["grade"] == 0


_REQUIRED_TEXTS = {
    "crawl": ("run_name", "model", "tts_model", "voice", "input_audio_format", "output_audio_format", "data_csv",
              "system_prompt_file", "tools_file"),
    "walk": ("run_name", "model", "voice", "input_audio_format", "output_audio_format", "data_csv",
             "system_prompt_file", "tools_file"),
    "run": ("run_name", "voice", "input_audio_format", "output_audio_format", "data_csv"),
}  # fmt: skip
_REQUIRED_NUMBERS = {
    "crawl": ("chunk_ms", "sample_rate_hz"),
    "walk": ("chunk_ms", "sample_rate_hz", "output_sample_rate_hz"),
    "run": ("chunk_ms", "sample_rate_hz"),
}
_PATHS = {
    "crawl": ("input_audio_path", "output_audio_path", "event_log_path"),
    "walk": ("audio_path", "output_audio_path", "event_log_path"),
    "run": ("user_audio_path", "assistant_audio_path", "event_log_path"),
}


@pytest.mark.parametrize("mode", ["crawl", "walk", "run"])
def test_our_run_directories_keep_to_what_its_readers_demand(cli: Cli, mode: str) -> None:
    """Settings are texts with words or whole numbers, paths exist, calls are lists, and every grade has a mean."""
    done = cli(f"mode={mode}", "max_examples=1")
    assert done.code == 0, done.err
    summary, rows = done.summary, done.rows
    for key in _REQUIRED_TEXTS[mode]:
        assert isinstance(summary[key], str), key
        assert summary[key].strip(), key
    assert all(type(summary[key]) is int for key in _REQUIRED_NUMBERS[mode])
    assert type(summary["real_time"]) is bool
    assert rows
    for row in rows:
        assert row["status"] == "ok"
        assert isinstance(json.loads(row["tool_calls"]), list)
        assert all(Path(row[column]).exists() for column in _PATHS[mode] if row[column])
    assert not [column for column in rows[0] if column.endswith("_grade") and f"{column}_mean" not in summary]
