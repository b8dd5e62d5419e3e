"""What is called with ``target=gemini_live``: a server of Gemini Live, and what of a config fits it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from evalkit.audio.formats import AudioFormat
from evalkit.modes.voice.settings import TargetSettings

GEMINI_LIVE = "gemini_live"

DEFAULT_MODEL = "gemini-2.5-flash-native-audio-latest"
"""The model that is asked for where none is named."""

HOSTED_URL = (
    "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService"
    ".BidiGenerateContent"
)

_HOSTED_BY = "googleapis.com"
_SECRETS = frozenset({"key", "api_key", "access_token", "token"})
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")
_INPUT, _OUTPUT = str(AudioFormat.PCM16_16KHZ), str(AudioFormat.PCM16)
# What ``turn_detection=server_vad`` has it at, unless it is told otherwise.
_THRESHOLD = 0.5


def is_gemini(config: Mapping[str, Any]) -> bool:
    """Whether a composed or resolved config calls a server of Gemini Live."""
    target = config.get("target")
    return target is not None and target["kind"] == GEMINI_LIVE


def find_gemini_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what does not fit a server of Gemini Live."""
    target, audio, detection = config["target"], config["audio"], config["turn_detection"]
    yield from _find_address_problems(target["url"], target["api_key_env"])
    for key in ("dialect", "speaks_first", "auth_token_env"):
        if target[key] is not None:
            yield f"target.{key}: {target[key]!r}, which target=gemini_live does not have; leave it null"
    if target["parameters"]:
        yield "target.parameters: only an application behind a telephone line is handed some; leave them out"
    if (audio["input_format"], audio["output_format"]) != (_INPUT, _OUTPUT):
        yield (
            f"audio.input_format: {audio['input_format']}, audio.output_format: {audio['output_format']}, but Gemini "
            f"Live hears {_INPUT} and speaks {_OUTPUT}; leave both out"
        )
    if detection["type"] not in ("none", "server_vad"):
        yield (
            f"turn_detection.type: {detection['type']}, but Gemini Live has one detection of its own; take "
            "turn_detection=server_vad, or turn_detection=none"
        )
    if detection["threshold"] not in (None, _THRESHOLD):
        yield f"turn_detection.threshold: {detection['threshold']:g}, which Gemini Live does not have; leave it out"
    if detection["idle_timeout_ms"] is not None:
        yield f"turn_detection.idle_timeout_ms: {detection['idle_timeout_ms']}, which Gemini Live does not have"


def _find_address_problems(url: str | None, api_key_env: str | None) -> Iterator[str]:
    if url is None:
        yield (
            "target.url: null, but target=gemini_live needs the address of a server; name it, for example "
            f"target.url=ws://127.0.0.1:8765/ws, or the hosted one: target.url={HOSTED_URL} "
            "target.api_key_env=GEMINI_API_KEY"
        )
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        return  # said of every address
    if parts.scheme not in ("ws", "wss"):
        yield f"target.url: its scheme is {parts.scheme}, but target=gemini_live speaks over a WebSocket: ws:// or wss://"
    if _SECRETS & {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}:
        yield (
            "target.url: holds a key (the value is not shown), and would stand in every record; set a variable to it "
            "and name that: target.api_key_env=GEMINI_API_KEY"
        )
    host = parts.hostname or ""
    if api_key_env is None and (host == _HOSTED_BY or host.endswith(f".{_HOSTED_BY}")):
        yield f"target.api_key_env: null, but {host} takes no session without a key; name the variable that holds it"


def settle_gemini(resolved: dict[str, Any]) -> None:
    """Say in a resolved config which model is asked for, and leave out what a server of Gemini Live is not told."""
    assistant = resolved["assistant"]
    if assistant["model"] in (None, (assistant["provider"] or resolved["provider"])["models"].get("assistant")):
        assistant["model"] = DEFAULT_MODEL
    resolved["turn_detection"]["threshold"] = None


def find_gemini_key_problems(target: TargetSettings, environ: Mapping[str, str]) -> list[str]:
    """Return a message where `environ` lacks the key, or what it holds cannot be one."""
    name = target.api_key_env
    if name is None:
        return []
    key = environ.get(name, "").strip()
    if not key:
        found = f"target.api_key_env: the environment variable {name} is not set"
        return [f"{found}; set it to your key (export {name}=...), or leave the key null where the server wants none"]
    if not _HEADER_VALUE.fullmatch(key):
        found = f"target.api_key_env: the environment variable {name} holds a space or a letter outside ASCII"
        return [f"{found}, so it cannot be a key; set it again (the value is not shown)"]
    return []


def gemini_headers(target: TargetSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the handshake; they hold the key and are never shown."""
    return {} if target.api_key_env is None else {"x-goog-api-key": environ.get(target.api_key_env, "").strip()}
