"""Levels of signals whose levels are known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.audio import levels
from evalkit.audio.g711 import Pcm


def sine(amplitude: float, seconds: float, rate: int) -> Pcm:
    return np.round(amplitude * np.sin(2 * np.pi * 1000 * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def silence(seconds: float, rate: int) -> Pcm:
    return np.zeros(int(seconds * rate), dtype=np.int16)


@pytest.mark.parametrize("rate", [8000, 24000])
@pytest.mark.parametrize("amplitude", [32767, 3276.7, 327.67])
def test_a_sine_measures_its_level(amplitude: float, rate: int) -> None:
    """The rms of a sine is 3.01 dB below its peak, and the peak is its amplitude."""
    pcm = sine(amplitude, 1, rate)
    expected_dbfs = 20 * np.log10(amplitude / 32768)
    assert levels.rms_dbfs(pcm) == pytest.approx(expected_dbfs - 3.01, abs=0.02)
    assert levels.measure_levels(pcm, rate).peak_dbfs == pytest.approx(expected_dbfs, abs=0.02)


def test_the_most_negative_sample_is_full_scale() -> None:
    """-32768 has no positive twin in int16 and must not wrap around."""
    assert levels.measure_levels(np.array([-32768], dtype=np.int16), 8000).peak_dbfs == 0.0
    assert levels.rms_dbfs(np.full(10, -32768, dtype=np.int16)) == 0.0


@pytest.mark.parametrize("pcm", [silence(0, 8000), silence(1, 8000)])
def test_silence_has_numbers_too(pcm: Pcm) -> None:
    """Empty and silent audio measure the floor, no speech, and silence over the whole length."""
    measured = levels.measure_levels(pcm, 8000)
    assert {measured.rms_dbfs, measured.speech_dbfs, measured.peak_dbfs} == {levels.FLOOR_DBFS}
    assert measured.speech_end_ms is None
    assert measured.longest_pause_ms == 0.0
    assert measured.leading_silence_ms == measured.trailing_silence_ms == measured.duration_ms
    assert measured.clipped_share == 0.0


@pytest.mark.parametrize("rate", [8000, 24000])
@settings(deadline=None)
@given(before_ms=st.integers(0, 40), said_ms=st.integers(2, 40), after_ms=st.integers(0, 40))
def test_speech_lies_where_it_was_put(rate: int, before_ms: int, said_ms: int, after_ms: int) -> None:
    """Leading and trailing silence and the end of speech are right to one frame of 10 ms."""
    parts = [silence(before_ms / 100, rate), sine(8000, said_ms / 100, rate), silence(after_ms / 100, rate)]
    measured = levels.measure_levels(np.concatenate(parts), rate)
    assert measured.leading_silence_ms == pytest.approx(before_ms * 10, abs=10)
    assert measured.trailing_silence_ms == pytest.approx(after_ms * 10, abs=10)
    assert measured.speech_end_ms == pytest.approx((before_ms + said_ms) * 10, abs=10)
    assert measured.speech_dbfs == pytest.approx(20 * np.log10(8000 / 32768) - 3.01, abs=0.5)
    assert measured.longest_pause_ms == 0.0


@pytest.mark.parametrize("rate", [8000, 24000])
@pytest.mark.parametrize("pauses_ms", [(), (40,), (700, 200), (90, 1200, 1190)])
def test_the_longest_pause_is_the_longest_between_two_sounds(rate: int, pauses_ms: tuple[int, ...]) -> None:
    """Right to a frame; the silence before the first and after the last is no pause."""
    parts = [silence(3, rate), sine(8000, 0.2, rate)]
    for pause_ms in pauses_ms:
        parts += [silence(pause_ms / 1000, rate), sine(4000, 0.1, rate)]
    measured = levels.measure_levels(np.concatenate([*parts, silence(4, rate)]), rate)
    assert measured.longest_pause_ms == pytest.approx(max(pauses_ms, default=0), abs=10)


def test_speech_end_ignores_a_quiet_tail() -> None:
    """Line noise 50 dB below the speech is not speech, and the threshold is an argument."""
    rate = 8000
    pcm = np.concatenate([sine(16000, 0.5, rate), sine(16000 / 316, 0.5, rate)])
    assert levels.speech_end_ms(pcm, rate) == pytest.approx(500)
    assert levels.find_speech(pcm, rate, range_db=60).all()


def test_speech_end_counts_a_last_partial_frame() -> None:
    """Speech up to the last sample ends at the last sample, not at a whole frame."""
    pcm = sine(8000, 0.5, 8000)[:-33]
    assert levels.speech_end_ms(pcm, 8000) == pytest.approx(pcm.size / 8)
    assert levels.measure_levels(pcm, 8000).trailing_silence_ms == pytest.approx(0)


def test_hiss_below_the_floor_is_no_speech() -> None:
    """A file that holds only faint noise has no speech, however flat it is."""
    assert not levels.find_speech(sine(20, 1, 8000), 8000).any()


@pytest.mark.parametrize(("excess", "low", "high"), [(0.9, 0.0, 0.0), (1.2, 0.2, 0.5), (4.0, 0.7, 0.95)])
def test_clipping_grows_with_overload(excess: float, low: float, high: float) -> None:
    """A sine within full scale is not clipped; one driven beyond it is, for as long as its top is cut."""
    wave = excess * 32767 * np.sin(2 * np.pi * 200 * np.arange(8000) / 8000)
    assert low <= levels.clipped_share(np.clip(wave, -32768, 32767).astype(np.int16)) <= high


def test_clipping_counts_runs_and_not_peaks() -> None:
    """Two samples at full scale are a peak, three on one side are clipping, and sides are not mixed."""
    pcm = np.array([0, 32767, 32767, 0, 32767, -32768, 32767, 0, -32768, -32768, -32767, 0], dtype=np.int16)
    assert levels.clipped_share(pcm) == pytest.approx(3 / 12)
    assert levels.clipped_share(pcm, run_samples=1) == pytest.approx(8 / 12)


@given(samples=st.lists(st.integers(-32768, 32767), max_size=300))
def test_shares_and_levels_stay_in_their_ranges(samples: list[int]) -> None:
    """Whatever the samples, levels lie between the floor and 0 dBFS and shares between 0 and 1."""
    measured = levels.measure_levels(np.array(samples, dtype=np.int16), 8000)
    for level in (measured.rms_dbfs, measured.speech_dbfs, measured.peak_dbfs):
        assert levels.FLOOR_DBFS <= level <= 0.0
    assert 0.0 <= measured.clipped_share <= 1.0
    assert 0.0 <= measured.leading_silence_ms <= measured.duration_ms


@given(samples=st.lists(st.integers(-32768, 32767), min_size=1, max_size=900))
def test_what_is_measured_at_once_is_what_each_measure_says(samples: list[int]) -> None:
    """The quick way over frames agrees with speech found sample by sample, its level and the share of clipping."""
    pcm = np.array(samples, dtype=np.int16)
    measured = levels.measure_levels(pcm, 8000)
    speech = levels.find_speech(pcm, 8000)
    spoken = np.flatnonzero(speech)
    assert measured.rms_dbfs == levels.rms_dbfs(pcm)
    assert measured.speech_dbfs == levels.rms_dbfs(pcm[speech])
    assert measured.clipped_share == levels.clipped_share(pcm)
    assert measured.leading_silence_ms == (spoken[0] if spoken.size else pcm.size) / 8000 * 1000
    assert measured.speech_end_ms == ((spoken[-1] + 1) / 8000 * 1000 if spoken.size else None)
