"""WAV files of three other programs and our own: read right, or refused with the reason."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.wav import find_mismatches, read_wav, write_pcm16, write_stereo, write_wav
from evalkit.errors import DataError

needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not on PATH")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on PATH")

SAMPLES = 1001  # odd, so that one-byte codecs need a pad byte


def tone(samples: int = SAMPLES, rate: int = 8000) -> Pcm:
    return np.round(9000 * np.sin(2 * np.pi * 440 * np.arange(samples) / rate)).astype(np.int16)


def run(*argv: str, stdout: Path | None = None) -> None:
    done = subprocess.run(argv, check=True, capture_output=True)
    if stdout:
        stdout.write_bytes(done.stdout)


def make_raw(folder: Path) -> str:
    path = folder / "in.raw"
    path.write_bytes(tone().astype("<i2").tobytes())
    return str(path)


@pytest.mark.parametrize(
    ("container", "subtype", "codec"),
    [
        ("WAV", "ULAW", AudioFormat.G711_ULAW),
        ("WAV", "ALAW", AudioFormat.G711_ALAW),
        ("WAV", "PCM_16", AudioFormat.PCM16),
        ("WAVEX", "ULAW", AudioFormat.G711_ULAW),
        ("WAVEX", "ALAW", AudioFormat.G711_ALAW),
        ("WAVEX", "PCM_16", AudioFormat.PCM16),
        ("RF64", "PCM_16", AudioFormat.PCM16),
        ("RF64", "ULAW", AudioFormat.G711_ULAW),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_files_by_libsndfile_are_read_exactly(
    tmp_path: Path, container: str, subtype: str, codec: AudioFormat, channels: int
) -> None:
    """Plain, extensible and 64-bit files of all three codecs give libsndfile's own samples and the file's own bytes."""
    path = tmp_path / "x.wav"
    pcm = np.stack([tone()] * channels, axis=1) if channels > 1 else tone()
    soundfile.write(path, pcm, 8000, format=container, subtype=subtype)
    audio = read_wav(path)
    expected, _ = soundfile.read(path, dtype="int16")
    assert (audio.codec, audio.sample_rate_hz, audio.channels, audio.sample_count) == (codec, 8000, channels, SAMPLES)
    np.testing.assert_array_equal(audio.pcm, expected)
    assert len(audio.payload) == SAMPLES * channels * codec.bytes_per_sample
    assert audio.payload in path.read_bytes()
    assert audio.duration_ms == pytest.approx(SAMPLES / 8)


@pytest.mark.parametrize(
    ("subtype", "found"),
    [
        ("PCM_24", "PCM (codec tag 0x0001), 24 bits"),
        ("PCM_32", "32 bits"),
        ("PCM_U8", "8 bits"),
        ("FLOAT", "IEEE float (codec tag 0x0003), 32 bits"),
        ("DOUBLE", "IEEE float (codec tag 0x0003), 64 bits"),
        ("MS_ADPCM", "Microsoft ADPCM (codec tag 0x0002)"),
        ("IMA_ADPCM", "IMA ADPCM (codec tag 0x0011)"),
        ("GSM610", "GSM 6.10 (codec tag 0x0031)"),
    ],
)
def test_other_codecs_are_refused_by_name(tmp_path: Path, subtype: str, found: str) -> None:
    """A codec that evalkit does not decode is named with its tag, bits, rate and channels, and with the way out."""
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(), 8000, subtype=subtype)
    with pytest.raises(DataError) as caught:
        read_wav(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: the audio is ")
    for part in (found, "8000 Hz, 1 channel(s)", "expected PCM 16 bit", "ffmpeg -i"):
        assert part in message


@pytest.mark.parametrize(("container", "named"), [("FLAC", "FLAC"), ("OGG", "Ogg"), ("AIFF", "AIFF"), ("AU", "AU")])
def test_other_containers_are_refused_by_name(tmp_path: Path, container: str, named: str) -> None:
    """A file that is no WAV whatever its name says so."""
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(), 8000, format=container)
    with pytest.raises(DataError, match=f"this is an? .*{named} file; expected"):
        read_wav(path)


@needs_sox
@pytest.mark.parametrize(
    ("encoding", "codec"),
    [
        (["-e", "mu-law"], AudioFormat.G711_ULAW),
        (["-e", "a-law"], AudioFormat.G711_ALAW),
        (["-e", "signed", "-b", "16"], AudioFormat.PCM16),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_files_by_sox_are_read_exactly(tmp_path: Path, encoding: list[str], codec: AudioFormat, streamed: bool) -> None:
    """Files that sox wrote, also those piped so that the header holds no length, decode to what libsndfile decodes."""
    path = tmp_path / "x.wav"
    source = ["-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", make_raw(tmp_path)]
    target = ["-t", "wav", "-"] if streamed else [str(path)]
    run("sox", "-D", *source, *encoding, *target, stdout=path if streamed else None)
    audio = read_wav(path)
    assert (audio.codec, audio.sample_rate_hz, audio.channels, audio.sample_count) == (codec, 8000, 1, SAMPLES)
    if not streamed:
        np.testing.assert_array_equal(audio.pcm, soundfile.read(path, dtype="int16")[0])
    assert np.abs(audio.pcm.astype(int) - tone()).max() <= (0 if codec is AudioFormat.PCM16 else 300)


@needs_sox
def test_24_bit_by_sox_is_refused_though_extensible(tmp_path: Path) -> None:
    """A file of sox's wraps 24 bits in WAVE_FORMAT_EXTENSIBLE; the message names the codec inside."""
    path = tmp_path / "x.wav"
    run(
        "sox",
        "-t",
        "raw",
        "-r",
        "8000",
        "-e",
        "signed",
        "-b",
        "16",
        "-c",
        "1",
        make_raw(tmp_path),
        "-b",
        "24",
        str(path),
    )
    with pytest.raises(DataError, match=r"PCM \(codec tag 0x0001\), 24 bits"):
        read_wav(path)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("encoder", "codec"),
    [
        ("pcm_mulaw", AudioFormat.G711_ULAW),
        ("pcm_alaw", AudioFormat.G711_ALAW),
        ("pcm_s16le", AudioFormat.PCM16),
    ],
)
@pytest.mark.parametrize("variant", ["file", "streamed", "tagged", "rf64"])
def test_files_by_ffmpeg_are_read_exactly(tmp_path: Path, encoder: str, codec: AudioFormat, variant: str) -> None:
    """Files that ffmpeg wrote, with a LIST chunk before the audio, odd lengths, pipes and RF64, keep every sample."""
    path = tmp_path / "x.wav"
    target = {
        "file": [str(path)],
        "streamed": ["-f", "wav", "-"],
        "tagged": ["-metadata", "title=odd", "-metadata", "artist=a caller", "-write_bext", "1", str(path)],
        "rf64": ["-rf64", "always", str(path)],
    }[variant]
    source = ["-f", "s16le", "-ar", "8000", "-ac", "1", "-i", make_raw(tmp_path)]
    run("ffmpeg", "-v", "error", *source, "-c:a", encoder, *target, stdout=path if variant == "streamed" else None)
    audio = read_wav(path)
    assert (audio.codec, audio.sample_rate_hz, audio.channels, audio.sample_count) == (codec, 8000, 1, SAMPLES)
    assert np.abs(audio.pcm.astype(int) - tone()).max() <= (0 if codec is AudioFormat.PCM16 else 300)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("encoder", "found"), [("pcm_f32le", "IEEE float"), ("pcm_s24le", "24 bits"), ("g722", "0x028F")]
)
def test_other_codecs_by_ffmpeg_are_refused(tmp_path: Path, encoder: str, found: str) -> None:
    """Float, 24 bits and codecs of other telephones are named, not decoded wrongly."""
    path = tmp_path / "x.wav"
    source = ["-f", "s16le", "-ar", "16000", "-ac", "1", "-i", make_raw(tmp_path)]
    run("ffmpeg", "-v", "error", *source, "-c:a", encoder, str(path))
    with pytest.raises(DataError) as caught:
        read_wav(path)
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"", "empty"), (b"RIFF", "RIFF file of type b''")]
)
def test_missing_and_broken_files_name_themselves(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """Whatever is wrong with a file, the message begins with the file."""
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_wav(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)


def test_a_truncated_file_says_how_much_is_missing(tmp_path: Path) -> None:
    """Declared and found byte counts are both in the message."""
    path = tmp_path / "x.wav"
    write_pcm16(path, tone(), 8000)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError, match="declares 2002 bytes, 1702 were found"):
        read_wav(path)


