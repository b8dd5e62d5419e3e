"""What is called: a realtime model, a server of Gemini Live or a telephone application; what of a config fits which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.audio.formats import AudioFormat
from evalkit.modes.voice.gemini_target import (
    GEMINI_LIVE,
    find_gemini_key_problems,
    find_gemini_problems,
    gemini_headers,
    is_gemini,
)
from evalkit.modes.voice.server_sessions import GEMINI_SESSIONS, REALTIME_SESSIONS, ServerSessions
from evalkit.realtime.media_stream.dialect import DIALECTS
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.records.json import JsonObject
from evalkit.records.not_shown import NOTE, TOOL_CALLS, TRANSCRIPT, USAGE

if TYPE_CHECKING:
    from evalkit.modes.voice.settings import VoiceSettings
    from evalkit.peers.peers import Peers
    from evalkit.realtime.media_stream.session import MediaStreamTarget
    from evalkit.tool_host.hosted_call import UnknownCall

MEDIA_STREAM = "media_stream"
APPLICATION = "application"
"""What takes the turns of a call to a telephone application, and what it is called where nobody names it."""

LINE_CHUNK_MS = 20
"""How much sound a telephone line carries in one frame."""

_OWN_KEYS = ("url", "api_key_env", "dialect", "speaks_first", "auth_token_env")
_UNMEASURED = (
    "is not measured over a telephone line, which does not tell when an answer was begun; "
    "latency_voice_to_voice_ms and response_latency_ms are, from the sound"
)

NOT_SHOWN: Mapping[str, str] = {
    TOOL_CALLS: "a telephone line does not show the tools that an application calls",
    TRANSCRIPT: "a telephone line carries no text: the assistant's words are those that the recogniser heard",
    USAGE: "a telephone line does not tell what an application spends",
}
"""What is not known of a call over a telephone line, each with the reason."""


def is_telephone(config: Mapping[str, Any]) -> bool:
    """Whether a composed or resolved config calls an application behind a telephone line."""
    target = config.get("target")
    return target is not None and target["kind"] == MEDIA_STREAM


def calls_provider(config: Mapping[str, Any]) -> bool:
    """Whether a composed or resolved config calls a realtime model at a provider."""
    return not (is_telephone(config) or is_gemini(config))


def find_target_problems(config: Mapping[str, Any]) -> list[str]:
    """Return what does not fit what is called."""
    target = config.get("target")
    if is_telephone(config):
        return [*_find_line_problems(config), *_find_idle_settings(config)]
    if is_gemini(config):
        return list(find_gemini_problems(config))
    turns = config["turn_detection"]["type"]
    problems = []
    if turns == APPLICATION:
        found = f"turn_detection.type: {turns}, but target.kind=realtime, whose turns the client or the server takes"
        problems.append(f"{found}; take target=media_stream, or turn_detection=none, server_vad or semantic_vad")
    problems += [
        f"target.{key}: {target[key]!r}, but target.kind=realtime calls a model at a provider (provider.base_url); "
        "take target=media_stream or target=gemini_live, or leave it null"
        for key in _OWN_KEYS
        if target is not None and target[key] is not None
    ]
    if target is not None and target["parameters"]:
        problems.append("target.parameters: only an application is handed some; take target=media_stream")
    if config["audio"]["input_format"] == AudioFormat.PCM16_16KHZ:
        found = "audio.input_format: pcm16_16khz, but target.kind=realtime, whose protocol has no such sound"
        problems.append(f"{found}; take target=gemini_live, or audio.input_format=pcm16")
    return problems


def _find_line_problems(config: Mapping[str, Any]) -> Iterator[str]:
    target, audio = config["target"], config["audio"]
    if target["url"] is None:
        yield (
            "target.url: null, but target=media_stream needs the address of the application; "
            "name it, for example target.url=ws://127.0.0.1:8765/ws"
        )
    dialect = DIALECTS.get(str(target["dialect"]))
    if target["api_key_env"] is not None:
        yield f"target.api_key_env: {target['api_key_env']!r}, which target=media_stream does not have; leave it null"
    if dialect is None:
        yield f"target.dialect: null; expected one of {', '.join(DIALECTS)}"
    if target["speaks_first"] is None:
        yield "target.speaks_first: null; expected agent or caller"
    formats = {audio["input_format"], audio["output_format"]}
    carried = [str(each) for each in dialect.encodings] if dialect else [str(AudioFormat.G711_ULAW)]
    if len(formats) > 1 or not formats <= set(carried):
        yield (
            f"audio.input_format: {audio['input_format']}, audio.output_format: {audio['output_format']}, but a "
            f"{target['dialect']} line carries {' or '.join(carried)} at 8 kHz in both directions; leave both out"
        )
    if config["chunk_ms"] not in (None, LINE_CHUNK_MS):
        yield f"chunk_ms: {config['chunk_ms']}, but a telephone line sends {LINE_CHUNK_MS} ms at a time; leave it out"
    if config["real_time"] is False:
        yield "real_time: false, but a telephone call is held at the speed of speech; leave it null"


def _find_idle_settings(config: Mapping[str, Any]) -> Iterator[str]:
    turns = config["turn_detection"]["type"]
    if turns not in ("none", APPLICATION):
        yield (
            f"turn_detection.type: {turns}, but with target=media_stream the application takes the turns in its own "
            "way; set that in the application, and leave turn_detection out"
        )
    if config["assistant"].get("voice") is not None:
        yield (
            f"assistant.voice: {config['assistant']['voice']!r}, but with target=media_stream the application speaks "
            "with a voice of its own; leave it null"
        )
    if config["provider"]["models"].get("transcription") is None:
        yield (
            "provider.models.transcription: null, but with target=media_stream a recogniser hears what the application "
            "says; name a model, or take another provider"
        )


def find_tool_host_problems(config: Mapping[str, Any]) -> list[str]:
    """Return what stands in the way of serving an application its tools, where it is to be served them."""
    if not config["tool_host"]["enabled"]:
        return []
    if not is_telephone(config):
        kind = GEMINI_LIVE if is_gemini(config) else "realtime"
        found = f"tool_host.enabled: true, but target.kind={kind}, whose tools are asked for over the wire"
        return [f"{found}; leave it false, or take target=media_stream"]
    from evalkit.tool_host.host import find_missing_packages

    return find_missing_packages()


def settle_target(resolved: dict[str, Any]) -> None:
    """Say in a resolved config who takes the turns, and what the application is called where nobody named it."""
    resolved["turn_detection"]["type"] = APPLICATION
    assistant = resolved["assistant"]
    if assistant["model"] in (None, assistant["provider"]["models"].get("assistant")):
        assistant["model"] = APPLICATION


def media_stream_target(settings: VoiceSettings, environ: Mapping[str, str]) -> MediaStreamTarget | None:
    """Return the application that is called; None where a realtime model is. Its token is taken from `environ`."""
    target = settings.target
    if not settings.calls_application:
        return None
    from evalkit.realtime.media_stream.session import MediaStreamTarget

    token = environ.get(target.auth_token_env, "").strip() if target.auth_token_env else None
    return MediaStreamTarget(
        url=str(target.url),
        dialect=DIALECTS[str(target.dialect)],
        agent_speaks_first=target.speaks_first == "agent",
        parameters=target.parameters,
        auth_token=token,
    )


def assistant_address(
    peers: Peers, settings: VoiceSettings, model: str, environ: Mapping[str, str]
) -> tuple[str, Mapping[str, str]]:
    """Return the URL and the headers of the assistant's handshake; the headers hold the key and are never shown."""
    target = settings.target
    if not settings.calls_provider:
        return str(target.url), gemini_headers(target, environ) if settings.calls_gemini else {}
    address = peers.realtime("assistant", model)
    return address.url, address.headers


