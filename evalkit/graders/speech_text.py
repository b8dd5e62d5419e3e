"""Does the sound say what the text says? Graders that listen through the transcription service.

Recognisers err, so texts are compared as a listener would write them (:mod:`evalkit.graders.normalise`), and a
difference counts only beyond a threshold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evalkit.graders.context import GraderContext, GraderType
from evalkit.graders.normalise import spoken_difference, spoken_words, word_error_rate
from evalkit.graders.text import PATTERN, TEXTS
from evalkit.records.grade import Verdict
from evalkit.records.json import JsonObject
from evalkit.records.not_shown import TRANSCRIPT
from evalkit.records.record import Turn

# Measured on 74 sentences with the bundled voice and recogniser: a text differs by at most 0.17 from its own sound, and
# by at least 0.50 from the sound of another sentence.
DEFAULT_MAX_DIFFERENCE = 0.4
_TRANSCRIBE = frozenset({"transcribe"})
_AUDIO_ARTIFACTS = {
    "assistant": ("assistant_audio_path", "output_audio_path"),
    "user": ("user_audio_path", "input_audio_path"),
}
_SPEAKER: JsonObject = {"enum": ["assistant", "user"], "description": "whose sound is listened to"}


@dataclass(frozen=True)
class _WrittenAndHeard:
    """What was written and what was heard, over the turns that have both."""

    written: str
    heard: str


async def grade_audio_text_mismatch(context: GraderContext) -> Verdict:
    """The assistant's audio says what its text says.

    1: what is heard differs from the text by at most `max_difference` (lower of word and letter error rate). 0: by
    more, or the sound holds no speech at all. None: there is no audio or no text to compare.
    """
    speech = await _listen(context, "assistant")
    difference = spoken_difference(speech.written, speech.heard) if speech else None
    if speech is None or difference is None:
        return Verdict(None, "there is no assistant audio with words beside it")
    limit = context.option("max_difference", DEFAULT_MAX_DIFFERENCE)
    relation = "at most" if difference <= limit else "more than"
    rationale = f"differs by {difference:.2f}, {relation} {limit:g}; heard: {speech.heard!r}"
    return Verdict(float(difference <= limit), rationale, (speech.heard,))


async def grade_wer(context: GraderContext) -> Verdict:
    """How much of what was written is heard: 1 minus the word error rate, not below 0.

    `speaker` says whose sound: `user` (the default; how well the line carries the caller) or `assistant`. A number in
    0..1. None: there is no audio or no text to compare.
    """
    speaker = context.option("speaker", "user")
    speech = await _listen(context, speaker)
    error = word_error_rate(speech.written, speech.heard) if speech else None
    if speech is None or error is None:
        return Verdict(None, f"there is no {speaker} audio with a text beside it")
    return Verdict(1 - min(1.0, error), f"word error rate {error:.2f}; heard: {speech.heard!r}", (speech.heard,))


async def grade_stt_then_text(context: GraderContext) -> Verdict:
    """What is heard contains `contains`, nothing of `not_contains`, and matches `regex`.

    `speaker` says whose sound: `assistant` (the default) or `user`. `contains` and `not_contains` are compared as
    spoken words, so ``48213`` is found in *four eight two one three*; `regex` is searched in the transcript as it is,
    whatever the case. 1: all hold. 0: one does not. None: there is no audio.
    """
    paths = [path for turn in context.turns if (path := _audio_path(turn, context.option("speaker", "assistant")))]
    if not paths:
        return Verdict(None, "there is no audio to listen to")
    heard = " ".join([await context.listen(path) for path in paths])
    words = f" {' '.join(spoken_words(heard))} "
    problems = [f"not heard: {text!r}" for text in context.option("contains", []) if _phrase(text) not in words]
    problems += [f"heard: {text!r}" for text in context.option("not_contains", []) if _phrase(text) in words]
    pattern = context.option("regex")
    if pattern and not re.search(pattern, heard, re.IGNORECASE):
        problems.append(f"nothing matches {pattern!r}")
    return Verdict(float(not problems), "; ".join([*problems, f"heard: {heard!r}"]), (heard,))


def _why_nothing_sounds(context: GraderContext) -> str | None:
    """Return why there is nothing to listen to where the case was held in writing."""
    is_written = context.record.settings.get("input") == "text"
    return "the case was held in writing (input=text): there is no sound" if is_written else None


async def _listen(context: GraderContext, speaker: str) -> _WrittenAndHeard | None:
    written, heard = [], []
    for turn in context.turns:
        path, text = _audio_path(turn, speaker), turn.user_text if speaker == "user" else turn.assistant_text
        if path and text.strip():
            written.append(text)
            heard.append(await context.listen(path))
    return _WrittenAndHeard(" ".join(written), " ".join(heard)) if written else None


def _audio_path(turn: Turn, speaker: str) -> str | None:
    return next((turn.artifacts[name] for name in _AUDIO_ARTIFACTS[speaker] if name in turn.artifacts), None)


def _phrase(text: str) -> str:
    return f" {' '.join(spoken_words(text))} "


GRADERS = (
    GraderType(
        "audio_text_mismatch",
        "2",
        grade_audio_text_mismatch,
        {
            "max_difference": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": f"the largest difference that passes (default: {DEFAULT_MAX_DIFFERENCE})",
            }
        },
        needs=_TRANSCRIBE,
        fails_on_silence=False,
        inapplicable=_why_nothing_sounds,
        reads=frozenset({TRANSCRIPT}),
    ),
    GraderType(
        "wer",
        "2",
        grade_wer,
        {"speaker": _SPEAKER},
        needs=_TRANSCRIBE,
        fails_on_silence=False,
        inapplicable=_why_nothing_sounds,
    ),
    GraderType(
        "stt_then_text",
        "2",
        grade_stt_then_text,
        {"speaker": _SPEAKER, "contains": TEXTS, "not_contains": TEXTS, "regex": PATTERN},
        one_required=("contains", "not_contains", "regex"),
        needs=_TRANSCRIBE,
        fails_on_silence=False,
        inapplicable=_why_nothing_sounds,
    ),
)
