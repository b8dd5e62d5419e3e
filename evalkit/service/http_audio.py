"""``/v1/audio/speech`` and ``/v1/audio/transcriptions``, in the shapes of the public API."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import soundfile
from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.service.bad_request import BadRequest, Shape, invalid_value, missing_parameter
from evalkit.service.http_json import json_body
from evalkit.service.service_state import SPEECH_MODELS, TRANSCRIPTION_MODELS, ServiceState, model_not_found
from evalkit.service.speech.seam import UnspeakableText
from evalkit.service.token_usage import transcription_usage

SPEECH_RATE_HZ = 24_000
MAX_INPUT_CHARS = 4096
_SPEECH_FORMATS = ("wav", "pcm")
_TRANSCRIPT_FORMATS = ("json", "text", "verbose_json")
_SPEECH = Shape(
    {
        "type": "object",
        "required": ["model", "input", "voice"],
        "additionalProperties": False,
        "properties": {
            "model": {"type": "string"},
            "input": {"type": "string", "minLength": 1, "maxLength": MAX_INPUT_CHARS},
            "voice": {"type": "string"},
            "response_format": {"type": "string"},
            "speed": {"type": "number", "minimum": 0.25, "maximum": 4.0},
            "instructions": {"type": "string"},
            "stream_format": {"enum": ["audio"]},
        },
    }
)


async def speak(request: Request) -> Response:
    """Answer ``POST /v1/audio/speech``: WAV or raw PCM16, 24 kHz, mono."""
    state: ServiceState = request.app.state.service
    body = await json_body(request)
    _SPEECH.check(body)
    if state.model_named(body["model"]) not in SPEECH_MODELS:
        raise model_not_found(body["model"], SPEECH_MODELS[:1])
    voice, speed, wanted = state.engines.speech, float(body.get("speed", 1.0)), body.get("response_format", "mp3")
    if body["voice"] not in voice.speakers:
        raise invalid_value("voice", body["voice"], voice.speakers)
    if wanted not in _SPEECH_FORMATS:
        raise invalid_value("response_format", wanted, _SPEECH_FORMATS)
    if not voice.min_speed <= speed <= voice.max_speed:
        bounds = f"{voice.min_speed:.2g} and {voice.max_speed:.2g}"
        message = f"Invalid 'speed': {speed:g}; the engine '{voice.name}' speaks between {bounds}."
        raise BadRequest(message, code="invalid_value", param="speed")
    try:
        audio = await state.engines.say(body["input"], body["voice"], speed)
    except UnspeakableText as error:
        raise BadRequest(f"Invalid 'input': {error}", code="invalid_value", param="input") from error
    pcm = resample(audio.pcm, audio.rate_hz, SPEECH_RATE_HZ)
    if wanted == "pcm":
        return Response(pcm.astype("<i2").tobytes(), media_type="audio/pcm")
    file = io.BytesIO()
    soundfile.write(file, pcm, SPEECH_RATE_HZ, format="WAV", subtype="PCM_16")
    return Response(file.getvalue(), media_type="audio/wav")


async def transcribe(request: Request) -> Response:
    """Answer ``POST /v1/audio/transcriptions``: a WAV, FLAC, OGG or MP3 file as multipart form data."""
    state: ServiceState = request.app.state.service
    form = await read_form(request.headers.get("content-type", ""), await request.body())
    for required in ("file", "model"):
        if required not in form:
            raise missing_parameter(required)
    model, wanted = _text(form, "model", ""), _text(form, "response_format", "json")
    if state.model_named(model) not in TRANSCRIPTION_MODELS:
        raise model_not_found(model, TRANSCRIPTION_MODELS[:1])
    if wanted not in _TRANSCRIPT_FORMATS:
        raise invalid_value("response_format", wanted, _TRANSCRIPT_FORMATS)
    pcm, rate_hz = _samples(form["file"])
    text = await state.engines.hear(pcm, rate_hz)
    if wanted == "text":
        return PlainTextResponse(text + "\n")
    duration_s = pcm.size / rate_hz
    if wanted == "verbose_json":
        usage = transcription_usage("whisper-1", duration_s * 1000, text)
        return JSONResponse(
            {"task": "transcribe", "language": "english", "duration": duration_s, "text": text, "usage": usage}
        )
    return JSONResponse({"text": text, "usage": transcription_usage(model, duration_s * 1000, text)})


async def read_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the fields of multipart form data, byte for byte; raises :class:`BadRequest` for anything else."""
    if not content_type.startswith("multipart/form-data"):
        message = f"Invalid content type '{content_type}': expected multipart/form-data with a boundary."
        raise BadRequest(message, code="invalid_content_type", status=415)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(Headers({"content-type": content_type}), stream()).parse()
    except (MultiPartException, MultipartParseError, KeyError) as error:
        message = f"The form data could not be read: {error or 'no boundary'}."
        raise BadRequest(message, code="invalid_form") from error
    fields = {name: value.encode() if isinstance(value, str) else await value.read() for name, value in form.items()}
    await form.close()
    return fields


def _text(form: dict[str, bytes], key: str, default: str) -> str:
    return form[key].decode("utf-8", "replace") if key in form else default


def _samples(data: bytes) -> tuple[Pcm, int]:
    try:
        samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        message = f"The audio file could not be decoded; send wav, flac, ogg or mp3 ({error})."
        raise BadRequest(message, code="invalid_file", param="file") from error
    if not len(samples):
        raise BadRequest("The audio file is empty.", code="audio_too_short", param="file")
    pcm: Any = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    return np.asarray(pcm, dtype=np.int16), int(rate_hz)
