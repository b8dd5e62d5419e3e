"""A stored run's conversations as scripts: what the client said, step by step, and what the server said after each.

::

    events/<case-trial>.jsonl ──> by source ──> steps: update | utterance | item | response | …  each with the answers
                                                                                                 that followed it

Audio is one step from its first append to its commit, by its bytes and not by its frames, so that a run with another
`chunk_ms` or pace finds the same recording. Answers that came between two things the client sent belong to the first.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from evalkit.audio.formats import AudioFormat
from evalkit.service.client_events import EVENT_TYPES
from evalkit.service.replay.sounds import Sounds
from evalkit.service.replay.unusable import UnusableRun

APPEND, COMMIT = "input_audio_buffer.append", "input_audio_buffer.commit"
_DELTAS = ("response.output_audio.delta", "response.audio.delta")

Event = dict[str, Any]


@dataclass
class RecordedStep:
    """One thing the client said.

    Attributes:
        event: As it was sent; a commit for a whole utterance.
        audio_sha256: Of the utterance that a commit ends; None for everything else.
        answers: What the server said before the client went on.

    """

    event: Event
    audio_sha256: str | None = None
    answers: list[Event] = field(default_factory=list)


@dataclass(frozen=True)
class RecordedConversation:
    """One side's conversation.

    Attributes:
        greeting: What the server said before the client said anything.
        steps: What the client said, in order.
        failure: The kind of failure the case-trial ended with, empty for a good end.

    """

    greeting: list[Event]
    steps: list[RecordedStep]
    failure: str


class RecordedRun:
    """A stored run: its conversations by case-trial and source, read when they are asked for.

    Args:
        root: The run directory.

    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sounds = Sounds(root)
        self.conversation = lru_cache(maxsize=256)(self._read)

    def case_trials(self) -> list[str]:
        """Return the case-trials that have a record."""
        return sorted(path.stem for path in (self.root / "records").glob("*.json"))

    def record(self, key: str) -> Mapping[str, Any]:
        """Return the record of a case-trial; raises :class:`UnusableRun`."""
        try:
            record: Mapping[str, Any] = orjson.loads((self.root / "records" / f"{key}.json").read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise UnusableRun(f"the recorded run has no case {key!r}") from error
        return record

    def records(self) -> Iterator[Mapping[str, Any]]:
        """Yield every record."""
        return (self.record(key) for key in self.case_trials())

    def _read(self, key: str, source: str) -> RecordedConversation:
        if key not in self.case_trials():
            raise UnusableRun(f"the recorded run has no case {key!r}")
        failure = self.record(key)["failure"]
        lines = [line for line in self._lines(key) if line["source"] == source]
        if not lines:
            reason = f": it ended with {failure['error_type']}" if failure else ""
            raise UnusableRun(f"the recorded run has no {source} session for case {key!r}{reason}")
        return _RecordingReader(self.sounds).read(lines, failure["error_type"] if failure else "")

    def _lines(self, key: str) -> list[Mapping[str, Any]]:
        try:
            text = (self.root / "events" / f"{key}.jsonl").read_bytes()
            return [orjson.loads(line) for line in text.splitlines()]
        except FileNotFoundError:  # it ended before anybody was called
            return []
        except (OSError, orjson.JSONDecodeError) as error:
            raise UnusableRun(f"the events of case {key!r} cannot be read: {error}") from error


class _RecordingReader:
    """Makes steps of one connection's lines."""

    def __init__(self, sounds: Sounds) -> None:
        self._sounds = sounds
        self._output_format = AudioFormat.PCM16
        self._utterance = bytearray()

    def read(self, lines: list[Mapping[str, Any]], failure: str) -> RecordedConversation:
        greeting: list[Event] = []
        steps: list[RecordedStep] = []
        answers = greeting
        for line in lines:
            event = dict(line["event"])
            if line["direction"] == "received":
                if event["type"] != "invalid_event":
                    answers.append(self._restored(event))
            elif event["type"] == APPEND:
                self._utterance += self._sounds.bytes_of(event["audio"], received_as=None)
            elif event["type"] in EVENT_TYPES:  # what the mocks answered is noted in the trace as well
                steps.append(self._step(event))
                answers = steps[-1].answers
        return RecordedConversation(greeting, steps, failure)

    def _step(self, event: Event) -> RecordedStep:
        if event["type"] == "session.update":
            self._output_format = output_format(event["session"])
        if event["type"] != COMMIT:
            return RecordedStep(event)
        digest = sha256(self._utterance).hexdigest()
        self._utterance.clear()
        return RecordedStep(event, digest)

    def _restored(self, event: Event) -> Event:
        if event["type"] in _DELTAS and not isinstance(event["delta"], str):
            audio = self._sounds.bytes_of(event["delta"], received_as=self._output_format)
            event["delta"] = base64.b64encode(audio).decode()
        return event


def output_format(session: Mapping[str, Any]) -> AudioFormat:
    """Return the output format that a session asks for."""
    told = session.get("audio", {}).get("output", {}).get("format", {}).get("type", "audio/pcm")
    return next((known for known in AudioFormat if known.wire_type == told), AudioFormat.PCM16)
