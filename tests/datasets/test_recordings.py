"""Each recording is read once, and what is wrong with one is told when it is asked for."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import write_wav
from evalkit.datasets import recordings as module
from evalkit.datasets.recordings import Recordings
from evalkit.errors import DataError


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that is read, as often as it is."""
    seen: list[Path] = []
    read = module.read_bytes
    monkeypatch.setattr(module, "read_bytes", lambda path: (seen.append(path), read(path))[1])
    return seen


def test_a_file_is_read_once_whatever_is_asked(tmp_path: Path, reads: list[Path]) -> None:
    """Hash, size, shape and levels all come from the same bytes, also where many rows name one file."""
    paths = [tmp_path / f"{number}.wav" for number in range(9)]
    for path in paths:
        write_wav(path, bytes([0xFF, 0x00]) * 800, AudioFormat.G711_ULAW)
    recordings = Recordings()
    known = [recordings.get(path) for path in [*paths, *paths]]
    assert sorted(reads) == paths
    content = paths[0].read_bytes()
    assert (known[0].sha256, known[0].size_bytes) == (sha256(content).hexdigest(), len(content))
    assert (known[0].codec, known[0].sample_rate_hz, known[0].channels) == (AudioFormat.G711_ULAW, 8000, 1)
    assert known[0].duration_ms == 200
    assert known[0].levels is not None


def test_what_is_wrong_with_one_file_does_not_stop_the_others(tmp_path: Path, reads: list[Path]) -> None:
    """A missing and a broken file say so when they are asked for, and again."""
    write_wav(tmp_path / "good.wav", bytes(800), AudioFormat.G711_ULAW)
    (tmp_path / "bad.wav").write_bytes(b"RIFX is not for us")
    recordings = Recordings()
    for name, said in (("bad.wav", "big-endian RIFX"), ("missing.wav", "no such file"), ("bad.wav", "big-endian RIFX")):
        with pytest.raises(DataError, match=said):
            recordings.get(tmp_path / name)
    assert recordings.get(tmp_path / "good.wav").sample_count == 800
    assert len(reads) == 3
