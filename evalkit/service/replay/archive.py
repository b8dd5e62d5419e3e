"""What a stored run knows beside its sessions: which text sounded how, what was heard in which sound, who judged what.

These requests went over HTTP and are in no trace; they are found again in records, sounds and grades:

============== =================================================================================================
role           found by
============== =================================================================================================
speech         text and voice: the sound of the turn, before the line
transcription  the sound file's hash: what the newest grader that listened to it says it heard
judge          the question's hash in the grade: its verdicts, vote by vote, and the winner's reasoning
caller (text)  persona and the call so far: each attempt, in order
============== =================================================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson

from evalkit.audio.formats import AudioFormat
from evalkit.service.replay.recording import RecordedRun
from evalkit.service.replay.unusable import UnusableRun

_LISTENERS = {"audio_text_mismatch": "assistant", "wer": "user", "stt_then_text": "assistant"}
_ARTIFACTS = {
    "assistant": ("assistant_audio_path", "output_audio_path"),
    "user": ("user_audio_path", "input_audio_path"),
}
_NOTES = ("not applicable: ", "cannot tell: ", "not graded: ")


class Archive:
    """The answers of a run's HTTP roles.

    Args:
        run: The run.

    """

    def __init__(self, run: RecordedRun) -> None:
        self._run = run
        self._asked: Counter[str] = Counter()

    def speech(self, text: str, voice: str) -> bytes:
        """Return `text` as 24 kHz PCM16; raises :class:`UnusableRun` when it is not in the run."""
        wav = self._spoken.get((text, voice))
        if wav is None:
            raise UnusableRun(f"the recorded run holds no sound of {text[:80]!r} in the voice {voice!r}")
        return self._run.sounds.payload(wav)

    def transcription(self, wav: bytes) -> str:
        """Return what was heard in a WAV file; raises :class:`UnusableRun`."""
        heard = self._heard.get(sha256(wav).hexdigest())
        if heard is None:
            raise UnusableRun("the recorded run does not say what was heard in this sound")
        return heard

    def answer(self, instructions: str, asked: str | Sequence[Mapping[str, Any]]) -> str:
        """Return what a text model answered; raises :class:`UnusableRun`."""
        if isinstance(asked, str):
            answers = self._judged.get(sha256(f"{instructions}\n{asked}".encode()).hexdigest())
            what = "judge's answer to this question"
        else:
            answers = self._said_next(instructions, asked)
            what = "turn of the caller after this conversation"
        if not answers:
            raise UnusableRun(f"the recorded run holds no {what}")
        key = orjson.dumps([instructions, asked]).decode()
        self._asked[key] += 1
        return answers[(self._asked[key] - 1) % len(answers)]

    @cached_property
    def _spoken(self) -> dict[tuple[str, str], str]:
        return {key: wav for record in self._run.records() for key, wav in _sounds_of(record)}

    @cached_property
    def _heard(self) -> dict[str, str]:
        heard: dict[str, str] = {}
        records = {key: self._run.record(key) for key in self._run.case_trials()}
        for grade in self._grades():
            speaker = _LISTENERS.get(grade["grader_type"])
            turns = records[grade["key"]]["turns"] if grade["key"] in records else []
            chosen = [turn for turn in turns if grade["turn_index"] in (None, turn["turn_index"])]
            if speaker is None or len(chosen) != 1 or not grade["evidence"]:
                continue
            wav = next(
                (chosen[0]["artifacts"][name] for name in _ARTIFACTS[speaker] if name in chosen[0]["artifacts"]), None
            )
            digest = self._run.sounds.file_sha256(wav) if wav else None
            if digest is not None:
                heard[digest] = grade["evidence"][0]
        return heard

    @cached_property
    def _judged(self) -> dict[str, list[str]]:
        judged: dict[str, list[str]] = {}
        for grade in self._grades():
            judge = grade["judge"]
            if not judge.get("question_sha256") or "none" in judge.get("verdicts", ["none"]):
                continue
            reasoning = grade["rationale"]
            for note in _NOTES:
                reasoning = reasoning.removeprefix(note)
            judged[judge["question_sha256"]] = [
                orjson.dumps({"evidence": [], "reasoning": reasoning, "verdict": verdict}).decode()
                for verdict in judge["verdicts"]
            ]
        return judged

    def _said_next(self, instructions: str, messages: Sequence[Mapping[str, Any]]) -> list[str]:
        said = [(message.get("role"), message.get("content")) for message in messages]
        for record in self._run.records():
            persona = record["case"]["inputs"].get("persona", "")
            turns = record["turns"][: len(said) // 2]
            past = [pair for turn in turns for pair in (("assistant", turn["user_text"]), ("user", _heard_of(turn)))]
            attempts = record["notes"].get("simulator", {}).get("attempts", [])
            found = [attempt["text"] for attempt in attempts if attempt["turn_index"] == len(said) // 2 + 1]
            if found and persona and persona in instructions and past == said:
                return found
        return []

    def _grades(self) -> Iterator[Mapping[str, Any]]:
        path = self._run.root / "grades.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return (orjson.loads(line) for line in lines)


def _sounds_of(record: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield (text, voice) and the file of 24 kHz PCM16 for every turn that the speech role spoke."""
    settings = record["settings"]
    voice = settings.get("speech", {}).get("voice")
    is_pcm = settings.get("audio", {}).get("input_format") == AudioFormat.PCM16
    for turn in record["turns"]:
        artifacts = turn["artifacts"]
        names = ["speech_audio_path"]
        if is_pcm:
            names += ["clean_input_audio_path", "input_audio_path", "clean_user_audio_path", "user_audio_path"]
        wav = next((artifacts[name] for name in names if name in artifacts), None)
        if wav is not None and voice is not None:
            yield (turn["user_text"], voice), wav


def _heard_of(turn: Mapping[str, Any]) -> str:
    """Return what the caller heard in a turn of a record; version 1 has its words in one text, version 2 in steps."""
    steps = [{"kind": "words", "text": turn["assistant_text"]}] if "assistant_text" in turn else turn["steps"]
    words = " ".join(step["text"] for step in steps if step["kind"] == "words")
    return words.strip() or "(inaudible)"
