"""The replay as a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx2
import pytest
import uvicorn

from evalkit.audio.formats import AudioFormat
from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.service.replay.app import create_replay

ULAW = AudioFormat.G711_ULAW


@pytest.fixture
def url(store) -> Iterator[str]:
    """A replay that runs; gives its base URL."""
    server = uvicorn.Server(uvicorn.Config(create_replay(store()), port=0, log_config=None, ws="websockets-sansio"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()


def _session(url: str, case: str) -> RealtimeSession:
    address = f"ws://{url}/realtime?model=anything"
    headers = Introduction(case, 1, 1).headers(address, "assistant")
    trace, timeline = Trace(lambda _line: None), Timeline.begin(MonotonicClock())
    return RealtimeSession(address, headers, source="assistant", trace=trace, timeline=timeline)


async def test_our_own_client_hears_what_was_recorded(url: str, said: bytes, answer: bytes) -> None:
    """Under whatever model's name it asks."""
    async with _session(url, "c1") as session:
        await session.configure(SessionSpec("Be kind.", ULAW, ULAW), timeout_s=5)
        await session.send_audio(said, chunk_ms=40, real_time=False)
        response = await session.respond(timeout_s=5)
    assert (response.audio, response.status, response.failure) == (answer, "completed", None)


@pytest.mark.parametrize(("case", "words"), [("c1", "session.instructions was"), ("c9", "has no case 'c9'")])
async def test_a_mismatch_is_the_infrastructures(url: str, case: str, words: str) -> None:
    """It is an error event in the client's eyes, and never the assistant's fault."""
    with pytest.raises(CaseFailure, match=words) as caught:
        async with _session(url, case) as session:
            await session.configure(SessionSpec("Be quick.", ULAW, ULAW), timeout_s=5)
    failure = caught.value
    assert failure.error_type == "replay_mismatch"
    assert decide_fault(Failure(Stage.RESPONSE_ERROR, failure.error_type, "")) is Fault.INFRASTRUCTURE


async def test_http_roles_say_what_is_missing(url: str) -> None:
    """A request that the run cannot answer is status 404 with the code and a sentence."""
    async with httpx2.AsyncClient() as http:
        spoken = {"input": "Where is it?", "voice": "marin", "response_format": "pcm"}
        assert len((await http.post(f"http://{url}/audio/speech", json=spoken)).content) == 4800
        refused = await http.post(f"http://{url}/audio/speech", json={**spoken, "input": "Else."})
        judged = await http.post(f"http://{url}/responses", json={"model": "j", "input": "Did it?"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "replay_mismatch")
    assert "no judge's answer" in judged.json()["error"]["message"]
