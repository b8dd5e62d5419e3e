"""The files of one call, by name and content."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import read_wav
from evalkit.modes.voice.call_files import CallFiles
from evalkit.modes.voice.dialogue import CallEvidence
from evalkit.modes.voice.turn_evidence import TurnEvidence
from evalkit.store.run_directory import RunDirectory

PCM16 = AudioFormat.PCM16


def test_only_what_there_was_is_written_and_named(tmp_path: Path) -> None:
    """A turn without line, answer or realtime caller has one file; a call without turns has none."""
    files = CallFiles(RunDirectory(tmp_path), "sim.t2")
    files.write(CallEvidence(), PCM16, PCM16, paced=True)
    assert files.of_call() == {}
    wire = PCM16.to_wire(np.full(4800, 500, dtype=np.int16))
    pcm = PCM16.from_wire(wire)
    files.write(CallEvidence([TurnEvidence(1, "Hi.", wire, wire, {}, pcm)]), PCM16, PCM16, paced=False)
    assert files.of_turn(1) == {"user_audio_path": "audio/sim.t2/turn_01_user.wav"}
    assert read_wav(files.wav(1, "user")).payload == wire
    assert files.of_call() == {
        "conversation_audio_path": "audio/sim.t2/conversation.wav",
        "conversation_path": "conversations/sim.t2.txt",
    }
    assert read_wav(files.conversation_wav).channels == 2


def test_the_speech_roles_own_sound_is_kept_where_the_wire_does_not_hold_it(tmp_path: Path) -> None:
    """A phone line hears 8 kHz; what was synthesised is kept beside it, but for what a realtime caller said itself."""
    files = CallFiles(RunDirectory(tmp_path), "sim")
    pcm = np.full(4800, 500, dtype=np.int16)
    ulaw = AudioFormat.G711_ULAW
    turns = [TurnEvidence(index, "Hi.", b"\xff" * 1600, b"\xff" * 1600, {}, pcm) for index in (1, 2)]
    files.write(CallEvidence(turns, caller_sounds={2: PCM16.to_wire(pcm)}), ulaw, ulaw, paced=False)
    assert read_wav(files.wav(1, "speech")).payload == PCM16.to_wire(pcm)
    assert files.of_turn(1)["speech_audio_path"] == "audio/sim/turn_01_speech.wav"
    assert "speech_audio_path" not in files.of_turn(2)
