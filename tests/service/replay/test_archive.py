"""What went over HTTP is found again in records, sounds and grades, or said to be missing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evalkit.graders.judge_prompt import JudgeQuestion
from evalkit.service.replay.archive import Archive
from evalkit.service.replay.recording import RecordedRun
from evalkit.service.replay.unusable import UnusableRun


def test_speech_by_text_and_voice(store) -> None:
    """The 24 kHz sound that was kept beside what the line carried."""
    archive = Archive(store())
    assert archive.speech("Where is it?", "marin") == np.arange(2400, dtype="<i2").tobytes()
    with pytest.raises(UnusableRun, match=r"no sound of 'Where is it.' in the voice 'cedar'"):
        archive.speech("Where is it?", "cedar")


def test_a_transcription_by_its_sound(store) -> None:
    """What the newest grader that listened says it heard."""
    grades = [{"grader_type": "audio_text_mismatch", "evidence": [text]} for text in ("Hear.", "Here.")]
    run = store(grades=grades)
    assert Archive(run).transcription((run.root / "audio" / "c1" / "output.wav").read_bytes()) == "Here."
    with pytest.raises(UnusableRun, match="what was heard"):
        Archive(run).transcription(b"another sound")


def test_a_judge_by_its_question(store) -> None:
    """Vote by vote, with the reasoning of the grade; the question's hash is the client's own."""
    question = JudgeQuestion("It was polite.", [])
    judge = {"question_sha256": question.sha256, "verdicts": ["pass", "fail"]}
    archive = Archive(store(grades=[{"grader_type": "llm_as_judge", "rationale": "It said please.", "judge": judge}]))
    answers = [json.loads(archive.answer(question.instructions, question.text)) for _ in range(2)]
    assert [answer["verdict"] for answer in answers] == ["pass", "fail"]
    assert {answer["reasoning"] for answer in answers} == {"It said please."}
    with pytest.raises(UnusableRun, match="no judge's answer to this question"):
        archive.answer(question.instructions, "another question")


def test_a_caller_by_text_attempt_after_attempt(store, persona: str) -> None:
    """Found by its part and the call so far."""
    _repeats_the_caller(store(), persona)


def test_a_caller_of_a_run_with_records_of_version_1(store, persona: str) -> None:
    """Its turns have the assistant's words in one text; they are found all the same."""
    run = store()
    path = run.root / "records" / "c1.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    for turn in record["turns"]:
        turn["assistant_text"] = " ".join(step["text"] for step in turn.pop("steps"))
    path.write_text(json.dumps(record), encoding="utf-8")
    _repeats_the_caller(run, persona)


def _repeats_the_caller(run: RecordedRun, persona: str) -> None:
    archive = Archive(run)
    past = [{"role": "assistant", "content": "Where is it?"}, {"role": "user", "content": "Here."}]
    said = [archive.answer(f"{persona}\nCalm.", past) for _ in range(2)]
    assert said == ["Hm.", "Thank you."]
    with pytest.raises(UnusableRun, match="no turn of the caller"):
        archive.answer("# Facts\nName: Ann\n", past)
    with pytest.raises(UnusableRun):
        archive.answer(persona, [*past[:1], {"role": "user", "content": "Elsewhere."}])
