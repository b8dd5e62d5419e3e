"""What a client says to Gemini Live: the events of a Realtime session, in the messages of its protocol. No I/O.

====================================================== ==============================================================
what the session says                                  what goes over the wire
====================================================== ==============================================================
``session.update``                                     ``setup``
sound, where the client takes the turns                ``realtimeInput.activityStart``, before the first of it
``response.create`` behind sound                       ``realtimeInput.activityEnd``
``response.create`` behind tools' answers              ``toolResponse``, with all of them but those of cancelled calls
``response.create`` behind nothing                     ``clientContent`` that ends an empty turn: speak first
anything else                                          nothing: the protocol has no word for it
====================================================== ==============================================================

An utterance is not committed before it is asked to be answered: its end *is* the request.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from evalkit.realtime.gemini_live.tool_schema import declare_function
from evalkit.records.json import Json

INPUT_MIME_TYPE = "audio/pcm;rate=16000"
"""What Gemini Live hears."""

_MODELS = "models/"


class GeminiRequests:
    """Turns what one session says into messages, in order.

    Attributes:
        withheld: The ids of the calls whose answers were not sent, since the server had cancelled them.

    """

    def __init__(self) -> None:
        self.withheld: list[str] = []
        self._takes_turns = self._is_speaking = False
        self._names: dict[str, str] = {}
        self._cancelled: set[str] = set()
        self._answered: set[str] = set()
        self._answers: list[tuple[str, Json]] = []

    def of(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the messages that say what `event` does."""
        kind = event["type"]
        if kind == "session.update":
            return [self._setup(event["session"])]
        if kind == "conversation.item.create" and event["item"]["type"] == "function_call_output":
            self._answers.append((event["item"]["call_id"], _read(event["item"]["output"])))
        elif kind == "response.create":
            return self._ask()
        return []

    def before_sound(self) -> list[dict[str, Any]]:
        """Return what is said before sound: that an utterance begins, where that is ours to say."""
        if not self._takes_turns or self._is_speaking:
            return []
        self._is_speaking = True
        return [{"realtimeInput": {"activityStart": {}}}]

    def sound(self, chunk: bytes) -> dict[str, Any]:
        """Return what carries PCM16 of 16 kHz."""
        data = binascii.b2a_base64(chunk, newline=False).decode("ascii")
        return {"realtimeInput": {"audio": {"mimeType": INPUT_MIME_TYPE, "data": data}}}

    def note_call(self, call_id: str, name: str) -> None:
        """Take it that the server called a tool."""
        self._names[call_id] = name

    def cancel(self, call_ids: Iterable[str]) -> list[str]:
        """Take it that the server wants no answers to these calls any more; return those that were not answered."""
        open_calls = [call_id for call_id in call_ids if call_id not in self._answered]
        self._cancelled.update(open_calls)
        return open_calls

    def is_cancelled(self, call_id: str) -> bool:
        """Whether the server has cancelled a call before it was answered."""
        return call_id in self._cancelled

    def _setup(self, session: Mapping[str, Any]) -> dict[str, Any]:
        audio = session["audio"]
        detection, voice = audio["input"].get("turn_detection"), audio["output"].get("voice")
        self._takes_turns = detection is None
        generation: dict[str, Any] = {"responseModalities": ["AUDIO"]}
        if voice is not None:
            generation["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
        model = str(session["model"])
        setup: dict[str, Any] = {
            "model": model if "/" in model else f"{_MODELS}{model}",
            "generationConfig": generation,
            "systemInstruction": {"parts": [{"text": session["instructions"]}]},
            "realtimeInputConfig": {"automaticActivityDetection": _detection(detection)},
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
        }
        if session["tools"]:
            setup["tools"] = [{"functionDeclarations": [declare_function(tool) for tool in session["tools"]]}]
        return {"setup": setup}

    def _ask(self) -> list[dict[str, Any]]:
        if self._is_speaking:
            self._is_speaking = False
            return [{"realtimeInput": {"activityEnd": {}}}]
        if not self._answers:
            return [{"clientContent": {"turnComplete": True}}]
        self.withheld += [call_id for call_id, _ in self._answers if call_id in self._cancelled]
        wanted = [(call_id, output) for call_id, output in self._answers if call_id not in self._cancelled]
        self._answers = []
        self._answered.update(call_id for call_id, _ in wanted)
        responses: list[Json] = [
            {"id": call_id, "name": self._names.get(call_id, ""), "response": {"output": output}}
            for call_id, output in wanted
        ]
        return [{"toolResponse": {"functionResponses": responses}}] if responses else []


def _detection(asked: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return how the server is to detect activity: not at all, where the client takes the turns."""
    if asked is None:
        return {"disabled": True}
    known = {"prefixPaddingMs": asked.get("prefix_padding_ms"), "silenceDurationMs": asked.get("silence_duration_ms")}
    return {key: value for key, value in known.items() if value is not None}


def _read(output: str) -> Json:
    """Return the value of a tool's answer, which the Realtime protocol has as text."""
    try:
        value: Json = orjson.loads(output)
    except orjson.JSONDecodeError:
        return output
    return value
