"""Speech at a wrong rate and sound in a wrong encoding are named, and no other speech is."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.audio.wav import read_wav
from evalkit.modes.voice.misplayed_speech import FASTEST, SLOWEST, find_misplayed_speech, speed_of
from evalkit.realtime.playout import Playout
from evalkit.records.faults import Fault, decide_fault
from evalkit.service.speech.hibari import HibariSpeech
from evalkit.service.speech.pico import PicoSpeech
from evalkit.settings.resources import resource_dir

ULAW, ALAW = AudioFormat.G711_ULAW, AudioFormat.G711_ALAW
WALK = resource_dir("data") / "walk"
SENTENCE = (
    "I'm sorry, I could not find an appointment on that day. The next one that is free is on Friday at a quarter past "
    "nine in the morning."
)


@cache
def recordings() -> list[tuple[Any, int]]:
    """The shipped recordings, each with how many words are said in it."""
    found = []
    for index in ("support.csv", "clinic.csv"):
        with (WALK / index).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                pcm = read_wav(WALK / "audio" / Path(row["audio_path"]).name).pcm
                found.append((pcm, len(row["user_text"].split())))
    return found


VOICE, WORDS = recordings()[0]


@cache
def voices() -> list[tuple[Any, int]]:
    """A sentence in all voices that ship, of both engines, at the rate at which each is made."""
    engines: tuple[Any, ...] = (HibariSpeech(), PicoSpeech())
    said = [engine.synthesise(SENTENCE, speaker, 1.0) for engine in engines for speaker in engine.speakers]
    return [(audio.pcm, audio.rate_hz) for audio in said]


def _sent_as_8_khz(pcm: Any, made_at_hz: int, voice_hz: int) -> Any:
    """What is heard of a sound that was made at one rate, brought to that of a voice, and sent as if it were 8 kHz."""
    return ULAW.from_wire(ULAW.to_wire(resample(pcm, made_at_hz, voice_hz)))


def _call(wire: bytes, words: str, line: AudioFormat = ULAW) -> Any:
    """A call in whose first turn that sound was heard as these words."""
    playout = Playout(line)
    playout.receive(wire, response_id="speech_1", item_id="speech_1", at=0)
    said = SimpleNamespace(playout_id="speech_1", turn_index=1, result=SimpleNamespace(transcript=words))
    return SimpleNamespace(playout=playout, now_ms=120_000.0, responses=[said])


@pytest.mark.parametrize(
    ("voice_hz", "words", "sentence"),
    [
        (24_000, "The gnome, I shall start the home", "too slow and too low"),
        (16_000, "hi there um I ordered a lamp last week and I still have a scene", "too slow and too low"),
        (
            4_000,
            "Hi there I lamp last week still haven't seen it the order number's 48213",
            "too fast and too high",
        ),
    ],
)
def test_a_voice_that_is_sent_at_another_rate(voice_hz: int, words: str, sentence: str) -> None:
    """The application's fault, with what was heard and what it may be."""
    failure = find_misplayed_speech(_call(ULAW.to_wire(_sent_as_8_khz(VOICE, 8000, voice_hz)), words), 1)
    assert failure is not None
    assert (failure.error_type, decide_fault(failure)) == ("wrong_sample_rate", Fault.ASSISTANT)
    assert sentence in failure.message
    assert "at another rate than the 8000 Hz of the line" in failure.message


@pytest.mark.parametrize(
    ("sent", "line", "meant"),
    [
        (AudioFormat.PCM16.to_wire, ULAW, "16-bit PCM"),
        (AudioFormat.PCM16.to_wire, ALAW, "16-bit PCM"),
        (lambda pcm: pcm.astype(">i2").tobytes(), ULAW, "16-bit PCM with its bytes swapped"),
        (ALAW.to_wire, ULAW, "A-law"),
        (ULAW.to_wire, ALAW, "mu-law"),
    ],
)
def test_sound_in_another_encoding(sent: Any, line: AudioFormat, meant: str) -> None:
    """What it is, and what was due; whatever the recogniser made of the noise."""
    failure = find_misplayed_speech(_call(sent(VOICE), "you", line), 1)
    assert failure is not None
    assert (failure.error_type, decide_fault(failure)) == ("wrong_encoding", Fault.ASSISTANT)
    assert failure.message.startswith(f"the application sends {meant} where the line carries ")