def test_half_a_sample_is_refused(tmp_path: Path) -> None:
    """PCM16 of an odd byte count cannot be whole samples."""
    path = tmp_path / "x.wav"
    write_pcm16(path, tone(4), 8000)
    content = path.read_bytes()
    path.write_bytes(content[:40] + (7).to_bytes(4, "little") + content[44:])
    with pytest.raises(DataError, match="7 bytes, which is not a whole number of 2-byte samples"):
        read_wav(path)


def test_blocks_that_do_not_fit_the_samples_are_refused(tmp_path: Path) -> None:
    """A header whose block size contradicts its bits would shift every sample; it is not read."""
    path = tmp_path / "x.wav"
    write_pcm16(path, tone(6), 8000)
    content = path.read_bytes()
    path.write_bytes(content[:32] + (3).to_bytes(2, "little") + content[34:])
    with pytest.raises(DataError, match="16 bits, 8000 Hz, 1 channel"):
        read_wav(path)


def test_nothing_to_object_to(tmp_path: Path) -> None:
    """A file that is what the run sends has no mismatches."""
    path = tmp_path / "x.wav"
    write_wav(path, b"\xff\x80" * 50, AudioFormat.G711_ULAW)
    assert find_mismatches(read_wav(path), AudioFormat.G711_ULAW, 8000) == ()


