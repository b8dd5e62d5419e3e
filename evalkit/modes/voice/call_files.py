"""The files of one call: its events, the sound of each side of each turn and of the whole call, its words.

=========================== =========================================================================
``turn_01_user.wav``        what the assistant was sent, as it went over the wire
``turn_01_clean_user.wav``  the same before the channel; only where a channel is set
``turn_01_speech.wav``      what the speech role said, 24 kHz; only where the assistant is sent G.711
``turn_01_assistant.wav``   what the assistant said; in full duplex, what was heard of it
``turn_02_caller.wav``      all attempts of a realtime caller at that turn, one after the other
``conversation.wav``        the caller on the left, the assistant on the right, on one clock
``uplink.wav``              in full duplex: all that was sent, silence included, as it went over the wire
``downlink.wav``            in full duplex: all sound that was received, in the order of its arrival
=========================== =========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import write_pcm16, write_stereo, write_wav
from evalkit.modes.voice.transcript import turn_lines
from evalkit.store.files import write_atomically

if TYPE_CHECKING:
    from evalkit.modes.voice.dialogue import CallEvidence
    from evalkit.modes.voice.turn_evidence import DuplexEvidence, TurnEvidence
    from evalkit.store.run_directory import RunDirectory

_SIDES = ("user", "clean_user", "speech", "assistant", "caller")


@dataclass(frozen=True)
class CallFiles:
    """Names and writes the files of the case-trial `key`."""

    run: RunDirectory
    key: str

    def wav(self, turn_index: int | None, side: str) -> Path:
        """Return the file of one side of a turn; None: of the whole call."""
        name = side if turn_index is None else f"turn_{turn_index:02d}_{side}"
        return self.run.audio_dir(self.key) / f"{name}.wav"

    @property
    def conversation_wav(self) -> Path:
        """The whole call."""
        return self.run.audio_dir(self.key) / "conversation.wav"

    def write(
        self, evidence: CallEvidence, input_format: AudioFormat, output_format: AudioFormat, *, paced: bool
    ) -> None:
        """Write all sound and words of a call; its folder is made if need be."""
        # One turn of a crawl or walk has files too, and none of this.
        from evalkit.modes.voice.conversation_audio import HeardTurn, mix, place_constructed, place_paced
        from evalkit.simulator.caller import CALLER_FORMAT

        for index, sound in evidence.caller_sounds.items():
            if sound:
                pcm = CALLER_FORMAT.from_wire(sound)
                write_pcm16(self.wav(index, "caller"), pcm, CALLER_FORMAT.sample_rate_hz)
        for turn in evidence.turns:
            self._write_turn(turn, input_format, output_format)
            said, is_coded = turn.said_pcm, input_format is not CALLER_FORMAT
            if said is not None and is_coded and not evidence.caller_sounds.get(turn.index):
                write_pcm16(self.wav(turn.index, "speech"), said, CALLER_FORMAT.sample_rate_hz)
        if evidence.duplex is not None:
            self.write_duplex(evidence.duplex, input_format, output_format)
        elif any(turn.wire for turn in evidence.turns):
            heard = [
                HeardTurn(turn.wire, input_format, turn.pacing, turn.result, output_format) for turn in evidence.turns
            ]
            placed = place_paced(heard) if paced else place_constructed(heard)
            rate_hz = max(input_format.sample_rate_hz, output_format.sample_rate_hz)
            write_stereo(self.conversation_wav, mix(placed.caller, rate_hz), mix(placed.assistant, rate_hz), rate_hz)
        if evidence.turns:
            self._write_transcript(evidence.turns)

    def write_duplex(self, left: DuplexEvidence, input_format: AudioFormat, output_format: AudioFormat) -> None:
        """Write what both sides of a call in full duplex heard, and every byte that was sent and received."""
        from evalkit.modes.voice.duplex_call import join_call_sound

        sound = join_call_sound(left)
        write_stereo(self.conversation_wav, sound.caller, sound.assistant, sound.sample_rate_hz)
        write_wav(self.wav(None, "uplink"), left.session.uplink.wire, input_format)
        if left.session.downlink:
            pcm = output_format.from_wire(left.session.downlink)
            write_pcm16(self.wav(None, "downlink"), pcm, output_format.sample_rate_hz)

    def of_turn(self, turn_index: int) -> dict[str, str]:
        """Return the sound files of a turn as a record names them."""
        return self._existing({f"{side}_audio_path": self.wav(turn_index, side) for side in _SIDES})

    def of_call(self) -> dict[str, str]:
        """Return the files of the whole call as a record names them."""
        return self._existing(
            {
                "event_log_path": self.run.events_path(self.key),
                "conversation_audio_path": self.conversation_wav,
                "uplink_audio_path": self.wav(None, "uplink"),
                "downlink_audio_path": self.wav(None, "downlink"),
                "conversation_path": self.run.conversation_path(self.key),
            }
        )

    def _write_turn(self, turn: TurnEvidence, input_format: AudioFormat, output_format: AudioFormat) -> None:
        if turn.wire:  # none in writing
            write_wav(self.wav(turn.index, "user"), turn.wire, input_format)
        if turn.clean_wire != turn.wire:
            write_wav(self.wav(turn.index, "clean_user"), turn.clean_wire, input_format)
        if turn.result.audio:
            pcm = output_format.from_wire(turn.result.audio)
            write_pcm16(self.wav(turn.index, "assistant"), pcm, output_format.sample_rate_hz)

    def _write_transcript(self, turns: Sequence[TurnEvidence]) -> None:
        lines = [line for turn in turns for line in turn_lines(turn.index, turn.first_words, turn.steps)]
        write_atomically(self.run.conversation_path(self.key), "\n".join(lines) + "\n")

    def _existing(self, paths: dict[str, Path]) -> dict[str, str]:
        return {name: self.run.relative(path) for name, path in paths.items() if path.exists()}
