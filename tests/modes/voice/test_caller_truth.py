"""What the caller did on purpose is in the record with its samples: pauses and silences as well as sounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from duplex_calls import PlanDuplex, tones
from duplex_peer import Reply

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import read_wav
from evalkit.metrics.turn_taking.exchanges import find_pauses
from evalkit.metrics.turn_taking.timeline import CallTimeline
from evalkit.simulator.behaviour import read_behaviour


@pytest.mark.parametrize("input_format", [AudioFormat.PCM16, AudioFormat.G711_ULAW])
async def test_a_pause_is_silent_in_the_uplink_where_the_record_says(
    planned_duplex: PlanDuplex, input_format: AudioFormat
) -> None:
    """As long as was planned, between two parts of the turn; one for which there is no gap is left out."""
    async with planned_duplex([Reply("It came.", 400)], silence_ms=900) as call:
        call.first, call.input_format = tones(500, 150, 500), input_format
        call.behaviour = read_behaviour([{"act": "pause", "duration_ms": 700, "count": 2}])
        record = await call.hold()
    notes: Any = record.notes["turn_taking"]
    (said,) = notes["caller"]
    (pause,) = said["pauses"]
    rate_hz = notes["uplink"]["sample_rate_hz"]
    assert rate_hz == input_format.sample_rate_hz
    pcm = input_format.from_wire(read_wav(call.run.audio_dir("sim") / "uplink.wav").payload)
    start, end = pause["samples"]
    assert (end - start) / rate_hz == pytest.approx(0.7, abs=0.001)
    assert np.abs(pcm[start:end]).max() <= 600
    assert np.abs(pcm[start - rate_hz // 50 : start]).max() > 4000
    assert np.abs(pcm[end : end + rate_hz // 50]).max() > 4000
    (found,) = find_pauses(CallTimeline.from_json("sim", notes))
    assert found.extent.duration_s == pytest.approx(0.7, abs=0.02)
    assert [each["act"] for each in notes["left_out"]] == ["pause"]


async def test_a_silence_lasts_from_the_last_sound_until_the_caller_speaks(planned_duplex: PlanDuplex) -> None:
    """At least as long as planned, and so is what lies between the two in the recording."""
    async with planned_duplex([Reply("It came.", 400)], ["Thanks.", "END_CALL"]) as call:
        call.behaviour = read_behaviour([{"act": "silence", "duration_ms": 2500, "turns": [2]}])
        record = await call.hold()
    assert record.failure is None
    notes: Any = record.notes["turn_taking"]
    (silence,) = notes["silences"]
    assert (silence["turn_index"], silence["duration_ms"]) == (2, 2500)
    assert silence["start_s"] == pytest.approx(notes["agent"][0]["parts"][-1][1], abs=0.03)
    assert silence["end_s"] == pytest.approx(notes["caller"][1]["parts"][0][0], abs=0.03)
    assert silence["end_s"] - silence["start_s"] == pytest.approx(2.5, abs=0.1)
