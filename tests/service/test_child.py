"""The service as a child process, with its real engines."""

from __future__ import annotations

import ast
import asyncio
import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from typing import Any

import httpx2
import psutil
import pytest
from openai import AsyncOpenAI

from evalkit.errors import ConfigError, ServiceStartError
from evalkit.service import child
from evalkit.service.child import ServiceChild, ServiceOptions

TOOL = {
    "type": "function",
    "name": "lookup_order",
    "description": "Looks up the status of an order.",
    "parameters": {
        "type": "object",
        "properties": {"order_id": {"type": "string", "description": "The order number."}},
        "required": ["order_id"],
    },
}
_PARENT = """
import sys
from evalkit.service import child
command = [sys.executable, "-c", sys.argv[1]]
service = child.launch(command, timeout_s=30)
print(service.pid, flush=True)
sys.stdin.read()
"""
# What a child does, without the engines: says that it is ready, and waits for its stdin to close.
_CHILD = """
import json, os, sys
print(json.dumps({"url": "http://127.0.0.1:1/v1", "pid": os.getpid(), "models": []}), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def service() -> Iterator[ServiceChild]:
    with child.start() as running:
        yield running


def counters(service: ServiceChild) -> dict[str, int]:
    return httpx2.get(service.url.removesuffix("/v1") + "/healthz").json()["counters"]


async def turn(connection: Any, pcm: bytes) -> dict[str, Any]:
    for start in range(0, len(pcm), 1920):
        await connection.input_audio_buffer.append(audio=base64.b64encode(pcm[start : start + 1920]).decode())
    await connection.input_audio_buffer.commit()
    return await response(connection)


async def response(connection: Any) -> dict[str, Any]:
    await connection.response.create()
    audio = b""
    while True:
        event = json.loads(await connection.recv_bytes())
        assert event["type"] != "error", event
        if event["type"] == "response.output_audio.delta":
            audio += base64.b64decode(event["delta"])
        if event["type"] == "response.done":
            return {**event["response"], "heard_bytes": len(audio)}


async def spoken(client: AsyncOpenAI, text: str) -> bytes:
    asked = {"model": "local-speech", "voice": "marin", "input": text, "response_format": "pcm"}
    return (await client.audio.speech.create(**asked)).content


async def test_a_whole_call(service):
    """Real speech is recognised, a tool is called with what was said, and its output is spoken."""
    async with AsyncOpenAI(base_url=service.url, api_key="none") as client:
        pcm = await spoken(client, "Hello, can you look up the status of order 159083, please?")
        async with client.realtime.connect(model="local-agent") as connection:
            audio = {"input": {"turn_detection": None}}
            await connection.session.update(session={"type": "realtime", "tools": [TOOL], "audio": audio})
            first = await turn(connection, pcm)
            (call,) = (item for item in first["output"] if item["type"] == "function_call")
            assert json.loads(call["arguments"]) == {"order_id": "159083"}
            output = json.dumps({"status": "shipped"})
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
            await connection.conversation.item.create(item=item)
            second = await response(connection)
    assert "shipped" in second["output"][0]["content"][0]["transcript"].lower()
    assert second["heard_bytes"] > 24_000


async def test_nothing_is_computed_twice(service):
    """The same sentence is synthesised once and recognised once, and gives the same bytes and words."""
    async with AsyncOpenAI(base_url=service.url, api_key="none") as client:
        before = counters(service)
        both = await asyncio.gather(*(spoken(client, "Please count this sentence.") for _ in range(2)))
        assert both[0] == both[1]
        files = [("a.raw", _wav(pcm)) for pcm in both]
        heard = [
            (await client.audio.transcriptions.create(model="local-transcription", file=file)).text for file in files
        ]
    after = counters(service)
    assert heard[0] == heard[1] == "Please count this sentence."
    assert after["syntheses_computed"] - before["syntheses_computed"] == 1
    assert after["recognitions_computed"] - before["recognitions_computed"] == 1


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(24000)
        out.writeframes(pcm)
    return file.getvalue()


def test_close(service):
    """Closing stops the process, and closing again does nothing."""
    service.close()
    assert not psutil.pid_exists(service.pid)
    service.close()


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_no_orphan():
    """When the parent is killed, the child leaves by itself."""
    command = [sys.executable, "-c", _PARENT, _CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.send_signal(signal.SIGKILL)
    assert _gone_within(pid, 5.0)


def _gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_wrong_options_are_the_users_mistake():
    """What the service refuses to start with is a configuration error that names the keys."""
    with pytest.raises(ConfigError, match=r"service\.base_url \(--base-url\): needed") as refusal:
        child.start(ServiceOptions(speech="openai", transcription="pocketsphinx"))
    assert len(refusal.value.problems) == 2


def test_a_child_that_dies():
    """A child that ends early is reported with its last words."""
    with pytest.raises(ServiceStartError, match=r"ended with code 7.*\n.*it hurts"):
        child.launch(
            [sys.executable, "-c", "import sys; print('it hurts', file=sys.stderr); sys.exit(7)"], timeout_s=30
        )


def test_a_child_that_hangs():
    """A child that says nothing is stopped after the timeout."""
    with pytest.raises(ServiceStartError, match=r"was not ready after 0\.3 s"):
        child.launch([sys.executable, "-c", "import sys; sys.stdin.read()"], timeout_s=0.3)


def test_missing_packages(monkeypatch):
    """Without the extra, one message names what is missing and how to get it."""
    find = child.importlib.util.find_spec
    absent = {"hibari", "faster_whisper"}
    monkeypatch.setattr(child.importlib.util, "find_spec", lambda name: None if name in absent else find(name))
    with pytest.raises(ConfigError, match=r"hibari-tts, faster-whisper; .*pip install '\.\[local\]'"):
        child.check_installed(ServiceOptions())


def test_only_the_standard_library():
    """The module is light: the CLI imports it before it knows whether the service is needed."""
    code = "import sys; import evalkit.service.child; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "starlette", "uvicorn", "jsonschema", "httpx2"} & set(ast.literal_eval(done.stdout))