def sessions_of(settings: VoiceSettings) -> ServerSessions:
    """Return the sessions of the protocol that the assistant's server speaks."""
    return GEMINI_SESSIONS if settings.calls_gemini else REALTIME_SESSIONS


def named_in_session(settings: VoiceSettings, model: str) -> str | None:
    """Return the model that a session is to name, where the address does not: with Gemini Live."""
    return model if settings.calls_gemini else None


def note_line(target: MediaStreamTarget | None, *, serves_tools: bool = False) -> JsonObject:
    """Return what the notes of a record say of a call over a telephone line; nothing of any other.

    Where the application was served its tools (`serves_tools`), its calls of them are known.
    """
    not_shown = {what: why for what, why in NOT_SHOWN.items() if not (serves_tools and what == TOOL_CALLS)}
    return {} if target is None else {NOTE: not_shown, "words": {"assistant": "recognised", "caller": "said"}}


def blame_unknown_calls(unknown: Sequence[UnknownCall], failure: Failure | None) -> Failure | None:
    """Return the failure of a call while which tools were called that nobody owns, unless something else broke it.

    The assistant may have been answered nothing by its tools, and cannot be held to what it did then.
    """
    if not unknown or (failure is not None and decide_fault(failure) is not Fault.ASSISTANT):
        return failure
    asked = ", ".join(dict.fromkeys(each.asked.name for each in unknown))
    message = f"a tool was called ({asked}) and it is not known by which call: {unknown[0].why}"
    return Failure(Stage.TOOL_HOST, "unknown_tool_call", message)


def find_token_problems(settings: VoiceSettings, environ: Mapping[str, str]) -> list[str]:
    """Return a message where `environ` lacks what the target's requests are signed with, or its server's key."""
    if settings.calls_gemini:
        return find_gemini_key_problems(settings.target, environ)
    name = settings.target.auth_token_env
    if name is None or environ.get(name, "").strip():
        return []
    found = f"target.auth_token_env: the environment variable {name} is not set"
    remedy = "set it to the token of the account whose calls the application takes, or leave the key null"
    return [f"{found}; {remedy} where it checks no signature"]


def unmeasured_over_a_line() -> dict[str, str]:
    """Return the latencies that a call over a telephone line does not have, each with the reason."""
    return dict.fromkeys(("latency_first_audio_ms", "latency_first_text_ms", "latency_response_done_ms"), _UNMEASURED)
