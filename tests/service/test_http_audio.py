"""Speech and transcription over HTTP, by the official client."""

from __future__ import annotations

import asyncio
import io
import wave

import httpx2
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI, BadRequestError

from evalkit.service.app import create_app
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.rules.brain import RulesBrain
from evalkit.service.http_audio import read_form
from evalkit.service.offered import can_speak
from evalkit.service.speech.hibari import HibariSpeech
from evalkit.service.speech.pico import PicoSpeech


async def test_speech(client: AsyncOpenAI):
    """Speech is PCM16 at 24 kHz, bare or in a WAV file, and costs nothing the second time."""
    asked = {"model": "local-speech", "voice": "marin", "input": "Hello there."}
    bare = (await client.audio.speech.create(**asked, response_format="pcm")).content
    filed = (await client.audio.speech.create(**asked, response_format="wav")).content
    with wave.open(io.BytesIO(filed)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 1, 2)
        assert file.readframes(file.getnframes()) == bare
    assert len(bare) == 12 * 10 * 48


@pytest.mark.parametrize(
    ("change", "param", "named"),
    [
        ({"voice": "bob"}, "voice", "'marin', 'cedar'"),
        ({"response_format": "mp3"}, "response_format", "'wav', 'pcm'"),
        ({"speed": 4.0}, "speed", "between 0.5 and 2"),
        ({"speed": 5.0}, "speed", "maximum of 4"),
        ({"input": ""}, "input", "non-empty"),
    ],
)
async def test_speech_refusals(client: AsyncOpenAI, change, param, named):
    """What the engine cannot do is refused with status 400, the field and what is possible."""
    asked = {"model": "local-speech", "voice": "marin", "input": "Hi.", "response_format": "wav", **change}
    with pytest.raises(BadRequestError, match=named) as refusal:
        await client.audio.speech.create(**asked)
    assert refusal.value.param == param


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
async def test_transcription(client: AsyncOpenAI, kind):
    """Sound files of the usual kinds are heard, in each answer format."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros((16000, 2), dtype=np.int16), 16000, format=kind)
    asked = {"model": "local-transcription", "file": (f"a.{kind}", file.getvalue())}
    answer = await client.audio.transcriptions.create(**asked)
    assert answer.text == "1000 milliseconds"
    assert await client.audio.transcriptions.create(**asked, response_format="text") == "1000 milliseconds\n"
    verbose = await client.audio.transcriptions.create(**asked, response_format="verbose_json")
    assert (verbose.text, verbose.duration, verbose.language) == ("1000 milliseconds", 1.0, "english")


@pytest.mark.parametrize(
    ("change", "param"),
    [({"file": ("a.wav", b"no sound")}, "file"), ({"response_format": "srt"}, "response_format")],
)
async def test_transcription_refusals(client: AsyncOpenAI, silence_wav, change, param):
    """A file that is no sound, or a format we do not write, is refused with the field's name."""
    with pytest.raises(BadRequestError) as refusal:
        await client.audio.transcriptions.create(
            **{"model": "local-transcription", "file": ("a.wav", silence_wav), **change}
        )
    assert refusal.value.param == param


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"-", b"\0", b"\xff", b"--b", b"x"])).map(b"".join))
def test_files_arrive_byte_for_byte(content):
    """Whatever bytes a file has, line ends and half boundaries among them, they are read as they are."""
    head = b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    other = b'Content-Disposition: form-data; name="model"\r\n\r\nlocal-transcription'
    body = b"--bound\r\n" + head + content + b"\r\n--bound\r\n" + other + b"\r\n--bound--\r\n"
    fields = asyncio.run(read_form("multipart/form-data; boundary=bound", body))
    assert fields == {"file": content, "model": b"local-transcription"}


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"--bound--", 400),
        ("multipart/form-data; boundary=bound", b"no form at all", 400),
    ],
)
async def test_what_is_no_form(content_type, body, status):
    """Another content type, no boundary and a body that is no form are the client's mistakes."""
    with pytest.raises(BadRequest) as refusal:
        await read_form(content_type, body)
    assert refusal.value.status == status


@pytest.mark.parametrize("engine", [HibariSpeech(), PicoSpeech()], ids=["hibari", "pico"])
@pytest.mark.parametrize("text", ["...", "你好", "🙂", "—"])
async def test_text_without_a_sound(fake_transcription, engine, text):
    """What an English voice cannot say is refused with status 400, the field, and what is missing in it."""
    app = create_app(brain=RulesBrain({}), engines=AudioEngines(engine, fake_transcription))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service/v1") as http:
        asked = {"model": "local-speech", "voice": "marin", "input": text, "response_format": "pcm"}
        answer = await http.post("/audio/speech", json=asked)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", "input")
    assert "cannot be spoken: it holds no letter of the Latin alphabet and no digit" in error["message"]
    assert not can_speak(text)


async def test_the_names_that_stored_runs_know(client: AsyncOpenAI, silence_wav):
    """What was called local-voice and local-ears answers under those names too, with the same result."""
    asked = {"voice": "marin", "input": "Hello there.", "response_format": "pcm"}
    old = (await client.audio.speech.create(model="local-voice", **asked)).content
    assert old == (await client.audio.speech.create(model="local-speech", **asked)).content
    heard = await client.audio.transcriptions.create(model="local-ears", file=("a.wav", silence_wav))
    assert heard.text == "1000 milliseconds"
