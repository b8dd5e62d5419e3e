"""A client that speaks to the service in the order of the Realtime evals cookbook's three harnesses.

Written from what they send, not from their code: one session per example (crawl, walk), or two that stay open for a
whole call (run), all with turn detection off. Every turn of the assistant is

clear → append, append, … → commit → response.create → (function_call_output → response.create →)* response.done

and every turn of the simulated caller is a ``response.create`` outside the conversation, with the call so far as text.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openai import AsyncOpenAI, BadRequestError
from openai.resources.realtime.realtime import AsyncRealtimeConnection

PCM = {"type": "audio/pcm", "rate": 24_000}
ULAW = {"type": "audio/pcmu"}
_TIMEOUT_S = 60.0
_JUDGE_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"grade": {"type": "integer", "enum": [0, 1]}, "rationale": {"type": "string"}},
    "required": ["grade", "rationale"],
}


@dataclass
class Answer:
    """What one turn of a model came to."""

    text: str = ""
    audio: bytes = b""
    calls: list[dict[str, Any]] = field(default_factory=list)
    segments: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)


@dataclass
class Simulated:
    """One simulated call."""

    turns: list[tuple[str, Answer]]
    lines: list[str]
    hung_up: bool


async def synthesise(client: AsyncOpenAI, text: str, model: str) -> bytes:
    """Return `text` as raw PCM16 at 24 kHz."""
    async with client.audio.speech.with_streaming_response.create(
        model=model, voice="marin", input=text, response_format="pcm"
    ) as response:
        return b"".join([chunk async for chunk in response.iter_bytes()])


async def single_turn(
    client: AsyncOpenAI, audio: bytes, heard_as: Mapping[str, Any], prompt: str, tools: Sequence[Any]
) -> Answer:
    """Hold one exchange in a session of its own; tool calls are not answered."""
    async with client.realtime.connect(model="local-agent") as connection:
        session = _session(prompt, tools, heard_as)
        await connection.session.update(session={**session, "output_modalities": ["audio"]})
        await _stream(connection, audio, heard_as)
        return await _collect(connection, {}, None)


async def simulate(client: AsyncOpenAI, simulation: Mapping[str, Any], prompt: str, tools: Sequence[Any]) -> Simulated:
    """Hold one call between `local-caller` and `local-agent`."""
    held = Simulated([], [], hung_up=False)
    history: list[tuple[str, str]] = []
    async with (
        client.realtime.connect(model="local-caller") as caller,
        client.realtime.connect(model="local-agent") as agent,
    ):
        await caller.session.update(session={**_session(simulation["persona"], [], PCM), "tool_choice": "none"})
        await agent.session.update(session=_session(prompt, tools, PCM))
        for index in range(1, simulation["max_turns"] + 1):
            said = await _collect(caller, _caller_turn(simulation["first"], history, index), None)
            held.lines.append(f"TURN {index} USER: {said.text}")
            if "END_CALL" in said.text.upper():
                held.hung_up = True
                break
            history.append(("User", said.text))
            await _stream(agent, said.audio, PCM)
            answer = await _collect(agent, {}, simulation["mocks"])
            history.append(("Assistant", answer.text))
            held.turns.append((said.text, answer))
            held.lines += _transcript(index, answer, simulation["mocks"])
    return held


async def judge(client: AsyncOpenAI, criterion: str, context: str) -> dict[str, Any]:
    """Return the verdict, asked for under a strict schema, and where that is refused without one."""
    asked: dict[str, Any] = {
        "model": "local-judge",
        "instructions": "Judge strictly. Answer in JSON only, with grade (0 or 1) and rationale (short).",
        "input": f"Criteria:\n{criterion}\n\nContext:\n{context}",
    }
    strict = {"type": "json_schema", "name": "verdict", "strict": True, "schema": _JUDGE_SCHEMA}
    try:
        response = await client.responses.create(**asked, text={"format": strict})
    except BadRequestError:
        response = await client.responses.create(**asked)
    verdict: dict[str, Any] = json.loads(response.output_text)
    return verdict


def turn_context(name: str, index: int, said: str, answer: Answer, mocks: Mapping[str, Any]) -> str:
    """Return one turn as its judge is shown it."""
    outputs = [_output(call, mocks) for call in answer.calls]
    return (
        f"Simulation: {name}\nScenario: A customer calls the shop.\nTurn: {index}\nUser: {said}\n"
        f"Assistant: {answer.text}\nTool Calls: {json.dumps(answer.calls)}\nTool Outputs: {json.dumps(outputs)}\n"
    )


def call_context(name: str, held: Simulated) -> str:
    """Return a whole call as its judge is shown it."""
    tools = [line for line in held.lines if " TOOL_" in line]
    lines, traffic = "\n".join(held.lines), "\n".join(tools)
    return f"Simulation: {name}\nScenario: A customer calls the shop.\nConversation:\n{lines}\nTools:\n{traffic}\n"


def _session(instructions: str, tools: Sequence[Any], heard_as: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "realtime",
        "instructions": instructions,
        "tools": list(tools),
        "tool_choice": "auto",
        "audio": {
            "input": {"format": dict(heard_as), "turn_detection": None},
            "output": {"format": PCM, "voice": "marin"},
        },
    }


def _caller_turn(first: str, history: Sequence[tuple[str, str]], index: int) -> dict[str, Any]:
    if index == 1:
        text = f"Repeat exactly the following user utterance:\n{first}"
    else:
        said = "\n".join(f"{who}: {words}" for who, words in history)
        text = f"Conversation so far:\n{said}\nNext user response:"
    content = [{"type": "input_text", "text": text}]
    payload = {"input": [{"type": "message", "role": "user", "content": content}], "conversation": "none"}
    dictated = {"instructions": f"Output exactly this user utterance and nothing else: {first}"}
    return {**(dictated if index == 1 else {}), **payload}


async def _stream(connection: AsyncRealtimeConnection, audio: bytes, heard_as: Mapping[str, Any]) -> None:
    size = 20 * 24 * 2 if heard_as is PCM else 20 * 8
    await connection.input_audio_buffer.clear()
    for start in range(0, len(audio), size):
        await connection.input_audio_buffer.append(audio=base64.b64encode(audio[start : start + size]).decode())
    await connection.input_audio_buffer.commit()


async def _collect(
    connection: AsyncRealtimeConnection, payload: dict[str, Any], mocks: Mapping[str, Any] | None
) -> Answer:
    """Ask for a response, and answer its tool calls where there are mocks; raises RuntimeError for an error event."""
    answer, words = Answer(), ""
    await connection.response.create(response=payload)
    while True:
        event = (await asyncio.wait_for(connection.recv(), _TIMEOUT_S)).model_dump()
        match event["type"]:
            case "error":
                raise RuntimeError(event["error"]["message"])
            case "response.output_audio.delta":
                answer.audio += base64.b64decode(event["delta"])
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                answer.text += event["delta"]
                words += event["delta"]
            case "response.done":
                response = event["response"]
                if response["status"] != "completed":
                    raise RuntimeError(f"response.done with status {response['status']}")
                calls = [_call(item) for item in response["output"] if item["type"] == "function_call"]
                answer.calls += calls
                answer.segments.append((words, calls))
                words = ""
                if mocks is None or not calls:
                    return answer
                for call in calls:
                    output = json.dumps(_output(call, mocks)["output"])
                    item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
                    await connection.conversation.item.create(item=item)
                await connection.response.create()


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    raw = item["arguments"]
    return {"name": item["name"], "arguments": json.loads(raw), "raw_arguments": raw, "call_id": item["call_id"]}


def _output(call: Mapping[str, Any], mocks: Mapping[str, Any]) -> dict[str, Any]:
    output = mocks.get(call["name"], {"status": "Unsupported tool"})
    return {"call_id": call["call_id"], "name": call["name"], "arguments": call["arguments"], "output": output}


def _transcript(index: int, answer: Answer, mocks: Mapping[str, Any]) -> list[str]:
    lines = []
    for words, calls in answer.segments:
        lines += [f"TURN {index} ASSISTANT: {words.strip()}"] if words.strip() else []
        for call in calls:
            lines.append(f"TURN {index} TOOL_CALL: {json.dumps(call)}")
            lines.append(f"TURN {index} TOOL_OUTPUT: {json.dumps(_output(call, mocks))}")
    return lines
