"""Every byte that a trace left out is given back, or the run is said to be unusable."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.trace import AudioRef
from evalkit.service.replay.unusable import UnusableRun

ULAW = AudioFormat.G711_ULAW


def test_what_was_sent_is_the_file(store, said: bytes) -> None:
    """Input is stored as it went over the wire."""
    elided = AudioRef(said[100:300], 100, "audio/c1/input.wav").to_json()
    assert store().sounds.bytes_of(elided, received_as=None) == said[100:300]


def test_both_zeros_of_mulaw_come_back(store, answer: bytes) -> None:
    """Received G.711 is stored as samples, in which the two zeros are one."""
    elided = AudioRef(answer[2:50], 2, "audio/c1/output.wav", stored_as_ulaw_samples=True).to_json()
    assert store().sounds.bytes_of(json.loads(json.dumps(elided)), received_as=ULAW) == answer[2:50]


def test_inline_audio_is_taken_as_it_is(store) -> None:
    """With trace.audio=full nothing was left out."""
    assert store().sounds.bytes_of("AQI=", received_as=ULAW) == b"\x01\x02"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sha256": "0"}, "does not hold"),
        ({"wav": "audio/c1/none.wav"}, "cannot be read"),
        ({"wav": None}, "not known"),
    ],
)
def test_what_cannot_be_given_back_is_named(store, said: bytes, changed: dict[str, object], words: str) -> None:
    """A changed or missing file is no reason to play something else."""
    elided = {**AudioRef(said[:10], 0, "audio/c1/input.wav").to_json(), **changed}
    with pytest.raises(UnusableRun, match=words):
        store().sounds.bytes_of(elided, received_as=None)


def test_a_files_own_hash(store) -> None:
    """By which a transcription is found again."""
    run = store()
    content = (run.root / "audio" / "c1" / "input.wav").read_bytes()
    assert run.sounds.file_sha256("audio/c1/input.wav") == sha256(content).hexdigest()
    assert run.sounds.file_sha256("audio/c1/none.wav") is None