def test_sound_that_was_cut_in_the_middle_of_a_sample() -> None:
    """The caller cut in on a greeting in 16-bit PCM: what comes behind it is read by itself."""
    wire = AudioFormat.PCM16.to_wire(VOICE)
    call = _call(wire[: len(wire) // 2 + 1], "you")
    call.playout.receive(wire, response_id="speech_2", item_id="speech_2", at=call.playout.end + 8000)
    second = SimpleNamespace(playout_id="speech_2", turn_index=1, result=SimpleNamespace(transcript="you"))
    for order in ([*call.responses, second], [second]):
        call.responses = order
        failure = find_misplayed_speech(call, 1)
        assert failure is not None
        assert failure.error_type == "wrong_encoding"


@pytest.mark.parametrize(
    ("wire", "words", "turn_index"),
    [
        (ULAW.to_wire(VOICE), "Hi there. I ordered a lamp last week and I still haven't seen it.", 1),
        (ULAW.to_wire(VOICE), "", 1),
        (ULAW.to_wire(np.repeat(VOICE, 3)[:8000]), "The gnome", 1),
        (ULAW.to_wire(np.repeat(VOICE, 3)), "The gnome", 2),
        (ULAW.to_wire(np.zeros(80_000, np.int16)), "", 1),
        (ULAW.to_wire((np.random.default_rng(7).standard_normal(80_000) * 4000).astype(np.int16)), "", 1),
        (ULAW.to_wire((8000 * np.sin(np.arange(80_000) * 0.3)).astype(np.int16)), "", 1),
        (b"", "", 1),
    ],
    ids=["speech", "unheard", "short", "of another turn", "silence", "noise", "a tone", "nothing"],
)
def test_what_tells_nothing_is_named_nothing(wire: bytes, words: str, turn_index: int) -> None:
    """Enough of speech, in that turn."""
    assert find_misplayed_speech(_call(wire, words), turn_index) is None


def _named(wires: list[tuple[bytes, int]], line: AudioFormat = ULAW) -> list[str | None]:
    found = [find_misplayed_speech(_call(wire, "word " * words, line), 1) for wire, words in wires]
    return [None if failure is None else failure.error_type for failure in found]


def test_no_recording_that_ships_is_named_as_it_is_and_most_are_at_a_wrong_rate() -> None:
    """The numbers of docs/targets.md, with as many words as are said."""
    as_it_is = [(ULAW.to_wire(pcm), words) for pcm, words in recordings()]
    assert _named(as_it_is) == [None] * 88
    assert _named([(ALAW.to_wire(pcm), words) for pcm, words in recordings()], ALAW) == [None] * 88
    found = {}
    for voice_hz in (24_000, 16_000, 4_000):
        sent = [(ULAW.to_wire(_sent_as_8_khz(pcm, 8000, voice_hz)), words) for pcm, words in recordings()]
        named = _named(sent)
        assert set(named) <= {None, "wrong_sample_rate"}
        found[voice_hz] = sum(name is not None for name in named)
    assert found == {24_000: 88, 16_000: 83, 4_000: 43}


def test_no_recording_is_named_in_its_encoding_and_each_is_in_another() -> None:
    """16-bit PCM and A-law on a line of mu-law, and mu-law on one of A-law."""
    for sent, line in ((AudioFormat.PCM16.to_wire, ULAW), (ALAW.to_wire, ULAW), (ULAW.to_wire, ALAW)):
        assert _named([(sent(pcm), words) for pcm, words in recordings()], line) == ["wrong_encoding"] * 88


def test_no_voice_that_ships_is_named_as_it_is_and_all_are_at_a_wrong_rate() -> None:
    """Both engines, ten voices each, the highest too: a voice of 24, 16 and 8 kHz sent as it is to be, and wrongly."""
    words = len(SENTENCE.split())
    found = {}
    for voice_hz in (8_000, 24_000, 16_000, 4_000):
        heard = [_sent_as_8_khz(pcm, rate_hz, voice_hz) for pcm, rate_hz in voices()]
        named = _named([(ULAW.to_wire(pcm), words) for pcm in heard])
        found[voice_hz] = sum(name == "wrong_sample_rate" for name in named)
    assert len(voices()) == 20
    assert found == {8_000: 0, 24_000: 20, 16_000: 20, 4_000: 20}


def test_common_speech_is_far_from_both_bounds() -> None:
    """The recordings, with their pauses and their numbers."""
    speeds = [speed for pcm, words in recordings() if (speed := speed_of(pcm, 8000, words)) is not None]
    assert min(speeds) > SLOWEST
    assert max(speeds) < FASTEST
