"""What the record of a call in full duplex has beside words and sound: latencies, measures, who was heard when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.audio.formats import AudioFormat
from evalkit.modes.voice.duplex_call import find_call_spans, wait_for_sound_ms
from evalkit.modes.voice.heard_turns import standing_answer
from evalkit.modes.voice.turn_evidence import DuplexEvidence, TurnEvidence
from evalkit.modes.voice.turn_taking import CallSpans, measure_turn
from evalkit.realtime.media_stream.session import MediaStreamCall
from evalkit.realtime.results import TurnResult
from evalkit.records.json import JsonObject


@dataclass(frozen=True)
class DuplexAccount:
    """One call: what it left, and who was heard when."""

    left: DuplexEvidence
    spans: CallSpans

    @classmethod
    def of(cls, left: DuplexEvidence, turns: Sequence[TurnEvidence], input_format: AudioFormat) -> DuplexAccount:
        """Return the account of a call that has ended."""
        return cls(left, find_call_spans(left, turns, input_format))

    def latencies(self, turn: TurnEvidence) -> dict[str, float]:
        """Return the latencies of the answer that stood to a turn's words, by the names that a record has."""
        began_ms = self._words_began_ms(turn.index)
        if began_ms is None:
            return {}
        answers = tuple(each for each in turn.result.responses if each.created_at_ms >= began_ms)
        waited_ms = wait_for_sound_ms(self.left, self.spans, turn.index)
        waited = {} if waited_ms is None else {"latency_voice_to_voice_ms": waited_ms}
        return {**standing_answer(TurnResult(answers)).latencies, **waited}

    def measures(self, turn: TurnEvidence) -> dict[str, float]:
        """Return the turn-taking of a turn, the holes in what was heard, and how many turns the server took it for."""
        detected = self._count_detected(turn.index)
        return {
            **measure_turn(self.spans, turn.index),
            **({} if detected is None else {"detected_turns": detected}),
            **self._measure_holes(turn.index),
        }

    def note(self) -> JsonObject:
        """Return the ``turn_taking`` of the record's notes.

        Who was heard when, what the server's turn detection reported, and what became of the sound that was received.
        """
        session = self.left.session
        playout = session.playout
        return {
            **self.spans.to_json(),
            **session.describe_peer(),
            "playout": {
                "underruns": playout.underruns,
                "dropped_ms": round(playout.dropped_samples / playout.audio_format.sample_rate_hz * 1000),
            },
        }

    def _measure_holes(self, turn_index: int) -> dict[str, float]:
        """Return how often words were cut in two because their sound came late; nothing where no line was called."""
        session = self.left.session
        if not isinstance(session, MediaStreamCall):
            return {}
        lengths_ms = [hole.duration_ms for hole in session.speech_holes if hole.turn_index == turn_index]
        return {"speech_holes": float(len(lengths_ms)), "speech_holes_ms": sum(lengths_ms)}

    def _words_began_ms(self, turn_index: int) -> float | None:
        clip = self.left.clips.get(turn_index)
        return None if clip is None else self.left.session.began_at_ms + clip.start_ms

    def _count_detected(self, turn_index: int) -> float | None:
        """Return how often the server took a turn of the caller for over; None where it reports nothing at all."""
        began_ms, speech = self._words_began_ms(turn_index), self.left.session.speech
        if began_ms is None or not (speech.started or speech.stopped or speech.committed):
            return None
        later = [self._words_began_ms(index) for index in self.left.clips if index > turn_index]
        later += [
            self.left.session.began_at_ms + done.clip.start_ms
            for done in self.left.done
            if done.turn_index == turn_index
        ]
        until_ms = min((each for each in later if each is not None), default=float("inf"))
        # Some servers take what was said and do not say so.
        ends = speech.committed or speech.stopped
        return float(sum(began_ms <= each.at_ms < until_ms for each in ends))
