"""Graders that listen."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.graders.context import GraderContext, GraderServices, HeardText
from evalkit.graders.registry import GRADER_TYPES
from evalkit.records.grade import GraderSpec, Verdict

BOTH = {"input_audio_path": "in.wav", "output_audio_path": "out.wav"}
SAID = "Your order 48213 has shipped and will arrive on March 12th."


async def listen(record: Any, kind: str, heard: dict[str, str], turn: int | None = 1, **options: Any) -> Verdict:
    async def transcribe(path: str) -> HeardText:
        return HeardText(heard[path])

    asked_turn = None if turn is None else record.turns[turn - 1]
    asked = GraderContext(record, asked_turn, GraderSpec("g", kind, options), GraderServices(transcribe))
    return await GRADER_TYPES[kind].grade(asked)


@pytest.mark.parametrize(
    ("heard", "wanted"),
    [
        ("your order four eight two one three has shipped and will arrive on march twelfth", 1),
        ("Your order 48,213 is shipped and we'll arrive on March 12.", 1),
        ("I am sorry, I can't help you with that today.", 0),
        ("", 0),
    ],
)
async def test_audio_and_text(make_record: Any, heard: str, wanted: float) -> None:
    """Recognition errors pass, another sentence and no speech at all do not."""
    record = make_record([], [], text=SAID, artifacts=BOTH)
    verdict = await listen(record, "audio_text_mismatch", {"out.wav": heard})
    assert verdict.grade == wanted
    assert verdict.evidence == (heard,)


async def test_the_limit_is_an_option(make_record: Any) -> None:
    """A stricter limit fails what the default forgives."""
    record = make_record([], [], text="one two three four five", artifacts=BOTH)
    heard = {"out.wav": "one two three four nine"}
    assert (await listen(record, "audio_text_mismatch", heard)).grade == 1
    assert (await listen(record, "audio_text_mismatch", heard, max_difference=0.1)).grade == 0


@pytest.mark.parametrize(("text", "artifacts"), [(SAID, {}), ("", BOTH), ("...", BOTH)])
async def test_without_audio_or_words_there_is_nothing_to_compare(
    make_record: Any, text: str, artifacts: dict[str, str]
) -> None:
    """No grade, rather than a pass or a fail."""
    record = make_record([], [], text=text, artifacts=artifacts)
    assert (await listen(record, "audio_text_mismatch", {"out.wav": "x"})).grade is None


async def test_a_dialogue_names_its_sound_otherwise(make_record: Any) -> None:
    """The artifact names of dialogues are known too, and a trace is heard turn by turn."""
    record = make_record([], [], [], text="hello", artifacts={"assistant_audio_path": "a.wav"})
    verdict = await listen(record, "audio_text_mismatch", {"a.wav": "hello"}, turn=None)
    assert verdict.grade == 1
    assert verdict.evidence == ("hello hello",)


async def test_wer_is_a_number(make_record: Any) -> None:
    """One of four of the caller's words lost is 0.75; the assistant's sound is heard on request; 0 is the floor."""
    record = make_record([], [], user_text="where is my order", text="right here", artifacts=BOTH)
    heard = {"in.wav": "where is order", "out.wav": "right"}
    assert (await listen(record, "wer", heard)).grade == 0.75
    assert (await listen(record, "wer", heard, speaker="assistant")).grade == 0.5
    assert (await listen(record, "wer", {"in.wav": "a b c d e f g"})).grade == 0
    assert (await listen(make_record([], []), "wer", {})).grade is None


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"contains": ["48213"]}, 1),
        ({"contains": ["four eight two one three", "shipped"]}, 1),
        ({"contains": ["refund"]}, 0),
        ({"contains": ["ship"]}, 0),
        ({"not_contains": ["refund"]}, 1),
        ({"not_contains": ["order"]}, 0),
        ({"regex": "^your"}, 1),
        ({"regex": "^order", "contains": ["order"]}, 0),
        ({"speaker": "user", "contains": ["help"]}, 1),
    ],
)
async def test_stt_then_text(make_record: Any, options: dict[str, Any], wanted: float) -> None:
    """Whole spoken words are looked for, so ids are found however they were said."""
    record = make_record([], [], artifacts=BOTH)
    heard = {"out.wav": "Your order 482 13 has shipped.", "in.wav": "Help me."}
    assert (await listen(record, "stt_then_text", heard, **options)).grade == wanted


async def test_stt_then_text_without_audio(make_record: Any) -> None:
    """No audio, no grade."""
    assert (await listen(make_record([], []), "stt_then_text", {}, contains=["x"])).grade is None