def test_every_mismatch_is_named_at_once(tmp_path: Path) -> None:
    """Codec, rate, channels and emptiness each have a message with what was expected."""
    path = tmp_path / "x.wav"
    write_stereo(path, tone(0), tone(0), 24000)
    problems = find_mismatches(read_wav(path), AudioFormat.G711_ULAW, 8000)
    for expected in (
        "codec is pcm16, expected g711_ulaw",
        "rate is 24000 Hz, expected 8000",
        "2 channels",
        "0 samples",
    ):
        assert sum(expected in problem for problem in problems) == 1
    assert all(problem.startswith(f"{path}: ") for problem in problems)


@settings(deadline=None)
@given(wire=st.binary(max_size=200), codec=st.sampled_from(AudioFormat))
def test_written_wire_bytes_come_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, wire: bytes, codec: AudioFormat
) -> None:
    """Every code survives, also G.711's negative zero; only a torn last PCM16 byte is dropped."""
    path = tmp_path_factory.mktemp("wav") / "x.wav"
    write_wav(path, wire, codec)
    audio = read_wav(path)
    assert audio.payload == wire[: len(wire) - len(wire) % codec.bytes_per_sample]
    stored = AudioFormat.PCM16 if codec.is_pcm else codec  # the rate stands beside it
    assert (audio.codec, audio.sample_rate_hz) == (stored, codec.sample_rate_hz)


def test_pcm16_keeps_its_own_rate(tmp_path: Path) -> None:
    """What an assistant says is stored at the rate it was said in, in folders that are made on the way."""
    path = tmp_path / "audio" / "case" / "output.wav"
    write_pcm16(path, tone(rate=24000), 24000)
    pcm, rate = soundfile.read(path, dtype="int16")
    assert rate == 24000
    np.testing.assert_array_equal(pcm, tone(rate=24000))


def test_stereo_lays_both_sides_on_one_clock(tmp_path: Path) -> None:
    """Left stays left, and the shorter side ends in silence."""
    path = tmp_path / "conversation.wav"
    write_stereo(path, tone(10), tone(4), 24000)
    pcm, rate = soundfile.read(path, dtype="int16")
    assert (rate, pcm.shape) == (24000, (10, 2))
    np.testing.assert_array_equal(pcm[:, 0], tone(10))
    np.testing.assert_array_equal(pcm[:, 1], np.concatenate([tone(4), np.zeros(6, np.int16)]))
    np.testing.assert_array_equal(read_wav(path).pcm, pcm)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that dies half-way is not seen by anyone."""
    path = tmp_path / "x.wav"
    write_pcm16(path, tone(4), 8000)
    before = path.read_bytes()

    def fail(_: Path, __: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_pcm16(path, tone(8), 8000)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    """A gigabyte is refused by its size, in words, before a byte of it is read."""
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(DataError, match=r"has 1073741824 bytes, expected at most 536870912"):
        read_wav(path)
